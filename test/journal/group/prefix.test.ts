/** A record of two parts: a prefix, and a payload that may be written from where it lies. */
import { expect, test } from "vitest";
import type { AppendEntry } from "../../../src/journal/group/group.js";
import type { LogEngine } from "../../../src/journal/log-engine.js";
import { bornJournal, openJournal } from "../kit.js";

/** Below, at and above the size up to which a payload is copied; and one that is summed ahead. */
const sizes = [0, 1, 100, 4096, 16_383, 16_384, 16_385, 20_000];
const SEGMENT_BYTES = 256 * 1024;

function part(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) % 251);
}

function append(journal: LogEngine, number: bigint, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const entry: AppendEntry = {
      type: "append",
      name: "a",
      number,
      prefix: part(12, 7),
      payload: part(size, 3),
      hash: undefined,
      settled: (error) => (error ? reject(error) : resolve()),
    };
    journal.submit([entry]);
  });
}

test("is read back as one, whatever its size, also after a crash and in a later group", async () => {
  const disk = await bornJournal(SEGMENT_BYTES);
  const { journal } = await openJournal(disk, { segmentBytes: SEGMENT_BYTES });
  const writing: Promise<void>[] = [];
  for (const [index, size] of sizes.entries()) {
    writing.push(append(journal, BigInt(index), size));
    // The first group is on its way while the rest comes: those payloads are summed ahead.
    if (index === 2) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(writing);
  const after = await openJournal(disk.kill(), { segmentBytes: SEGMENT_BYTES });
  for (const each of [journal, after.journal]) {
    for (const [index, size] of sizes.entries()) {
      const read = await each.read("a", BigInt(index));
      expect(read && Uint8Array.from(read)).toEqual(
        Uint8Array.from([...part(12, 7), ...part(size, 3)]),
      );
    }
  }
});
