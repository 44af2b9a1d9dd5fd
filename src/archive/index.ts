/** `lanekeeper/archive`: history beyond one machine, in object storage or in a folder. */
export type { WaitOptions } from "../async/signal.js";
export type { Pacing } from "./bucket/attempts.js";
export type {
  Bucket,
  Comparison,
  GetOptions,
  ListedObject,
  ListOptions,
  PutOptions,
  PutResult,
  StoredObject,
  Tag,
} from "./bucket/bucket.js";
export { type Needs, probe, type Probed } from "./bucket/probe.js";
export { openBucket } from "./open-bucket.js";
export type { BucketChoices } from "./s3/s3-bucket.js";
export type { Credentials, CredentialSource } from "./s3/credentials.js";
export type { Environment } from "./s3/address.js";
export { Archive, type ArchiveChoices } from "./reading/archive.js";
export type { CopiedLog } from "./reading/copy.js";
export type { ArchivedRange, VerifiedLog } from "./reading/verify.js";
export type { Link, ReadLink } from "./form/link.js";
export type { ArchivedLog } from "./form/names.js";
export type { RetainedRange, RetainedRecord } from "../log/retained-range.js";
export type { KeySource } from "../keys/source.js";
export type { LaneId } from "../types/lane.js";
export type { Epoch, EpochOf } from "../wire/committee.js";
export type { ArchiveCounts } from "./writing/counts.js";
export type { ArchiveStatus } from "./writing/archiving.js";
export type { ArchiveToChoices } from "./writing/options.js";
