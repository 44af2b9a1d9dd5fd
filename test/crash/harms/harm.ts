/** Damage behind the store's back, where it hurts most: in what was written last. */
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";

const HARM = 0x10;

/** Flips a bit `back` bytes before the last byte that was written to the newest segment. */
export function flipBit(disk: SimulatedDisk, back: number): void {
  const segments = disk
    .files()
    .filter(({ path }) => path.endsWith(".seg"))
    .map(({ path }) => ({ path, bytes: disk.readNow(path) }));
  const newest = segments.reduce((best, each) =>
    sequenceOf(each.bytes) > sequenceOf(best.bytes) ? each : best,
  );
  const at = Math.max(0, newest.bytes.findLastIndex((byte) => byte !== 0) - back);
  disk.damage(newest.path, at, Uint8Array.of(newest.bytes[at]! ^ HARM));
}

function sequenceOf(segment: Uint8Array): bigint {
  const found = decodeHead(segment.subarray(0, claimedHeadBytes(segment) ?? 0));
  return found.status === "head" ? found.head.sequence : -1n;
}
