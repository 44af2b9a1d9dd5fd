/**
 * A key: 32 secret bytes and the id that names them. The bytes seal nothing themselves. Each purpose has
 * a key of its own, derived by HKDF-SHA256 with a label that says the purpose.
 *
 * The bytes stay in this object, in one Buffer, and no string is made of them. `close` zeroes it.
 */
import { hkdfSync, timingSafeEqual } from "node:crypto";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";

export const KEY_BYTES = 32;
/** Bytes of an id; a text of an id has two digits for each. */
export const KEY_ID_BYTES = 8;

const HASH = "sha256";
const ID_LABEL = "lanekeeper key id 1";
const NO_SALT = new Uint8Array(0);

/** The name of a key: 16 lower-case hex digits. It tells nothing of the key. */
export type KeyId = string;

export class Key {
  readonly id: KeyId;
  readonly #bytes: Buffer;
  #isClosed = false;

  /**
   * Copies `bytes`.
   *
   * @throws {PersisterError} KEY_REFUSED unless there are 32 of them, and not all of them are zero.
   */
  constructor(bytes: Uint8Array, from: string) {
    if (bytes.length !== KEY_BYTES) {
      throw new PersisterError(
        "KEY_REFUSED",
        `${from}: a key has ${KEY_BYTES} bytes, and there are ${bytes.length}`,
      );
    }
    if (bytes.every((byte) => byte === 0)) {
      throw new PersisterError("KEY_REFUSED", `${from}: all bytes are zero: this is no key`);
    }
    this.#bytes = Buffer.allocUnsafeSlow(KEY_BYTES);
    this.#bytes.set(bytes);
    this.id = this.derive(ID_LABEL, NO_SALT, KEY_ID_BYTES).toString("hex");
  }

  /** Whether `other` has the same bytes. */
  equals(other: Key): boolean {
    return timingSafeEqual(this.#bytes, other.#bytes);
  }

  /** Bytes for one purpose: `label` says the purpose, `salt` and `context` the one place of use. */
  derive(
    label: string,
    salt: Uint8Array,
    bytes: number,
    context: readonly Uint8Array[] = [],
  ): Buffer {
    assert(!this.#isClosed, "a key is used before it is closed");
    const info = Buffer.concat([Buffer.from(`${label}\0`, "latin1"), ...context]);
    return Buffer.from(hkdfSync(HASH, this.#bytes, salt, info, bytes));
  }

  /** Calls `use` with the bytes, for formats of others. They are lent: `use` must not keep them. */
  lend<Result>(use: (bytes: Uint8Array) => Result): Result {
    assert(!this.#isClosed, "a key is used before it is closed");
    return use(this.#bytes);
  }

  /** Zeroes the bytes. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#bytes.fill(0);
  }
}
