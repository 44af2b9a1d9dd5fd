/** A walk past damage tells what is lost, and finds what is still there behind it. */
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import {
  RECORD_HEADER_BYTES,
  recordType,
  writeRecordHeader,
} from "../../../src/journal/form/records.js";
import { missingRanges } from "../../../src/inspect/walk/missing.js";
import { walkPastDamage, type WalkStep } from "../../../src/inspect/walk/segment-walk.js";

const START = { offset: 64, chain: 7, nextLsn: 100n };
const COUNT = 8;
const THROUGH = START.nextLsn + BigInt(COUNT) - 1n;

/** Eight records behind each other, and where each begins. */
function segment(): { bytes: Buffer; offsets: number[] } {
  const bytes = Buffer.alloc(4096);
  const offsets: number[] = [];
  let { offset, chain } = START;
  for (let index = 0; index < COUNT; index++) {
    const payload = Buffer.alloc(20 + index, `record ${index} `);
    offsets.push(offset);
    chain = writeRecordHeader(bytes, offset, chain, {
      payloadLength: payload.length,
      payloadCrc: crc32c(payload),
      type: recordType.append,
      more: false,
      lsn: START.nextLsn + BigInt(index),
      log: 3,
      number: BigInt(index),
    });
    bytes.set(payload, offset + RECORD_HEADER_BYTES);
    offset += RECORD_HEADER_BYTES + payload.length;
  }
  offsets.push(offset);
  return { bytes, offsets };
}

/** The steps of the walk in short: numbers of records, `!n` for a damaged one, `..` for a gap. */
function walked(bytes: Uint8Array, through = THROUGH): string {
  const words: string[] = [];
  for (const step of walkPastDamage(bytes, START, through)) words.push(wordOf(step));
  return words.join(" ");
}

function wordOf(step: WalkStep): string {
  if (step.kind === "record") return `${step.record.number}`;
  if (step.kind === "damaged") return `!${step.header.number}`;
  if (step.kind === "end") return `end ${step.place.nextLsn}`;
  return step.resumed ? `..${step.resumed.nextLsn}` : "..";
}

function harmed(offset: number, length = 1): Buffer {
  const { bytes } = segment();
  for (let at = offset; at < offset + length; at++) bytes[at] = ~(bytes[at] ?? 0);
  return bytes;
}

const { offsets } = segment();

test("whole: every record, and the end", () => {
  expect(walked(segment().bytes)).toBe("0 1 2 3 4 5 6 7 end 108");
});

test("a damaged payload costs that record alone", () => {
  expect(walked(harmed(offsets[2]! + 45))).toBe("0 1 !2 3 4 5 6 7 end 108");
  expect(walked(harmed(offsets[7]! + 45))).toBe("0 1 2 3 4 5 6 !7 end 108");
});

describe("a damaged header", () => {
  const fields: readonly (readonly [string, number])[] = [
    ["checksum", 0],
    ["payload length", 4],
    ["payload checksum", 8],
    ["type", 12],
    ["LSN", 16],
    ["log", 24],
    ["number", 32],
  ];
  test.each(fields)("%s: the chain goes on behind that record", (_, at) => {
    expect(walked(harmed(offsets[3]! + at))).toBe("0 1 2 ..104 4 5 6 7 end 108");
  });

  test("of the last record: nothing goes on", () => {
    expect(walked(harmed(offsets[7]!))).toBe("0 1 2 3 4 5 6 .. end 107");
  });

  test("of the record before the last: the last one is found", () => {
    expect(walked(harmed(offsets[6]! + 4))).toBe("0 1 2 3 4 5 ..107 7 end 108");
  });
});

test("two headers and all between them: what is behind is found", () => {
  const bytes = harmed(offsets[1]!, offsets[4]! - offsets[1]! + 10);
  expect(walked(bytes)).toBe("0 ..105 5 6 7 end 108");
});

test("zeros over some records, and noise over others", () => {
  const { bytes } = segment();
  bytes.fill(0, offsets[1], offsets[3]);
  expect(walked(bytes)).toBe("0 ..103 3 4 5 6 7 end 108");
  const noise = segment().bytes;
  noise.fill("noise!", offsets[0], offsets[6]);
  expect(walked(noise)).toBe("..106 6 7 end 108");
});

test("a segment that is cut short, or empty", () => {
  const { bytes } = segment();
  expect(walked(bytes.subarray(0, offsets[5]! + 50))).toBe("0 1 2 3 4 !5 .. end 106");
  expect(walked(bytes.subarray(0, offsets[5]! + 3))).toBe("0 1 2 3 4 .. end 105");
  expect(walked(new Uint8Array(0))).toBe(".. end 100");
});

test("behind what must be there the first break is the end, and no gap", () => {
  const torn = harmed(offsets[4]! + 2);
  expect(walked(torn, START.nextLsn + 3n)).toBe("0 1 2 3 end 104");
  expect(walked(new Uint8Array(0), START.nextLsn - 1n)).toBe("end 100");
});

test("a stale record with an LSN that is not due is not taken for one", () => {
  const { bytes } = segment();
  const stale = bytes.subarray(offsets[0], offsets[2]);
  const copy = Buffer.from(bytes);
  copy.fill(0, offsets[3]);
  copy.set(stale, offsets[5]);
  expect(walked(copy)).toBe("0 1 2 .. end 103");
});

test("missing ranges: holes, both ends, nothing found, an absurd length", () => {
  const range = (first: bigint, next: bigint) => ({ first, next });
  expect(missingRanges(range(2n, 9n), [3n, 4n, 7n])).toEqual([
    range(2n, 3n),
    range(5n, 7n),
    range(8n, 9n),
  ]);
  expect(missingRanges(range(0n, 3n), [2n, 0n, 1n, 1n])).toEqual([]);
  expect(missingRanges(range(5n, 7n), [1n, 9n])).toEqual([range(5n, 7n)]);
  expect(missingRanges(range(4n, 4n), [])).toEqual([]);
  expect(missingRanges(range(0n, 2n ** 64n - 1n), [])).toHaveLength(1);
});
