/**
 * Messages of our gRPC API as tables of fields. `scripts/generate` writes the tables from the proto
 * files into `api`; a test compares both with protobufjs. Numbers of 64 bits are bigints, oneofs are
 * `{ case, value }`, and a message inside another one is `undefined` where it is absent.
 *
 * Byte strings that are decoded are views of the bytes given. A field number is below 16.
 */
import { assert } from "../types/assert.js";
import {
  type Cursor,
  fieldOf,
  Malformed,
  readLength,
  readTag,
  readVarint,
  skipValue,
  WIRE_BYTES,
  WIRE_VARINT,
} from "../wire/codec/cursor.js";
import { FIELDS_MAX, type Writer, written } from "../wire/codec/writer.js";

/** One kind of value: how it is read, written, and what its absence means. */
interface Kind<T, Given = T> {
  readonly wireType: typeof WIRE_VARINT | typeof WIRE_BYTES;
  readonly absent: T;
  readonly read: (cursor: Cursor) => T;
  readonly put: (writer: Writer, field: number, value: Given) => void;
  readonly isAbsent: (value: Given) => boolean;
}

/** A field of a message. `Given` is what an encoder takes: what is left out there is absent. */
export interface Field<T, Given = T> {
  readonly number: number;
  readonly form: "single" | "optional" | "repeated";
  readonly kind: Kind<unknown, never>;
  /** For the types alone. */
  readonly types?: (given: Given) => T;
}

/** Fields of which at most one is set. */
export interface OneOf<T, Given = T> {
  readonly form: "oneof";
  readonly cases: Readonly<Record<string, AnyField>>;
  readonly types?: (given: Given) => T;
}

type AnyField = Field<unknown, never>;
type Fields = Readonly<Record<string, AnyField | OneOf<unknown, never>>>;

type ValueOf<F> = { readonly [K in keyof F]: F[K] extends Typed<infer T, never> ? T : never };
type GivenOf<F> = {
  readonly [K in keyof F]?: (F[K] extends Typed<unknown, infer G> ? G : never) | undefined;
};
type Cases<F> = {
  [K in keyof F]: { readonly case: K; readonly value: NonNullable<ValueOf<F>[K]> };
}[keyof F];
type GivenCases<F> = {
  [K in keyof F]: { readonly case: K; readonly value: NonNullable<GivenOf<F>[K]> };
}[keyof F];
interface Typed<T, Given> {
  readonly types?: (given: Given) => T;
}

/** A message: encodes and decodes its values. */
export interface Message<T, Given = T> {
  readonly name: string;
  /** Fields that are left out are absent. */
  readonly encode: (value: Given) => Uint8Array;
  /** @throws {Malformed} */
  readonly decode: (bytes: Uint8Array) => T;
  readonly kind: Kind<T | undefined, Given | undefined>;
}

/** The value of a message, decoded. */
export type Decoded<M> = M extends Message<infer T, never> ? T : never;
/** The value of a message, as its encoder takes it. */
export type Encodable<M> = M extends Message<unknown, infer Given> ? Given : never;

const NO_BYTES = new Uint8Array(0);
const NONE: readonly unknown[] = Object.freeze([]);
const utf8 = new TextDecoder("utf-8", { fatal: true });

function single<T, Given = T>(number: number, kind: Kind<T, Given>): Field<T, Given> {
  assert(number > 0 && number <= FIELDS_MAX, "a field number fits the writer's tags");
  return { number, form: "single", kind: kind };
}

const u64Kind: Kind<bigint> = {
  wireType: WIRE_VARINT,
  absent: 0n,
  read: readVarint,
  put: (writer, field, value) => writer.u64(field, value),
  isAbsent: (value) => value === 0n,
};

const u32Kind: Kind<number> = {
  wireType: WIRE_VARINT,
  absent: 0,
  read: (cursor) => Number(BigInt.asUintN(32, readVarint(cursor))),
  put: (writer, field, value) => writer.u64(field, BigInt(value)),
  isAbsent: (value) => value === 0,
};

const boolKind: Kind<boolean> = {
  wireType: WIRE_VARINT,
  absent: false,
  read: (cursor) => readVarint(cursor) !== 0n,
  put: (writer, field, value) => writer.u64(field, value ? 1n : 0n),
  isAbsent: (value) => !value,
};

const bytesKind: Kind<Uint8Array> = {
  wireType: WIRE_BYTES,
  absent: NO_BYTES,
  read: readView,
  put: (writer, field, value) => writer.bytes(field, value),
  isAbsent: (value) => value.length === 0,
};

const textKind: Kind<string> = {
  wireType: WIRE_BYTES,
  absent: "",
  read: (cursor) => {
    try {
      return utf8.decode(readView(cursor));
    } catch {
      throw new Malformed("a text is not UTF-8");
    }
  },
  put: (writer, field, value) => writer.bytes(field, Buffer.from(value, "utf8")),
  isAbsent: (value) => value === "",
};

function readView(cursor: Cursor): Uint8Array {
  const end = readLength(cursor);
  const view = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return view;
}

export const u64 = (number: number): Field<bigint> => single(number, u64Kind);
export const u32 = (number: number): Field<number> => single(number, u32Kind);
export const bool = (number: number): Field<boolean> => single(number, boolKind);
export const bytes = (number: number): Field<Uint8Array> => single(number, bytesKind);
export const text = (number: number): Field<string> => single(number, textKind);

