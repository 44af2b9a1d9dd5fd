import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, FormatError } from "../../src/codec/binary.js";

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
