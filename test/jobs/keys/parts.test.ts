/** Keys and payloads byte for byte: every worked value of the persistency library, and their order. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  byte,
  decodeParts,
  enumeration,
  int,
  key,
  type KeyRange,
  type Part,
  payload,
  prefixRange,
  rawKey,
  uint16,
  uint32,
  uint64,
} from "../../../src/jobs/index.js";
import { property } from "../../harness/property.js";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (of: Uint8Array): string => Buffer.from(of).toString("hex");

const I64_MIN = -(1n << 63n);
const I64_MAX = (1n << 63n) - 1n;
const U64_MAX = (1n << 64n) - 1n;
const alice: Part = ["alice", int(5)];

describe("a key is the bytes of its parts", () => {
  test.each<[string, readonly Part[]]>([
    ["", []],
    ["0000", [""]],
    ["0000", [new Uint8Array(0)]],
    ["000161", ["a"]],
    ["00026162", ["ab"]],
    ["0002c3a9", ["é"]],
    ["0004deadbeef", [bytes("deadbeef")]],
    ["8000000000000000", [int(0)]],
    ["8000000000000001", [int(1)]],
    ["7fffffffffffffff", [int(-1)]],
    ["7ffffffffffffffe", [int(-2)]],
    ["800000000000002a", [int(42)]],
    ["7fffffffffffff80", [int(-128)]],
    ["800000000000007f", [int(127)]],
    ["7fffffffffff8000", [int(-32768)]],
    ["8000000000007fff", [int(32767)]],
    ["7fffffff80000000", [int(-2147483648)]],
    ["800000007fffffff", [int(2147483647)]],
    ["0000000000000000", [int(I64_MIN)]],
    ["ffffffffffffffff", [int(I64_MAX)]],
    ["0000000000000001", [uint16(1)]],
    ["000000000000ffff", [uint16(65535)]],
    ["00000000ffffffff", [uint32(4294967295)]],
    ["0000000000000100", [uint64(256)]],
    ["ffffffffffffffff", [uint64(U64_MAX)]],
    ["00", [false]],
    ["01", [true]],
    ["ff", [byte(255)]],
    ["41", [byte(0x41)]],
    ["8000000000000000", [enumeration(0)]],
    ["8000000000000002", [enumeration(2)]],
    ["7ffffffffffffffb", [enumeration(-5)]],
    ["000263688000000000000001", ["ch", int(1)]],
    ["0005616c6963658000000000000005", [alice]],
    ["000276310005616c6963658000000000000005", ["v1", alice]],
    ["00067072656669780001618000000000000007", ["prefix", key("a", int(7))]],
    ["00ff", [rawKey(bytes("00ff"))]],
    ["000a6368616e6e656c2d34328000000000000001", ["channel-42", int(1)]],
    ["0003626c6b00000000000f4240", ["blk", uint64(1_000_000)]],
    ["0101", [true, byte(1)]],
    ["0101", [byte(1), true]],
  ])("%s", (hex, parts) => {
    expect(hexOf(key(...parts).bytes)).toBe(hex);
  });

  test("J45 J46 J47 J48 a list is its parts, nested or flat", () => {
    const flat = key("a", int(1), true).bytes;
    expect(key(["a", int(1), true]).bytes).toEqual(flat);
    expect(key([["a", int(1)], [true]]).bytes).toEqual(flat);
    expect(key([["a", [int(1), [true]]]]).bytes).toEqual(flat);
  });

  test("J49 a member of an enumeration is its ordinal as an integer", () => {
    for (const ordinal of [0, 2, -5]) {
      expect(key(enumeration(ordinal)).bytes).toEqual(key(int(ordinal)).bytes);
    }
  });

  test("J50 the key of one value is that of a list of it alone", () => {
    expect(key("a").bytes).toEqual(key(["a"]).bytes);
  });

  test("J52 a key in a key is its bytes as they are", () => {
    const inner = rawKey(bytes("00ff17"));
    expect(hexOf(key("a", inner).bytes)).toBe("00016100ff17");
    expect(hexOf(key(inner).bytes)).toBe("00ff17");
  });

  test("a key keeps no byte of its caller's", () => {
    const given = bytes("0102");
    const made = rawKey(given);
    given.fill(9);
    expect(hexOf(made.bytes)).toBe("0102");
  });
});

describe("a payload is the bytes of its parts", () => {
  test.each<[string, readonly Part[]]>([
    ["00026869", ["hi"]],
    ["800000000000002a", [int(42)]],
    ["01", [true]],
    [
      "0005616c696365800000000000000980000000000000010003aabbcc",
      [["alice", int(9)], enumeration(1), bytes("aabbcc")],
    ],
    ["0002763180000000000000010002dead", ["v1", int(1), bytes("dead")]],
  ])("%s", (hex, parts) => {
    expect(hexOf(payload(...parts))).toBe(hex);
  });

  test.each<[string, number, Part]>([
    ["int", 8, int(1)],
    ["uint16", 8, uint16(1)],
    ["uint64", 8, uint64(1)],
    ["enumeration", 8, enumeration(1)],
    ["byte", 1, byte(1)],
    ["boolean", 1, true],
    ["a string of two letters", 4, "hi"],
    ["three bytes", 5, bytes("010203")],
  ])("J53 %s takes %i bytes", (_, size, part) => {
    expect(payload(part)).toHaveLength(size);
  });

  test("J54 J55 a payload is its fields, one after the other", () => {
    const fields = [["alice", int(9)], enumeration(1), bytes("aabbcc")] as const;
    const each = fields.map((field) => Buffer.from(payload(field)));
    expect(payload(...fields)).toEqual(Uint8Array.from(Buffer.concat(each)));
    expect(payload([...fields])).toEqual(payload(...fields));
  });
});

describe("parts that cannot be encoded are refused", () => {
  const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
    ["a bare number", () => key(5 as never), /no width: write int\(5\)/],
    ["a bare bigint", () => key(5n as never), /no width/],
    ["an object", () => key({} as never), /no part/],
    ["null", () => key(null as never), /no part/],
    ["a string of 65,536 bytes", () => key("x".repeat(65_536)), /65535 at most/],
    ["a lone surrogate", () => key("\ud800"), /surrogate/],
    ["a fraction", () => int(0.5), /integer/],
    ["a number above 2^53", () => uint64(2 ** 60), /bigint/],
    ["int above its range", () => int(I64_MAX + 1n), /not in/],
    ["int below its range", () => int(I64_MIN - 1n), /not in/],
    ["uint16 above its range", () => uint16(65_536), /not in/],
    ["uint32 above its range", () => uint32(2 ** 32), /not in/],
    ["uint64 above its range", () => uint64(U64_MAX + 1n), /not in/],
    ["uint64 below zero", () => uint64(-1), /not in/],
    ["byte above its range", () => byte(256), /not in/],
  ];
  test.each(refused)("%s", (_, make, message) => {
    expect(make).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) }),
    );
  });

  test("the longest string is no such part", () => {
    expect(key("x".repeat(65_535)).bytes.length).toBe(65_537);
  });
});

const part: fc.Arbitrary<
  readonly [Part, "string" | "bytes" | "int" | "uint64" | "byte" | "boolean", unknown]
> = fc.oneof(
  fc.string({ unit: "grapheme" }).map((value) => [value, "string", value] as const),
  fc.uint8Array().map((value) => [value, "bytes", value] as const),
  fc.bigInt({ min: I64_MIN, max: I64_MAX }).map((value) => [int(value), "int", value] as const),
  fc.bigInt({ min: 0n, max: U64_MAX }).map((value) => [uint64(value), "uint64", value] as const),
  fc.nat(255).map((value) => [byte(value), "byte", value] as const),
  fc.boolean().map((value) => [value, "boolean", value] as const),
);

describe("what was encoded is decoded", () => {
  property([fc.array(part)])("whatever the parts are", (parts) => {
    const encoded = payload(...parts.map(([each]) => each));
    const decoded = decodeParts(
      encoded,
      parts.map(([, kind]) => kind),
    );
    expect(decoded).toEqual(parts.map(([, , value]) => value));
  });

  property([fc.array(part, { minLength: 1 }), fc.nat()])("and nothing shorter is", (parts, cut) => {
    const encoded = payload(...parts.map(([each]) => each));
    fc.pre(encoded.length > 0);
    const shorter = encoded.subarray(0, cut % encoded.length);
    const shape = parts.map(([, kind]) => kind);
    expect(() => decodeParts(shorter, shape)).toThrow(expect.objectContaining({ code: "INVALID" }));
  });

  test("a list stands for its parts", () => {
    const [name, [height, flag]] = decodeParts(payload("a", int(-3), true), [
      "string",
      ["int", "boolean"],
    ]);
    expect([name, height, flag]).toEqual(["a", -3n, true]);
  });

  test.each<[string, string, "string" | "boolean" | "uint16" | "uint32"]>([
    ["bytes that are no UTF-8", "0002ffff", "string"],
    ["a boolean of 2", "02", "boolean"],
    ["a uint16 of 65,536", "0000000000010000", "uint16"],
    ["a uint32 of 2^32", "0000000100000000", "uint32"],
    ["a byte too many", "0100", "boolean"],
  ])("%s is refused", (_, hex, kind) => {
    expect(() => decodeParts(bytes(hex), [kind])).toThrow(
      expect.objectContaining({ code: "INVALID" }),
    );
  });
});

const sign = (a: Uint8Array, b: Uint8Array): number => Math.sign(Buffer.compare(a, b));

describe("keys sort as their parts do", () => {
  property([fc.bigInt({ min: I64_MIN, max: I64_MAX }), fc.bigInt({ min: I64_MIN, max: I64_MAX })])(
    "J3 signed integers by value",
    (a, b) => {
      expect(sign(key(int(a)).bytes, key(int(b)).bytes)).toBe(a < b ? -1 : a > b ? 1 : 0);
    },
  );

  property([fc.bigInt({ min: 0n, max: U64_MAX }), fc.bigInt({ min: 0n, max: U64_MAX })])(
    "J4 unsigned integers by value",
    (a, b) => {
      expect(sign(key(uint64(a)).bytes, key(uint64(b)).bytes)).toBe(a < b ? -1 : a > b ? 1 : 0);
    },
  );

  property([fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })])(
    "J1 J2 strings by length, then by bytes",
    (a, b) => {
      const [left, right] = [Buffer.from(a), Buffer.from(b)];
      const expected = left.length - right.length || Buffer.compare(left, right);
      expect(sign(key(a).bytes, key(b).bytes)).toBe(Math.sign(expected));
    },
  );

  property([
    fc.tuple(fc.string({ unit: "grapheme" }), fc.bigInt({ min: I64_MIN, max: I64_MAX })),
    fc.tuple(fc.string({ unit: "grapheme" }), fc.bigInt({ min: I64_MIN, max: I64_MAX })),
  ])("J5 J6 J51 composites by their first part, then by the next", ([a, m], [b, n]) => {
    const byName = sign(key(a).bytes, key(b).bytes);
    const expected = byName !== 0 ? byName : m < n ? -1 : m > n ? 1 : 0;
    expect(sign(key(a, int(m)).bytes, key(b, int(n)).bytes)).toBe(expected);
  });

  test("J7 a shorter composite precedes its extensions", () => {
    const keys = [
      key("a"),
      key("a", ""),
      key("a", int(I64_MIN)),
      key("a", int(-1)),
      key("a", int(0)),
    ];
    const sorted = keys.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
    expect(sorted).toEqual(keys);
  });

  test("J8 equal parts are equal bytes", () => {
    expect(key("a", int(1)).bytes).toEqual(key("a", int(1)).bytes);
    expect(key("a", int(1)).bytes).not.toEqual(key("a", int(2)).bytes);
  });
});

const contains = ({ start, stop }: KeyRange, of: Uint8Array): boolean =>
  (start === undefined || Buffer.compare(of, start as Uint8Array) >= 0) &&
  (stop === undefined || Buffer.compare(of, stop as Uint8Array) < 0);

describe("a prefix is a range", () => {
  test.each([
    ["000161", "000162"],
    ["0001617fffffffffffffff", "00016180"],
    ["000161ffffffffffffffff", "000162"],
    ["00ff", "01"],
    ["01ffff", "02"],
    ["ff00", "ff01"],
    ["feff", "ff"],
  ])("J9 of %s up to %s", (prefix, stop) => {
    expect(prefixRange(bytes(prefix))).toEqual({ start: bytes(prefix), stop: bytes(stop) });
  });

  test.each(["ffffff", "ff", ""])("J12 of %s, open at its end", (prefix) => {
    expect(prefixRange(bytes(prefix))).toEqual({ start: bytes(prefix) });
  });

  property([fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 6 })])(
    "J10 J11 of the keys that begin with it, and no other",
    (prefix, other) => {
      const begins = Buffer.compare(other.subarray(0, prefix.length), prefix) === 0;
      expect(contains(prefixRange(prefix), other)).toBe(begins && other.length >= prefix.length);
      expect(contains(prefixRange(prefix), Buffer.concat([prefix, other]))).toBe(true);
    },
  );
});
