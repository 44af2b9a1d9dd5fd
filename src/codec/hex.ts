/** `bytes` as lower-case hex digits, as keys and hashes are written in messages and names. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}
