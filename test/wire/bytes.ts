/** Bytes written as hex, and the seeds of test keys. */
import { createHash } from "node:crypto";

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The seed of a test key: SHA-256 of its seed string. */
export function seedOf(text: string): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(text).digest());
}
