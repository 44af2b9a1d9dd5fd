/** From an address to a bucket: `file:///folder`, or `s3://BUCKET/PREFIX` (see `s3/address.ts`). */
import { absolutePath } from "../disk/path.js";
import { PersisterError } from "../types/errors.js";
import type { Bucket } from "./bucket/bucket.js";
import { FileBucket } from "./bucket/file-bucket.js";
import { S3Bucket, type BucketChoices } from "./s3/s3-bucket.js";

/**
 * Opens a bucket; close it. Nothing is asked of a server, and no folder is made yet.
 *
 * @throws {PersisterError} USAGE for an address that is wrong.
 */
export async function openBucket(address: string, choices: BucketChoices = {}): Promise<Bucket> {
  if (address.startsWith("s3://")) return await Promise.resolve(new S3Bucket(address, choices));
  if (address.startsWith("file://")) {
    return new FileBucket(absolutePath(folderOf(address)), choices.pacing);
  }
  const text = `${JSON.stringify(address)} is no address of a bucket: file:///folder or s3://BUCKET/PREFIX`;
  throw new PersisterError("USAGE", text);
}

/** `file:///a/folder` is absolute; `file://folder` leads from the process's directory. */
function folderOf(address: string): URL | string {
  return address.startsWith("file:///") ? new URL(address) : address.slice("file://".length);
}
