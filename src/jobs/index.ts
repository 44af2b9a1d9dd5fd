/** `lanekeeper/jobs`: isolated key-value stores for everything that a node must remember. */
export { Job, type Scan, type ScanOptions, type WriteOptions } from "./job.js";
export type { JobsById } from "./by-id.js";
export { type JobStatus, JobStore, type JobStoreStatus } from "./job-store.js";
export { key, type KeyRange, payload, prefixRange, rawKey } from "./keys/key.js";
export type { JobChoices } from "./opening.js";
export type { JobStoreChoices } from "./options.js";
export {
  byte,
  type Decoded,
  type DecodedParts,
  decodeParts,
  enumeration,
  int,
  Key,
  type Part,
  type PartShape,
  type SizedNumber,
  uint16,
  uint32,
  uint64,
} from "./keys/parts.js";
export type { Row } from "./level/values.js";
export type { JobOperation } from "./write.js";
export type { JobVerification } from "./verify.js";
