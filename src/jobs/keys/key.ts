/** Keys, ranges of keys, and payloads, made of parts (`parts.ts`). */
import { optionsArgument, readingArguments, wrongArgument } from "../../types/arguments.js";
import { encodeParts, Key, type Part } from "./parts.js";

/**
 * A half-open range of keys [start, stop). Without `start` it begins at the first key of the category,
 * without `stop` it ends behind the last.
 */
export interface KeyRange {
  readonly start?: Key | Uint8Array | undefined;
  readonly stop?: Key | Uint8Array | undefined;
}

/**
 * The key of `parts`; `key()` is the empty key, which sorts first and is legal.
 *
 * @example
 * key("channel-42", int(1)); // 000a6368616e6e656c2d34328000000000000001
 *
 * @throws {PersisterError} USAGE for a bare number (it has no width), a part of another type, or one
 * of more than 65,535 bytes.
 */
export function key(...parts: readonly Part[]): Key {
  return new Key(readingArguments("parts", () => encodeParts(parts)));
}

/** The key of exactly these bytes. Copies. */
export function rawKey(bytes: Uint8Array): Key {
  return new Key(Uint8Array.from(keyBytes(bytes)));
}

/** The bytes of a key. Not a copy. @throws {PersisterError} USAGE for what is none. */
export function keyBytes(of: Key | Uint8Array): Uint8Array {
  const bytes: unknown = of instanceof Key ? of.bytes : of;
  if (bytes instanceof Uint8Array) return bytes;
  throw wrongArgument("a key", "what `key(...)` makes, or a Uint8Array", of);
}

/** A range that a caller gave. @throws {PersisterError} USAGE */
export function checkRange(range: KeyRange | undefined): KeyRange {
  const { start, stop } = optionsArgument("a range", range, ["start", "stop"]);
  return {
    ...(start === undefined ? {} : { start: keyBytes(start as Uint8Array) }),
    ...(stop === undefined ? {} : { stop: keyBytes(stop as Uint8Array) }),
  };
}

/**
 * The payload of `parts`: the same bytes as a key of them. `decodeParts` takes it apart.
 *
 * @throws {PersisterError} USAGE as `key`.
 */
export function payload(...parts: readonly Part[]): Uint8Array {
  return readingArguments("parts", () => encodeParts(parts));
}

/**
 * All keys that begin with `prefix`, which is whole parts and not a piece of text: `key("a")` is no
 * prefix of `key("ab")`. The empty prefix is the whole category.
 */
export function prefixRange(prefix: Key | Uint8Array): KeyRange {
  const start = Uint8Array.from(keyBytes(prefix));
  const stop = successorOf(start);
  return stop === undefined ? { start } : { start, stop };
}

/** The first byte sequence above all that begin with `prefix`; `undefined`: there is none. */
function successorOf(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((each) => each !== 0xff);
  if (last < 0) return undefined;
  // Not `slice`: that of a Buffer is a view of the prefix itself.
  const stop = Uint8Array.from(prefix.subarray(0, last + 1));
  stop[last] = (stop[last] as number) + 1;
  return stop;
}
