/**
 * The seals of one open job: which key of the ring seals the next value, and which ones open those that are there.
 *
 * # Invariants
 *
 * - The table in the database names every key that a value in it needs, and says whether a value may be plain. It
 *   is durable before the first such value is written, and gives up a key only when no byte of it is left
 *   (`store/rewrite.ts`).
 * - The JOB record in the journal names at least the keys of the table: it is asked before LevelDB is opened.
 * - A seal has sealed at most as many values as its row has reserved, and a row reserves at most 2^32.
 *
 * # Crash safety
 *
 * A seal comes into use in this order, and a crash behind each step leaves this:
 *
 * 1. The JOB record names the key. The table does not yet: open needs the key, and nothing in the database does.
 * 2. The table names the seal. No value does yet.
 * 3. Values are sealed. They are in LevelDB behind the table: where LevelDB kept one of them, it kept the table.
 */
import { FormatError } from "../../codec/binary.js";
import { NONCE_BYTES } from "../../keys/aead.js";
import type { Key, KeyId } from "../../keys/key.js";
import type { KeyRing } from "../../keys/ring.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { keyMissing, keyWrong } from "./errors.js";
import {
  contentsOf,
  decodeSealTable,
  encodeSealTable,
  PLAIN,
  SEAL_SALT_BYTES,
  type SealRow,
  type SealTable,
} from "./seal-table.js";
import { ValueSeal } from "./value-seal.js";

/** Values for which a row is written at once: a write of the table costs as much as a checkpoint of the job. */
const VALUES_RESERVED = 2 ** 20;
/** The most values that one seal may seal (NIST SP 800-38D, 8.3). */
const VALUES_MAX = 2 ** 32;
/** Nonces that are drawn at once. */
const NONCES_DRAWN = 256;

export interface JobSealsParts {
  /** The id of the job. */
  readonly id: string;
  /** Without a ring everything is plain. */
  readonly ring: KeyRing | undefined;
  readonly randomBytes: (count: number) => Uint8Array;
  /** The contents that the JOB record names. */
  readonly recorded: readonly string[];
  /** Puts others on record; durable when resolved. */
  readonly record: (contents: readonly string[]) => Promise<void>;
}

/** The row of the database that holds the table. */
export interface TableRow {
  readonly load: () => Promise<Uint8Array | undefined>;
  /** Durable when resolved. */
  readonly save: (table: Uint8Array) => Promise<void>;
}

/** The seal of the values that are written now, and how many more it may seal before its row must say so. */
interface Writing {
  readonly seal: ValueSeal;
  left: number;
}

export class JobSeals {
  readonly #parts: JobSealsParts;
  readonly #row: TableRow;
  #recorded: readonly string[];
  /** The key that writes, as it was put on record: the ring may have another one since. */
  #announced: Key | undefined;
  #table: SealTable;
  readonly #seals = new Map<number, ValueSeal>();
  #writing: Writing | undefined;
  #nonces = new Uint8Array(0);
  #noncesUsed = 0;

  private constructor(parts: JobSealsParts, row: TableRow, table: SealTable) {
    this.#parts = parts;
    this.#row = row;
    this.#recorded = parts.recorded;
    this.#table = table;
  }

  /**
   * The seals of a database: of one that was just made, or of one with the table that it has, and then the key
   * that writes is in it when resolved.
   *
   * @throws {PersisterError} KEY_MISSING, KEY_WRONG, JOB_CORRUPT for a table that is damaged; as `row`.
   */
  static async open(
    parts: JobSealsParts,
    row: TableRow,
    { isNew }: { readonly isNew: boolean },
  ): Promise<JobSeals> {
    const bytes = isNew ? undefined : await row.load();
    const mayBePlain = !isNew || parts.ring?.writing === undefined;
    const table = bytes ? tableIn(bytes, parts.id) : { mayBePlain, seals: [] };
    const seals = new JobSeals(parts, row, table);
    try {
      for (const each of table.seals) seals.#hold(each);
      await seals.announce();
      await seals.useWriting();
      return seals;
    } catch (cause) {
      seals.close();
      throw cause;
    }
  }

