/** SHA-256 beside the event loop: an object of 8 MiB takes some milliseconds, which no vote should wait for. */
import { webcrypto } from "node:crypto";
import { hex } from "../../codec/hex.js";

/** Lends `bytes`. */
export async function sha256Aside(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.digest("SHA-256", bytes));
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return hex(await sha256Aside(bytes));
}
