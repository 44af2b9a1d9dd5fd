/** Taking fields out of a scanned message: what must be there, what may, and fixed lengths. */
import { type LaneId, laneIdOf } from "../../types/lane.js";
import { DecodeError, type DecodeReason } from "./decode-error.js";
import { KEY_BYTES } from "../messages.js";
import type { RawMessage } from "./raw-message.js";

/** Refuses `raw` because of its field `name`. */
export function refuse(raw: RawMessage, name: string, reason: DecodeReason, detail: string): never {
  throw new DecodeError(reason, { path: `${raw.path}.${name}`, offset: raw.offset }, detail);
}

function nameOf(raw: RawMessage, field: number): string {
  return raw.schema.fields[field]?.name ?? String(field);
}

function missing(raw: RawMessage, field: number): never {
  return refuse(raw, nameOf(raw, field), "missing", "is required");
}

export function varintOf(raw: RawMessage, field: number): bigint {
  return raw.varint(field) ?? missing(raw, field);
}

export function messageOf(raw: RawMessage, field: number): RawMessage {
  return raw.message(field) ?? missing(raw, field);
}

export function maybeMessageOf<T>(
  raw: RawMessage,
  field: number,
  from: (raw: RawMessage) => T,
): T | undefined {
  const message = raw.message(field);
  return message === undefined ? undefined : from(message);
}

/** A byte string of exactly `length` bytes; an absent one has none. */
export function fixedOf(raw: RawMessage, field: number, length: number): Uint8Array {
  const value = raw.bytes(field);
  const found = value?.length ?? 0;
  if (value === undefined || found !== length) {
    refuse(raw, nameOf(raw, field), "length", `has ${found} bytes, not ${length}`);
  }
  return value;
}

export function publicKeyFrom(raw: RawMessage): Uint8Array {
  return fixedOf(raw, 1, KEY_BYTES);
}

export function laneIdFrom(raw: RawMessage): LaneId {
  const key = publicKeyFrom(messageOf(raw, 1));
  return laneIdOf(key, varintOf(raw, 2));
}
