/** The bytes of a message that a caller gave as a value or as bytes. */
import { PersisterError, reasonOf } from "../../types/errors.js";

/**
 * A copy of the bytes, or the value's encoding.
 *
 * @throws {PersisterError} USAGE where the value cannot be encoded.
 */
export function bytesOf<T>(
  message: T | Uint8Array,
  noun: string,
  encode: (value: T) => Uint8Array,
): Uint8Array {
  if (message instanceof Uint8Array) return Uint8Array.from(message);
  try {
    return encode(message);
  } catch (cause) {
    const why = reasonOf(cause);
    throw new PersisterError("USAGE", `this is not a ${noun}: ${why}`, { cause });
  }
}
