/** Taking fields out of a message's tree: what must be there, what may, and fixed lengths. */
import { assert } from "../../types/assert.js";
import { DecodeError, type DecodeReason } from "../../wire/decode-error.js";
import { KEY_BYTES } from "../../wire/messages.js";
import { RawMessage, type RawValue } from "./raw-tree.js";

/** Refuses `raw` because of its field `name`. */
export function refuse(raw: RawMessage, name: string, reason: DecodeReason, detail: string): never {
  throw new DecodeError(reason, { path: `${raw.path}.${name}`, offset: raw.offset }, detail);
}

function valueOf(raw: RawMessage, field: number): RawValue | undefined {
  return raw.values[field]?.at(-1);
}

export function maybeVarintOf(raw: RawMessage, field: number): bigint | undefined {
  const value = valueOf(raw, field);
  assert(value === undefined || typeof value === "bigint", "the schema makes this field a number");
  return value;
}

export function varintOf(raw: RawMessage, field: number, name: string): bigint {
  return maybeVarintOf(raw, field) ?? refuse(raw, name, "missing", "is required");
}

/** A view of a byte string that may be absent. */
export function lendOf(raw: RawMessage, field: number): Uint8Array | undefined {
  const value = valueOf(raw, field);
  assert(value === undefined || value instanceof Uint8Array, "the schema makes this field bytes");
  return value;
}

/** A copy of a byte string that may be absent. */
export function bytesOf(raw: RawMessage, field: number): Uint8Array | undefined {
  return lendOf(raw, field)?.slice();
}

/** A copy of a byte string of exactly `length` bytes; an absent one has none. */
export function fixedOf(raw: RawMessage, field: number, name: string, length: number): Uint8Array {
  const value = lendOf(raw, field);
  const found = value?.length ?? 0;
  if (value === undefined || found !== length) {
    refuse(raw, name, "length", `has ${found} bytes, not ${length}`);
  }
  return value.slice();
}

/** Views of all byte strings of a repeated field. */
export function lendAllOf(raw: RawMessage, field: number): readonly Uint8Array[] {
  const values = raw.values[field] ?? [];
  return values.map((value) => {
    assert(value instanceof Uint8Array, "the schema makes this field bytes");
    return value;
  });
}

export function maybeMessageOf<T>(
  raw: RawMessage,
  field: number,
  from: (raw: RawMessage) => T,
): T | undefined {
  const value = valueOf(raw, field);
  assert(value === undefined || value instanceof RawMessage, "the schema makes this a message");
  return value === undefined ? undefined : from(value);
}

export function messageOf(raw: RawMessage, field: number, name: string): RawMessage {
  const same = (value: RawMessage): RawMessage => value;
  return maybeMessageOf(raw, field, same) ?? refuse(raw, name, "missing", "is required");
}

export function manyOf<T>(raw: RawMessage, field: number, from: (raw: RawMessage) => T): T[] {
  return (raw.values[field] ?? []).map((value) => {
    assert(value instanceof RawMessage, "the schema makes this field a message");
    return from(value);
  });
}

export function publicKeyFrom(raw: RawMessage): Uint8Array {
  return fixedOf(raw, 1, "ed25519", KEY_BYTES);
}
