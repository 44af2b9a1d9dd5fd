/**
 * Sums of whole objects, in turns of the event loop: SHA-256 of 8 MiB takes some milliseconds, which no vote should
 * wait for. A thread would cost more: it takes a copy of the bytes, and the memory for it.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { hex } from "../../codec/hex.js";

/** About a tenth of a millisecond. */
const HASHED_PER_TURN = 128 * 1024;

/** Lends `bytes`: they must not change. */
export async function sha256InTurns(bytes: Uint8Array): Promise<Uint8Array> {
  const sum = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASHED_PER_TURN) {
    if (at > 0) await nextTurn();
    sum.update(bytes.subarray(at, at + HASHED_PER_TURN));
  }
  return new Uint8Array(sum.digest());
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return hex(await sha256InTurns(bytes));
}
