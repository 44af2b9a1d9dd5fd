/** A message and those inside it as a tree of values, before merging makes one message of several. */
import { assert } from "../../types/assert.js";
import {
  type Cursor,
  fieldOf,
  readLength,
  readTag,
  readVarint,
  skipValue,
  WIRE_BYTES,
  WIRE_VARINT,
} from "../../wire/cursor.js";
import { scan } from "../../wire/scan.js";
import type { FieldRule, Schema } from "../../wire/schema.js";

export type RawValue = bigint | Uint8Array | RawMessage;

/** The values of a message's known fields by number, in the order of the wire. */
export class RawMessage {
  /** The dotted path from the outermost message. */
  readonly path: string;
  readonly offset: number;
  readonly values: RawValue[][] = [];

  constructor(path: string, offset: number) {
    this.path = path;
    this.offset = offset;
  }
}

/**
 * Reads all of `bytes` as a message of `schema`. The byte strings inside are views of `bytes`.
 *
 * @throws {DecodeError} as the scan does.
 */
export function readTree(bytes: Uint8Array, schema: Schema): RawMessage {
  scan(bytes, schema);
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return messageAt({ bytes: plain, at: 0, end: plain.length }, schema, schema.name);
}

/** The message that fills the cursor's bytes; the scan found their framing sound. */
function messageAt(cursor: Cursor, schema: Schema, path: string): RawMessage {
  const message = new RawMessage(path, cursor.at);
  while (cursor.at < cursor.end) {
    const tag = readTag(cursor);
    const rule = schema.fields[fieldOf(tag)];
    if (rule === undefined || tag % 8 !== (rule.kind === "varint" ? WIRE_VARINT : WIRE_BYTES)) {
      skipValue(cursor, tag);
    } else {
      (message.values[fieldOf(tag)] ??= []).push(valueAt(cursor, rule, `${path}.${rule.name}`));
    }
  }
  return message;
}

function valueAt(cursor: Cursor, rule: FieldRule, path: string): RawValue {
  if (rule.kind === "varint") return readVarint(cursor);
  const next = readLength(cursor);
  if (rule.kind === "bytes") {
    const start = cursor.at;
    cursor.at = next;
    return cursor.bytes.subarray(start, next);
  }
  assert(rule.message !== undefined, "a message field has a schema");
  const inner = messageAt({ ...cursor, end: next }, rule.message, path);
  cursor.at = next;
  return inner;
}
