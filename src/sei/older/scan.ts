/**
 * Plain protobuf meaning on top of the scan: what the older revision read its files with. Several
 * occurrences of a message field are one message, as if their bytes stood one after the other; of a
 * oneof's arms the last holds, and one that another arm came after is forgotten.
 */
import { assert } from "../../types/assert.js";
import { RawMessage, type RawValue, readTree } from "./raw-tree.js";
import type { OlderSchema } from "./schema.js";

/**
 * Scans all of `bytes` as a message of `schema`. A field that is not repeated has at most one
 * message. The byte strings inside are views of `bytes`.
 *
 * @throws {DecodeError} `malformed` or `field_number`: nothing is limited.
 */
export function scanMerging(bytes: Uint8Array, schema: OlderSchema): RawMessage {
  const raw = readTree(bytes, schema);
  merge(raw, schema);
  return raw;
}

function merge(raw: RawMessage, schema: OlderSchema): void {
  if (schema.oneof === true) keepLastArm(raw);
  for (let number = 1; number < raw.values.length; number++) {
    const rule = schema.fields[number];
    const messages = raw.values[number] ?? [];
    if (rule?.message === undefined || messages.length === 0) continue;
    const found = messages.map(asMessage);
    const merged = rule.repeated === true ? found : [joined(found)];
    raw.values[number] = merged;
    for (const message of merged) merge(message, rule.message);
  }
}

/** One message with the fields of all, in the order of the wire. */
function joined(messages: readonly RawMessage[]): RawMessage {
  const [first, ...others] = messages;
  assert(first !== undefined, "a field that was found has a message");
  for (const other of others) {
    for (let number = 1; number < other.values.length; number++) {
      for (const value of other.values[number] ?? []) (first.values[number] ??= []).push(value);
    }
  }
  return first;
}

/** Leaves the arm that was read last, of it the occurrences that no other arm came after. */
function keepLastArm(raw: RawMessage): void {
  let last = 0;
  let lastOffset = -1;
  let othersOffset = -1;
  for (let number = 1; number < raw.values.length; number++) {
    const offset = offsetOf(raw.values[number]?.at(-1));
    if (offset > lastOffset) {
      othersOffset = lastOffset;
      [last, lastOffset] = [number, offset];
    } else {
      othersOffset = Math.max(othersOffset, offset);
    }
  }
  for (let number = 1; number < raw.values.length; number++) {
    const kept = number === last ? raw.values[number] : undefined;
    raw.values[number] = kept?.filter((value) => offsetOf(value) > othersOffset) ?? [];
  }
}

function offsetOf(value: RawValue | undefined): number {
  return value === undefined ? -1 : asMessage(value).offset;
}

function asMessage(value: RawValue): RawMessage {
  assert(value instanceof RawMessage, "the schema makes this field a message");
  return value;
}
