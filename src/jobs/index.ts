/** `lanekeeper/jobs`: isolated key-value stores for everything that a node must remember. */
export type { OpeningChoices, OpenProgress } from "../async/opening.js";
export { Job, type WriteOptions } from "./job.js";
export type { JobsById } from "./by-id.js";
export { JobStore } from "./job-store.js";
export type { JobKeyUse, JobStatus, JobStoreStatus } from "./store/status.js";
export type { Scan, ScanOptions } from "./scan.js";
export { key, type KeyRange, payload, prefixRange, rawKey } from "./keys/key.js";
export type { JobChoices } from "./store/opening.js";
export type { KeyChoices, KeySource } from "../keys/source.js";
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
export type { JobOperation } from "./journal/write.js";
export type { JobVerification } from "./store/verify.js";
