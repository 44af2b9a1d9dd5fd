/**
 * A scanned message: the places at which the values of its known fields begin. It lives only while a
 * value is made of it.
 */
import { assert } from "../../types/assert.js";
import { type Cursor, fieldOf, readLength, readTag, readVarint, skipValue } from "./cursor.js";
import { WIRE_BYTES, WIRE_VARINT } from "./cursor.js";
import { scan } from "./scan.js";
import type { Schema } from "./schema.js";

/** The bytes that a message is read from. */
interface Input extends Cursor {
  /** Nobody else holds the bytes: a value may keep a view of them. */
  readonly isOwn: boolean;
}

/** No value begins here: a tag comes before it. */
const ABSENT = 0;

export class RawMessage {
  readonly schema: Schema;
  /** Its first byte. */
  readonly offset: number;
  /** The number of the last known field. Of two arms of a oneof this one counts. */
  last = 0;
  readonly #input: Input;
  readonly #name: string;
  readonly #parent: RawMessage | undefined;
  /** By field number up to the highest, of fields that may occur once. */
  readonly #places = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  /** Of the one field that may occur more often, in the order of the wire. */
  #repeated: number[] | undefined;

  private constructor(input: Input, schema: Schema, name: string, parent: RawMessage | undefined) {
    this.schema = schema;
    this.offset = input.at;
    this.#input = input;
    this.#name = name;
    this.#parent = parent;
  }

  /**
   * Scans `bytes` as a message of `schema`. A value keeps a copy: of all bytes at once (`own`), or of
   * each byte string by itself (`lent`).
   *
   * @throws {DecodeError} as `scan` does.
   */
  static of(bytes: Uint8Array, schema: Schema, keep: "own" | "lent"): RawMessage {
    scan(bytes, schema);
    const isOwn = keep === "own";
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const input = { bytes: isOwn ? view.slice() : view, at: 0, end: view.length, isOwn };
    const message = new RawMessage(input, schema, schema.name, undefined);
    message.#locate(input.end);
    return message;
  }

  #locate(end: number): void {
    const input = this.#input;
    const { fields } = this.schema;
    while (input.at < end) {
      const tag = readTag(input);
      const number = fieldOf(tag);
      const rule = number < fields.length ? fields[number] : undefined;
      if (rule !== undefined && tag % 8 === (rule.kind === "varint" ? WIRE_VARINT : WIRE_BYTES)) {
        if (rule.countMax === 1) this.#places[number] = input.at;
        else (this.#repeated ??= []).push(input.at);
        this.last = number;
      }
      skipValue(input, tag);
    }
  }

  /** The dotted path from the outermost message. */
  get path(): string {
    return this.#parent === undefined ? this.#name : `${this.#parent.path}.${this.#name}`;
  }

  varint(field: number): bigint | undefined {
    return this.#enter(field) ? readVarint(this.#input) : undefined;
  }

  /** A view of a byte string. */
  lend(field: number): Uint8Array | undefined {
    return this.#enter(field) ? this.#view() : undefined;
  }

  /** A byte string that stays as it is, whatever the caller does with the bytes it gave. */
  bytes(field: number): Uint8Array | undefined {
    const view = this.lend(field);
    return this.#input.isOwn ? view : view?.slice();
  }

  message(field: number): RawMessage | undefined {
    return this.#enter(field) ? this.#inner(field) : undefined;
  }

  /** Views of all byte strings of a repeated field. */
  lendAll(): Uint8Array[] {
    return (this.#repeated ?? []).map((place) => {
      this.#input.at = place;
      return this.#view();
    });
  }

  /** The values that `from` makes of the messages of a repeated field. */
  all<T>(field: number, from: (raw: RawMessage) => T): T[] {
    return (this.#repeated ?? []).map((place) => {
      this.#input.at = place;
      return from(this.#inner(field));
    });
  }

  #enter(field: number): boolean {
    const place = this.#places[field] ?? ABSENT;
    this.#input.at = place;
    return place !== ABSENT;
  }

  #view(): Uint8Array {
    const end = readLength(this.#input);
    return this.#input.bytes.subarray(this.#input.at, end);
  }

  #inner(field: number): RawMessage {
    const rule = this.schema.fields[field];
    assert(rule?.message !== undefined, "the schema makes this field a message");
    const end = readLength(this.#input);
    const message = new RawMessage(this.#input, rule.message, rule.name, this);
    message.#locate(end);
    return message;
  }
}