  /** The ids of the keys that values here may need, and "plain". */
  get contents(): readonly string[] {
    return contentsOf(this.#table);
  }

  get mayBePlain(): boolean {
    return this.#table.mayBePlain;
  }

  /** Whether anything may be sealed. */
  get hasSeals(): boolean {
    return this.#seals.size > 0;
  }

  /** The id of the key that seals the next value; `undefined` where it is to be plain. */
  get writing(): KeyId | undefined {
    return this.#writing?.seal.keyId;
  }

  /** Whether a value may be plain, or need another key than the one that writes, if one writes. */
  get hasForeign(): boolean {
    const { writing } = this;
    return writing !== undefined && this.contents.some((content) => content !== writing);
  }

  /** Whether a value under the seal with this number, or a plain one, is to be written again. */
  isForeign(number: number | undefined): boolean {
    const { writing } = this;
    if (writing === undefined) return false;
    return number === undefined || this.#seals.get(number)?.keyId !== writing;
  }

  /** Puts on record what the table names, and the key that writes. Throws as `record`. */
  async announce(): Promise<void> {
    const { ring, record } = this.#parts;
    const writing = ring?.writing;
    const contents = [...new Set([...this.contents, writing?.id ?? PLAIN])];
    const { length } = contents;
    const isRecorded = contents.every((each) => this.#recorded.includes(each));
    if (!isRecorded || length !== this.#recorded.length) await record(contents);
    this.#recorded = contents;
    this.#announced = writing;
  }

  /**
   * From now on values are sealed with the key that `announce` has put on record, or are plain where it found
   * none. Not beside a batch. Throws as `save`.
   */
  async useWriting(): Promise<void> {
    const key = this.#announced;
    if (key && this.#writing?.seal.keyId === key.id) return;
    if (key) await this.#reserve(key, VALUES_RESERVED);
    else if (!this.#table.mayBePlain) await this.#save({ ...this.#table, mayBePlain: true });
  }

  /**
   * Sees to it that so many values can be sealed; durable when resolved. `undefined` where there is nothing to do.
   */
  reserve(values: number): Promise<void> | undefined {
    const writing = this.#writing;
    if (!writing || writing.left >= values) return undefined;
    const key = this.#parts.ring?.find(writing.seal.keyId);
    assert(key !== undefined, "the key of a seal stays in the ring");
    return this.#reserve(key, Math.max(values, VALUES_RESERVED));
  }

  /** The sealed form of a value, with `front` bytes before it, and its seal; `undefined` where it is to be plain. */
  sealed(
    aad: Uint8Array,
    value: Uint8Array,
    front: number,
  ): { readonly number: number; readonly bytes: Buffer } | undefined {
    const writing = this.#writing;
    if (!writing) return undefined;
    assert(writing.left > 0, "a seal seals no more values than its row has reserved");
    writing.left -= 1;
    const { seal } = writing;
    return { number: seal.number, bytes: seal.seal(aad, value, this.#nonce(), front) };
  }

  /** The value in a sealed form; `undefined` where it is not the one that was sealed there. */
  open(number: number, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    return this.#seals.get(number)?.open(aad, sealed);
  }

  /**
   * No byte needs another key than the one that writes any more; durable when resolved. `announce` puts it on
   * record. Not beside a batch.
   */
  async dropForeign(): Promise<void> {
    const { writing } = this;
    assert(writing !== undefined, "a key writes while values are moved to it");
    const seals = this.#table.seals.filter(({ keyId }) => keyId === writing);
    await this.#save({ mayBePlain: false, seals });
    for (const [number, seal] of this.#seals) {
      if (seal.keyId === writing) continue;
      seal.close();
      this.#seals.delete(number);
    }
  }

  /** Zeroes the keys of all seals. Idempotent. */
  close(): void {
    for (const seal of this.#seals.values()) seal.close();
  }

  /** A seal of `key` that may seal so many more values: the newest one, or another one where that is used up. */
  async #reserve(key: Key, values: number): Promise<void> {
    const { id, randomBytes } = this.#parts;
    const { seals } = this.#table;
    const last = seals.findLast(({ keyId }) => keyId === key.id);
    let row: SealRow;
    if (last && last.reserved + values <= VALUES_MAX) {
      row = { ...last, reserved: last.reserved + values };
    } else {
      const number = 1 + Math.max(0, ...seals.map((each) => each.number));
      const salt = randomBytes(SEAL_SALT_BYTES);
      const seal = new ValueSeal(key, id, { number, salt });
      row = { number, keyId: key.id, check: seal.check, salt, reserved: values };
      seal.close();
    }
    assert(this.#recorded.includes(key.id), "a key is on record before it seals a value");
    const others = seals.filter(({ number }) => number !== row.number);
    await this.#save({ ...this.#table, seals: [...others, row] });
    const seal = this.#seals.get(row.number) ?? this.#hold(row);
    const isSame = this.#writing?.seal === seal;
    this.#writing = { seal, left: values + (isSame ? (this.#writing?.left ?? 0) : 0) };
  }

  async #save(table: SealTable): Promise<void> {
    await this.#row.save(encodeSealTable(table));
    this.#table = table;
  }

  /** @throws {PersisterError} KEY_MISSING, KEY_WRONG. */
  #hold(row: SealRow): ValueSeal {
    const { id, ring } = this.#parts;
    const key = ring?.find(row.keyId);
    if (!key) throw keyMissing(id, row.keyId, ring?.ids ?? []);
    const seal = new ValueSeal(key, id, row);
    if (Buffer.compare(seal.check, row.check) !== 0) {
      seal.close();
      throw keyWrong(id, row.keyId);
    }
    this.#seals.set(row.number, seal);
    return seal;
  }

  #nonce(): Uint8Array {
    if (this.#noncesUsed === this.#nonces.length) {
      this.#nonces = Uint8Array.from(this.#parts.randomBytes(NONCES_DRAWN * NONCE_BYTES));
      this.#noncesUsed = 0;
    }
    const from = this.#noncesUsed;
    this.#noncesUsed += NONCE_BYTES;
    return this.#nonces.subarray(from, this.#noncesUsed);
  }
}

/** @throws {PersisterError} KEY_MISSING where the ring lacks a key that the JOB record of a job names. */
export function checkKeysOf(
  id: string,
  contents: readonly string[],
  ring: KeyRing | undefined,
): void {
  const missing = contents.find((content): content is KeyId => {
    return content !== PLAIN && ring?.find(content) === undefined;
  });
  if (missing !== undefined) throw keyMissing(id, missing, ring?.ids ?? []);
}

function tableIn(bytes: Uint8Array, id: string): SealTable {
  try {
    return decodeSealTable(bytes);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new PersisterError(
      "JOB_CORRUPT",
      `job ${id}: the table of its seals is damaged (${cause.message}); keep a copy of its folder, and drop ` +
        "the job or bring it back from its source",
      { cause },
    );
  }
}
