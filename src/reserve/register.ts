/**
 * The engine behind reservations: a store that other machines reach, and that keeps the conditions of a put.
 * Addresses: `s3://BUCKET/PREFIX`, `file:///folder`, `etcd://HOST:PORT/PREFIX`.
 */
import { openBucket } from "../archive/open-bucket.js";
import type { Register } from "./chain.js";

/**
 * Opens the register at an address; close it. Nothing is asked of a server yet.
 *
 * @throws {PersisterError} USAGE for an address that is wrong; READ_ONLY, DISK_FULL, IO for a folder.
 */
export async function openRegister(address: string): Promise<Register> {
  if (!address.startsWith("etcd://")) return await openBucket(address);
  // gRPC is loaded for etcd alone.
  const { EtcdRegister } = await import("./etcd-register.js");
  return await EtcdRegister.open(address);
}
