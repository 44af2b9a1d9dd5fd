/**
 * The keys of a store: one writes, any number read. A key is looked up by its id and never tried:
 * GCM does not bind a text to one key.
 */
import { unlessAborted } from "../async/signal.js";
import { OPENING } from "../async/opening.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import type { Key, KeyId } from "./key.js";
import { type KeyChoices, keyFrom } from "./source.js";

export class KeyRing {
  readonly #keys = new Map<KeyId, Key>();
  #writing: Key | undefined;

  /** Takes over the keys. `writing` is `undefined` where all that is written is to be plain. */
  constructor(writing: Key | undefined, reading: readonly Key[] = []) {
    for (const key of writing ? [writing, ...reading] : reading) this.#add(key);
    this.#writing = writing && this.#keys.get(writing.id);
  }

  /**
   * The ring of these choices; close it.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED as `keyFrom`.
   */
  static async from({ write, read = [] }: KeyChoices): Promise<KeyRing> {
    const keys: Key[] = [];
    try {
      for (const source of write === "plain" ? read : [write, ...read]) {
        keys.push(await keyFrom(source));
      }
      const [first, ...others] = keys;
      return write === "plain" ? new KeyRing(undefined, keys) : new KeyRing(first, others);
    } catch (cause) {
      for (const key of keys) key.close();
      throw cause;
    }
  }

  /** The key of all that is written; `undefined` where it is written plain. */
  get writing(): Key | undefined {
    return this.#writing;
  }

  /** Every key that is held. */
  get ids(): readonly KeyId[] {
    return [...this.#keys.keys()];
  }

  find(id: KeyId): Key | undefined {
    return this.#keys.get(id);
  }

  /** Takes over `key`, which writes from now on; the key before it goes on to read. Returns the one held. */
  rotate(key: Key): Key {
    assert(this.#writing !== undefined, "a ring that writes plain has no key to change");
    this.#writing = this.#add(key);
    return this.#writing;
  }

  /** The same keys for another ring: each source gives a copy, which its taker zeroes. */
  get choices(): KeyChoices {
    const copyOf = (key: Key) => (): Uint8Array => key.lend((bytes) => Uint8Array.from(bytes));
    const others = [...this.#keys.values()].filter((key) => key !== this.#writing);
    const write = this.#writing ? copyOf(this.#writing) : "plain";
    return { write, read: others.map(copyOf) };
  }

  /** Zeroes every key. Idempotent. */
  close(): void {
    for (const key of this.#keys.values()) key.close();
  }

  #add(key: Key): Key {
    const held = this.#keys.get(key.id);
    if (!held) this.#keys.set(key.id, key);
    else if (!held.equals(key)) {
      const text = `two keys have the id ${key.id}: one of them must be made again`;
      throw new PersisterError("KEY_REFUSED", text);
    } else if (held !== key) key.close();
    return held ?? key;
  }
}

/**
 * The ring of an open; close it. The keys may come from another machine: an open that is called off does not
 * wait for them.
 *
 * @throws {PersisterError} ABORTED; as `KeyRing.from`.
 */
export async function ringOf(keys: KeyChoices, signal: AbortSignal | undefined): Promise<KeyRing> {
  const making = KeyRing.from(keys);
  try {
    return await unlessAborted(making, signal, OPENING);
  } catch (cause) {
    making.then(
      (ring) => ring.close(),
      () => undefined,
    );
    throw cause;
  }
}