/** A message inside another one. */
export function inner<T, Given>(
  number: number,
  { kind }: Message<T, Given>,
): Field<T | undefined, Given | undefined> {
  return single(number, kind);
}

/** A field whose absence is told from its zero. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { number: field.number, form: "optional", kind: field.kind };
}

export function repeated<T, Given>(
  field: Field<T, Given>,
): Field<readonly NonNullable<T>[], readonly NonNullable<Given>[]> {
  return { number: field.number, form: "repeated", kind: field.kind };
}

/** At most one of `cases`; of several on the wire the last one counts. */
export function oneOf<C extends Readonly<Record<string, AnyField>>>(
  cases: C,
): OneOf<Cases<C> | undefined, GivenCases<C> | undefined> {
  return { form: "oneof", cases };
}

/** A field, the name under which its value stands, and its case of a oneof. */
interface Slot {
  readonly name: string;
  readonly field: AnyField;
  readonly oneOfCase: string | undefined;
}

type Values = Record<string, unknown>;

/** The message of these fields. */
export function message<F extends Fields>(
  name: string,
  fields: F,
): Message<ValueOf<F>, GivenOf<F>> {
  const slots = slotsOf(fields);
  const byNumber: (Slot | undefined)[] = [];
  for (const slot of slots) byNumber[slot.field.number] = slot;
  const blank = blankOf(fields);
  const descending = slots.toSorted((a, b) => b.field.number - a.field.number);
  const read = (cursor: Cursor): Values => readFields(cursor, { ...blank }, byNumber);
  const put = (writer: Writer, value: Values): void => putFields(writer, value, descending);
  const kind: Kind<unknown, unknown> = {
    wireType: WIRE_BYTES,
    absent: undefined,
    read: (cursor) => {
      const outer = cursor.end;
      cursor.end = readLength(cursor);
      const value = read(cursor);
      cursor.end = outer;
      return value;
    },
    put: (writer, field, value) => writer.message(field, put, value as Values),
    isAbsent: (value) => value === undefined,
  };
  return {
    name,
    encode: (value) => written(put, value as Values, sizeOf(value as Values)),
    decode: (encoded) => {
      const plain = new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.length);
      return read({ bytes: plain, at: 0, end: plain.length }) as ValueOf<F>;
    },
    kind: kind as Kind<ValueOf<F> | undefined, GivenOf<F> | undefined>,
  };
}

function slotsOf(fields: Fields): Slot[] {
  return Object.entries(fields).flatMap(([name, field]): Slot[] => {
    if (field.form !== "oneof") return [{ name, field, oneOfCase: undefined }];
    const cases = Object.entries(field.cases);
    return cases.map(([oneOfCase, each]) => ({ name, field: each, oneOfCase }));
  });
}

function blankOf(fields: Fields): Values {
  const entries = Object.entries(fields).map(([name, field]) => {
    if (field.form === "repeated") return [name, NONE] as const;
    return [name, field.form === "single" ? field.kind.absent : undefined] as const;
  });
  return Object.fromEntries(entries);
}

function readFields(cursor: Cursor, value: Values, slots: readonly (Slot | undefined)[]): Values {
  while (cursor.at < cursor.end) {
    const tag = readTag(cursor);
    const slot = slots[fieldOf(tag)];
    if (slot === undefined) skipValue(cursor, tag);
    else if (tag % 8 === slot.field.kind.wireType) take(value, slot, slot.field.kind.read(cursor));
    else if (tag % 8 === WIRE_BYTES && slot.field.form === "repeated") {
      // Numbers of a repeated field come together as a rule.
      const end = readLength(cursor);
      while (cursor.at < end) take(value, slot, slot.field.kind.read(cursor));
      if (cursor.at !== end) throw new Malformed("a number is cut off");
    } else skipValue(cursor, tag);
  }
  return value;
}

function take(value: Values, { name, field, oneOfCase }: Slot, read: unknown): void {
  if (oneOfCase !== undefined) value[name] = { case: oneOfCase, value: read };
  else if (field.form !== "repeated") value[name] = read;
  else if (value[name] === NONE) value[name] = [read];
  else (value[name] as unknown[]).push(read);
}

function putFields(writer: Writer, value: Values, descending: readonly Slot[]): void {
  for (const { name, field, oneOfCase } of descending) {
    const given = value[name];
    if (given === undefined) continue;
    const put = field.kind.put as (writer: Writer, field: number, value: unknown) => void;
    const isAbsent = field.kind.isAbsent as (value: unknown) => boolean;
    if (oneOfCase !== undefined) {
      const chosen = given as { readonly case: string; readonly value: unknown };
      if (chosen.case === oneOfCase) put(writer, field.number, chosen.value);
    } else if (field.form === "repeated") {
      const all = given as readonly unknown[];
      for (let at = all.length - 1; at >= 0; at--) put(writer, field.number, all[at]);
    } else if (field.form === "optional" || !isAbsent(given)) put(writer, field.number, given);
  }
}

/** About as many bytes as a value takes: what is large in a message are its byte strings. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length + 16;
  if (typeof value === "string") return value.length + 16;
  if (typeof value !== "object" || value === null) return 16;
  let bytesAbout = 16;
  for (const each of Object.values(value)) bytesAbout += sizeOf(each);
  return bytesAbout;
}
