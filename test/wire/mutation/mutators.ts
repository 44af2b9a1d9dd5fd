/**
 * The changes that are made to a message. Gentle mutators keep the framing sound and often the message valid;
 * harsh ones break a rule of the framing or of the schema; rough ones know nothing but bytes. Each
 * takes all its choices from `random`, so that a mutant is made again from its seed.
 */
import type { Random } from "../../../src/testing/simulated/random.js";
import type { FieldShape, MessageShape } from "./messages/schema.js";
import {
  BYTES,
  type Field,
  fieldOf,
  FIXED32,
  FIXED64,
  GROUP,
  GROUP_END,
  TreeWriter,
  VARINT,
} from "./messages/tree.js";

/**
 * A field that was chosen, the fields beside it, and the message that they are in. The field and the
 * list are there to be changed; the other fields may be part of other trees too.
 */
export interface Spot {
  readonly siblings: Field[];
  readonly index: number;
  readonly field: Field;
  readonly message: MessageShape;
  readonly shape: FieldShape | undefined;
}

/** Messages of every type in a corpus, to take fields from. */
export type Donors = ReadonlyMap<MessageShape, readonly (readonly Field[])[]>;
export type TreeMutator = (spot: Spot, random: Random, donors: Donors) => void;
export type ByteMutator = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const edges = [
  0n,
  1n,
  127n,
  128n,
  999_999_999n,
  1_000_000_000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n + 5n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1_000_000_000n,
  2n ** 64n - 1n,
];
const lengths = [2n ** 31n - 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
/** Beyond these, lists are not grown further: mutants stay small, so that many can be run. */
const GROWN_BYTES_MAX = 30_000;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function randomU64(random: Random): bigint {
  const wide = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
  return wide >> BigInt(random.below(64));
}

/** The fields of a message of that type; none, where the corpus has no such message. */
function donorOf(random: Random, donors: Donors, message: MessageShape): readonly Field[] {
  const messages = donors.get(message);
  return messages === undefined ? [] : pick(random, messages);
}

/** Puts `field` anywhere among the siblings. */
function insert({ siblings }: Spot, random: Random, field: Field): void {
  siblings.splice(random.below(siblings.length + 1), 0, field);
}

/** A sound value of `wireType`. */
function bodyOf(random: Random, wireType: number, number: number): Field["body"] {
  if (wireType === VARINT) return randomU64(random);
  if (wireType === FIXED64) return randomBytes(random, 8);
  if (wireType === FIXED32) return randomBytes(random, 4);
  if (wireType === GROUP) return groupBody(random, number, 1 + random.below(3));
  return randomBytes(random, random.below(12));
}

const writer = new TreeWriter();

/** The bytes behind the start tag of group `number`: groups in each other, some fields, the end tags. */
function groupBody(random: Random, number: number, depth: number): Uint8Array {
  const inside: Field[] = [];
  for (let count = random.below(3); count > 0; count--) {
    const wireType = pick(random, [VARINT, FIXED64, BYTES, FIXED32]);
    // Inside a group sei-chain bounds field numbers by the framing only.
    const inner = random.below(8) === 0 ? 0x2000_0000 : 1 + random.below(20);
    inside.push(fieldOf(inner, wireType, bodyOf(random, wireType, inner)));
  }
  const starts = new Uint8Array(depth - 1).fill(8 + GROUP);
  const ends = new Uint8Array(depth - 1).fill(8 + GROUP_END);
  const fields = writer.write(inside).slice();
  return joined(starts, fields, ends, writer.write([empty(number, GROUP_END)]));
}

function empty(number: number, wireType: number): Field {
  return fieldOf(number, wireType, new Uint8Array(0));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A number that `message` has no field of; low ones are often reserved ones. */
function unknownNumber(random: Random, message: MessageShape): number {
  const high = [15, 16, 100, 2_047, 2_048, 19_000, 0x1fff_ffff];
  const number = random.below(2) === 0 ? 1 + random.below(10) : pick(random, high);
  return message.fields[number] === undefined ? number : 11;
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
  return copy;
}

export const gentle: Readonly<Record<string, TreeMutator>> = {
  flipValue: ({ field }, random) => {
    if (typeof field.body === "bigint") field.body ^= 1n << BigInt(random.below(64));
    else if (field.body instanceof Uint8Array && field.wireType === BYTES) {
      field.body = flipped(field.body, random);
    }
  },
  otherNumber: ({ field }, random) => {
    if (typeof field.body !== "bigint") return;
    field.body = random.below(2) === 0 ? pick(random, edges) : randomU64(random);
  },
  pad: ({ field }, random) => {
    if (random.below(2) === 0) field.tagPad = 1 + random.below(8);
    else field.pad = random.below(8);
  },
  unknownField: (spot, random) => {
    const number = unknownNumber(random, spot.message);
    const wireType = pick(random, [VARINT, FIXED64, BYTES, GROUP, FIXED32]);
    insert(spot, random, fieldOf(number, wireType, bodyOf(random, wireType, number)));
  },
  nestedGroups: (spot, random) => {
    const number = unknownNumber(random, spot.message);
    const depth = random.below(200) === 0 ? 9_996 + random.below(10) : 1 + random.below(130);
    insert(spot, random, fieldOf(number, GROUP, groupBody(random, number, depth)));
  },
  swapFields: ({ siblings, index }, random) => {
    const other = random.below(siblings.length);
    [siblings[index], siblings[other]] = [siblings[other]!, siblings[index]!];
  },
  reverseFields: ({ siblings }) => {
    siblings.reverse();
  },
  splice: ({ siblings, index, field, message }, random, donors) => {
    const same = donorOf(random, donors, message).filter(({ number }) => number === field.number);
    if (same.length > 0) siblings[index] = pick(random, same);
  },
  repeatInList: (spot, random) => {
    if (spot.shape !== undefined && spot.shape.countMax > 1) insert(spot, random, spot.field);
  },
  deleteFromList: ({ siblings, index, shape }) => {
    if (shape !== undefined && shape.countMax > 1) siblings.splice(index, 1);
  },
};

export const harsh: Readonly<Record<string, TreeMutator>> = {
  deleteField: ({ siblings, index }) => {
    siblings.splice(index, 1);
  },
  repeatField: (spot, random) => insert(spot, random, spot.field),
  /** A repeated field, or another arm of a oneof, with a value of its own. */
  foreignField: (spot, random, donors) => {
    const fields = donorOf(random, donors, spot.message);
    if (fields.length > 0) insert(spot, random, pick(random, fields));
  },
  fillList: ({ siblings, index, field, shape }, random) => {
    if (shape === undefined || shape.countMax > 100 || shape.countMax === 1) return;
    if (random.below(40) > 0 || writer.write([field]).length * 100 > GROWN_BYTES_MAX) {
      return;
    }
    const more = shape.countMax - siblings.length + random.below(3);
    siblings.splice(index, 0, ...Array.from({ length: Math.max(more, 0) }, () => field));
  },
  otherWireType: ({ field }, random) => {
    field.wireType = pick(random, [VARINT, FIXED64, BYTES, GROUP, FIXED32]);
    field.body = bodyOf(random, field.wireType, field.number);
  },
  wrongWireTypeBeside: (spot, random) => {
    const wireType = pick(random, [VARINT, FIXED64, BYTES, GROUP, FIXED32]);
    const { number } = spot.field;
    insert(spot, random, fieldOf(number, wireType, bodyOf(random, wireType, number)));
  },
  reservedWireType: ({ field }, random) => {
    field.wireType = 6 + random.below(2);
  },
  otherFieldNumber: ({ field }, random) => {
    field.number = random.below(12);
  },
  badFieldNumber: (spot, random) => {
    const number = pick(random, [0, 0x2000_0000, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 2 ** 40]);
    insert(spot, random, fieldOf(number, VARINT, 1n));
  },
  lengthOffByOne: ({ field }, random) => {
    field.lie = random.below(2) === 0 ? 1n : -1n;
  },
  hugeLength: ({ field }, random) => {
    field.lie = pick(random, lengths);
  },
  overlongNumber: ({ field }, random) => {
    if (typeof field.body !== "bigint") {
      if (random.below(2) === 0) field.pad = 9 + random.below(3);
      else field.tagPad = 9 + random.below(3);
    } else if (random.below(2) === 0) field.body |= 1n << BigInt(64 + random.below(6));
    else field.pad = 9 + random.below(3);
  },
  overlongUnknownNumber: (spot, random) => {
    const number = unknownNumber(random, spot.message);
    insert(spot, random, { ...fieldOf(number, VARINT, 1n), pad: 9 + random.below(4) });
  },
  shorterOrLonger: ({ field }, random) => {
    if (!(field.body instanceof Uint8Array)) return;
    const length = pick(random, [0, 1, field.body.length - 1, field.body.length + 1, 33, 65]);
    const copy = new Uint8Array(Math.max(length, 0));
    copy.set(field.body.subarray(0, copy.length));
    field.body = copy;
  },
  emptied: ({ field }) => {
    if (typeof field.body !== "bigint") field.body = [];
  },
  garbageInside: ({ field }, random) => {
    if (field.wireType === BYTES) field.body = randomBytes(random, random.below(40));
  },
  brokenGroup: (spot, random) => {
    const number = unknownNumber(random, spot.message);
    const whole = groupBody(random, number, 1 + random.below(4));
    const body = random.below(2) === 0 ? whole.subarray(0, -1) : flipped(whole, random);
    const field = fieldOf(number, GROUP, body);
    insert(spot, random, random.below(3) === 0 ? empty(number, GROUP_END) : field);
  },
};

/** Two places in `bytes`, the lower one first. */
function twoPlaces(bytes: Uint8Array, random: Random): [number, number] {
  const [a, b] = [random.below(bytes.length + 1), random.below(bytes.length + 1)];
  return a < b ? [a, b] : [b, a];
}

export const rough: Readonly<Record<string, ByteMutator>> = {
  flipBits: (bytes, random) => {
    let changed = bytes;
    for (let count = 1 + random.below(3); count > 0; count--) changed = flipped(changed, random);
    return changed;
  },
  setByte: (bytes, random) => {
    const copy = bytes.slice();
    if (copy.length > 0) copy[random.below(copy.length)] = pick(random, [0, 1, 127, 128, 255]);
    return copy;
  },
  insertBytes: (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const more = randomBytes(random, 1 + random.below(4));
    return joined(bytes.subarray(0, at), more, bytes.subarray(at));
  },
  deleteBytes: (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4)));
  },
  truncate: (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  repeatChunk: (bytes, random) => {
    const [from, to] = twoPlaces(bytes, random);
    return joined(bytes.subarray(0, to), bytes.subarray(from));
  },
  swapChunks: (bytes, random) => {
    const [from, to] = twoPlaces(bytes, random);
    return joined(bytes.subarray(to), bytes.subarray(from, to), bytes.subarray(0, from));
  },
  spliceBytes: (bytes, random, other) => {
    const head = bytes.subarray(0, random.below(bytes.length + 1));
    return joined(head, other.subarray(random.below(other.length + 1)));
  },
  append: (bytes, _random, other) => joined(bytes, other),
};
