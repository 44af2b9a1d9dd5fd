import { expect, test } from "vitest";
import { chunkEnds } from "../../../src/journal/group/chunk-size.js";
import { DiskSpeed } from "../../../src/journal/group/disk-speed.js";

const KIB = 1024;
const MIB = 1024 * KIB;

test("before anything was measured there are two chunks up to 2 MiB, and four beyond that", () => {
  const speed = new DiskSpeed();
  expect(chunkEnds(0, speed)).toEqual([0]);
  expect(chunkEnds(100, speed)).toEqual([100]);
  expect(chunkEnds(MIB / 2, speed)).toEqual([MIB / 2]);
  expect(chunkEnds(MIB + 1000, speed)).toEqual([(3 * MIB) / 8 + 375, MIB + 1000]);
  expect(chunkEnds(2 * MIB, speed)).toEqual([(3 * MIB) / 4, 2 * MIB]);
  expect(chunkEnds(16 * MIB, speed)).toHaveLength(4);
});

test("the first chunk is smaller than the others, which are equal", () => {
  const [first = 0, second = 0, third = 0, last = 0] = chunkEnds(16 * MIB, new DiskSpeed());
  expect(first).toBe(3 * MIB);
  for (const each of [second - first, third - second, last - third]) {
    expect(Math.abs(each - (13 * MIB) / 3)).toBeLessThan(1);
  }
  expect(last).toBe(16 * MIB);
});

test("a flush that takes long makes chunks large, so that few of them pay it", () => {
  const speed = { flushMs: 5, bytesPerMs: MIB / 7.5 };
  expect(chunkEnds(4 * MIB, speed)).toEqual([1.5 * MIB, 4 * MIB]);
  expect(chunkEnds(MIB, speed)).toEqual([MIB]);
});

test("a small write that waited for large ones does not make one chunk of a large group", () => {
  const speed = new DiskSpeed();
  speed.note(MIB, 0.5);
  for (let write = 0; write < 20; write++) speed.note(8 * KIB, 8);
  speed.note(8 * KIB, 0.1);
  for (let write = 0; write < 20; write++) speed.note(8 * KIB, 8);
  expect(chunkEnds(8 * MIB, speed)).toHaveLength(4);
});
