/** Segments that are read in parts say what they say in one. */
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import { MemoryDisk } from "../../../src/disk/memory.js";
import type { DiskFile } from "../../../src/disk/disk.js";
import {
  RECORD_HEADER_BYTES,
  recordType,
  writeRecordHeader,
} from "../../../src/journal/form/records.js";
import type { WalkedRecord } from "../../../src/journal/segment/segment.js";
import { SegmentParts } from "../../../src/journal/segment/parts.js";
import { walkRecords } from "../walk.js";

const MIB = 1024 * 1024;
const START = { offset: 4096, chain: 77, nextLsn: 5n };

/** A segment with records of these sizes, and where its last one ends. */
function segmentOf(sizes: readonly number[]): { bytes: Buffer; end: number } {
  const total = sizes.reduce((sum, size) => sum + RECORD_HEADER_BYTES + size, START.offset);
  const bytes = Buffer.alloc(total + 8192);
  let { offset, chain, nextLsn: lsn } = START;
  for (const [at, size] of sizes.entries()) {
    const payload = bytes.subarray(offset + RECORD_HEADER_BYTES).subarray(0, size);
    payload.fill(`record ${at} `);
    chain = writeRecordHeader(bytes, offset, chain, {
      payloadLength: size,
      payloadCrc: crc32c(payload),
      type: recordType.append,
      more: false,
      lsn,
      log: 1,
      number: BigInt(at),
    });
    offset += RECORD_HEADER_BYTES + size;
    lsn += 1n;
  }
  return { bytes, end: offset };
}

async function fileOf(disk: MemoryDisk, path: string, bytes: Uint8Array): Promise<DiskFile> {
  const file = await disk.create(path);
  await file.writeDurable(0, [bytes]);
  return file;
}

function brief({ lsn, offset, number, payload }: WalkedRecord): string {
  return `${lsn} ${offset} ${number} ${crc32c(payload)}`;
}

const shapes = [
  { label: "none", sizes: [] },
  { label: "a few small ones", sizes: [10, 0, 300] },
  { label: "many that straddle the parts", sizes: Array.from({ length: 40 }, () => 700_001) },
  { label: "as large as what is carried over", sizes: [7 * MIB, 2 * MIB - 40, 2 * MIB, 3 * MIB] },
  { label: "one larger than two parts", sizes: [100, 19 * MIB, 100] },
];

describe("the records of a segment", () => {
  test.each(shapes)("$label: found in parts as in one piece", async ({ sizes }) => {
    const { bytes, end } = segmentOf(sizes);
    const file = await fileOf(new MemoryDisk(), "segment", bytes);
    for (const to of [end, bytes.length]) {
      const whole: string[] = [];
      const wholeEnd = walkRecords(bytes.subarray(0, to), START, (record) => {
        whole.push(brief(record));
      });
      const found: string[] = [];
      const parts = new SegmentParts([{ file, from: START.offset, to }]);
      const foundEnd = await parts.walkNext(START, (record) => found.push(brief(record)));
      await parts.end();
      expect(found).toEqual(whole);
      expect(found).toHaveLength(sizes.length);
      expect(foundEnd).toEqual(wholeEnd);
    }
  });

  test("several segments in a row, also behind one that breaks off early or is cut short", async () => {
    const disk = new MemoryDisk();
    const shape = segmentOf(Array.from({ length: 30 }, () => MIB));
    const broken = Buffer.from(shape.bytes);
    broken.writeUInt8(1, START.offset + 5 * (MIB + RECORD_HEADER_BYTES) + 100);
    const cut = shape.bytes.subarray(0, START.offset + 12 * MIB);
    const files = await Promise.all(
      [shape.bytes, broken, cut, shape.bytes].map((bytes, at) => fileOf(disk, `${at}`, bytes)),
    );
    const ranges = files.map((file) => ({ file, from: START.offset, to: shape.end }));
    const parts = new SegmentParts(ranges);
    const counts: number[] = [];
    const reasons: string[] = [];
    for (const _ of ranges) {
      let count = 0;
      const end = await parts.walkNext(START, () => {
        count += 1;
      });
      counts.push(count);
      reasons.push(end.reason);
    }
    await parts.end();
    expect(counts).toEqual([30, 5, 11, 30]);
    expect(reasons[1]).toBe("payload checksum mismatch");
    expect(reasons[2]).toBe("the payload runs over the segment");
  });
});
