/**
 * Every bit of a sealed segment, flipped: open refuses, or gives what was acknowledged. At full size every bit of every
 * byte that was written is tried; a part of the size takes so many of those beside a byte that is not zero.
 */
import { expect, test } from "vitest";
import { PersisterError } from "../../../src/types/errors.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { all, bornJournal, newestSegment, openJournal, text } from "../../journal/kit.js";
import { ring } from "../../journal/seal/kit.js";
import { ONE_IN, SCALE, sampled } from "../../scale.js";

const TEST_MS_MAX = 3_600_000;
const RECORDS = 3n;
const secret = (number: bigint): string => `the secret payload ${number}`;
const secrets = [0n, 1n, 2n].map(secret);

/** Time stands still: nothing is moved to another key meanwhile. */
async function opened(disk: SimulatedDisk) {
  return await openJournal(disk, { pace: () => undefined, ring: ring("a") });
}

/** The bits that this run tries: of the zeros of a block, which are all alike, a few. */
function bitsOf(bytes: Uint8Array, end: number): readonly number[] {
  const bits = Array.from({ length: end * 8 }, (_, bit) => bit);
  if (SCALE === 1) return bits;
  const isIdle = (at: number): boolean => {
    return bytes.subarray(Math.max(0, at - 8), at + 8).every((byte) => byte === 0);
  };
  return sampled(bits.filter((bit) => bit % 331 === 0 || !isIdle(bit >> 3)));
}

test("E4 any bit of a sealed segment, flipped, is refused or harms nothing", {
  timeout: TEST_MS_MAX,
}, async () => {
  const disk = await bornJournal();
  const { journal, log } = await opened(disk);
  for (let number = 0n; number < RECORDS; number++) {
    await log().append({ number, payload: text(secret(number)) });
  }
  await journal.close();
  const { path, bytes } = newestSegment(disk);
  const verdicts = { refused: 0, whole: 0 };
  for (const bit of bitsOf(bytes, journal.currentSegment.endOffset)) {
    const harmed = disk.kill();
    const at = bit >> 3;
    harmed.damage(path, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (bit & 7))));
    try {
      const again = await opened(harmed);
      expect(await all(again.log()), `bit ${bit}`).toEqual(secrets);
      verdicts.whole += 1;
      await again.journal.close();
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      expect(cause.code, `bit ${bit}`).toMatch(/^(JOURNAL_CORRUPT|ACKNOWLEDGED_LOST)$/);
      verdicts.refused += 1;
    }
  }
  console.log(`bits of a sealed segment: ${JSON.stringify(verdicts)}`);
  expect(verdicts.refused).toBeGreaterThan(1000 / ONE_IN);
});
