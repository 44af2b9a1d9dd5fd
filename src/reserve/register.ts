/**
 * The engine behind reservations: a store that other machines reach, and that keeps the conditions of a put.
 * Addresses: `s3://BUCKET/PREFIX`, `file:///folder`.
 */
import { openBucket } from "../archive/open-bucket.js";
import type { Register } from "./chain.js";

/**
 * Opens the register at an address; close it. Nothing is asked of a server yet.
 *
 * @throws {PersisterError} USAGE for an address that is wrong; READ_ONLY, DISK_FULL, IO for a folder.
 */
export async function openRegister(address: string): Promise<Register> {
  return await openBucket(address);
}
