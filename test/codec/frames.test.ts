/** Messages on a stream: they come back whole, and bytes that are no message are noticed. */
import { array, integer, record, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/codec/binary.js";
import { frameHead, FrameSplitter } from "../../src/codec/frames.js";
import { property } from "../harness/property.js";

const push = (bytes: readonly number[]) => [...new FrameSplitter().push(Uint8Array.from(bytes))];

const frames = array(
  record({ field: integer({ min: 1, max: 2 ** 11 - 1 }), bytes: uint8Array({ maxLength: 300 }) }),
);

describe("frames", () => {
  property([frames, integer({ min: 1, max: 50 })])(
    "come back whole, however the stream cuts them",
    (sent, step) => {
      const stream = Buffer.concat(
        sent.flatMap(({ field, bytes }) => [frameHead(field, bytes.length), bytes]),
      );
      const splitter = new FrameSplitter();
      const found: { field: number; bytes: number[] }[] = [];
      for (let at = 0; at < stream.length; at += step) {
        for (const { field, bytes } of splitter.push(stream.subarray(at, at + step))) {
          found.push({ field, bytes: [...bytes] });
        }
      }
      expect(found).toEqual(sent.map(({ field, bytes }) => ({ field, bytes: [...bytes] })));
    },
  );

  test("a frame that the writer could not finish is no message", () => {
    expect(push([0x0a, 1, 7, 0x0a, 2, 8])).toEqual([{ field: 1, bytes: Uint8Array.of(7) }]);
  });

  test("a head that is none, or of no sane length, is refused at once", () => {
    expect(() => push([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).toThrow(FormatError);
    expect(() => push([0x0a, 0xff, 0xff, 0xff, 0x7f])).toThrow(FormatError);
    expect(() => push([0x08, 0x01])).toThrow(FormatError);
  });
});
