import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, FormatError, writeU64 } from "../../src/codec/binary.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { edges } from "../types/edges.js";

test("a writer that outgrows its first buffer keeps every value", () => {
  const writer = new ByteWriter(1);
  writer
    .u8(1)
    .u16(2)
    .u32(3)
    .u64(4n)
    .text("five")
    .bytes(new Uint8Array([6, 7]));
  const reader = new ByteReader(writer.result());
  expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.text()]).toEqual([
    1,
    2,
    3,
    4n,
    "five",
  ]);
  expect(reader.bytes(2)).toEqual(new Uint8Array([6, 7]));
  reader.end();
});

test("a number of 64 bits is written as it is: no double has an odd one above 2^53", () => {
  const inRange = edges.filter((each) => each >= 0n && each <= U64_MAX);
  const all = fc.oneof(fc.constantFrom(...inRange), fc.bigInt({ min: 0n, max: U64_MAX }));
  const property = fc.property(all, (value) => {
    const bytes = Buffer.alloc(10, 0xff);
    writeU64(bytes, value, 1);
    expect(bytes.readBigUInt64LE(1)).toBe(value);
    expect([bytes[0], bytes[9]]).toEqual([0xff, 0xff]);
    expect(new ByteReader(new ByteWriter(1).u64(value).result()).u64()).toBe(value);
  });
  const examples = inRange.map((each): [bigint] => [each]);
  fc.assert(property, { examples: [...examples, [2n ** 53n + 1n], [2n ** 63n + 1n]] });
});

test("values of any sizes come back from a writer of any capacity", () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), chunks, (capacity, values) => {
      const writer = new ByteWriter(capacity);
      for (const value of values) writer.u32(value.length).bytes(value);
      const reader = new ByteReader(writer.result());
      for (const value of values) expect(reader.bytes(reader.u32())).toEqual(value);
      reader.end();
    }),
  );
});

test("a reader refuses what is cut short and what is left over, and says where", () => {
  const reader = new ByteReader(new Uint8Array([1, 2, 3]));
  expect(reader.u16()).toBe(0x0201);
  expect(() => reader.u16()).toThrow(FormatError);
  expect(() => reader.end()).toThrow(FormatError);
  expect(reader.offset).toBe(2);
});
