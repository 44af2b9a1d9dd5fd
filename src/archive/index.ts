/** `lanekeeper/archive`: buckets in object storage and in folders. */
export type { WaitOptions } from "../async/signal.js";
export type { Pacing } from "./bucket/attempts.js";
export type {
  Bucket,
  ListedObject,
  ListOptions,
  PutOptions,
  PutResult,
  StoredObject,
  Tag,
} from "./bucket/bucket.js";
export { type Needs, probe } from "./bucket/probe.js";
export { openBucket } from "./open-bucket.js";
export type { BucketChoices } from "./s3/s3-bucket.js";
export type { Credentials, CredentialSource } from "./s3/credentials.js";
export type { Environment } from "./s3/address.js";
