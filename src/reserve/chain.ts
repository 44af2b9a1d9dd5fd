/**
 * The chain of records in a register: the newest one that was seen, and puts that replace exactly that one.
 */
import { probe } from "../archive/bucket/probe.js";
import type { Bucket, PutResult, Tag } from "../archive/bucket/bucket.js";
import type { WaitOptions } from "../async/signal.js";
import { hex } from "../codec/hex.js";
import { PersisterError } from "../types/errors.js";
import { decodeRecord, encodeRecord, recordName, type ReservationRecord } from "./record.js";

const NONCE_BYTES = 16;

/** The part of a bucket that reservations need. */
export type Register = Pick<Bucket, "url" | "get" | "putIfAbsent" | "putIfMatch" | "close">;

export interface ChainFacts {
  readonly register: Register;
  readonly chainId: string;
  /** The validator's key, 32 bytes. */
  readonly validator: Uint8Array;
  readonly randomBytes: (count: number) => Uint8Array;
}

export class RecordChain {
  readonly #facts: ChainFacts;
  readonly #name: string;
  #isProbed = false;
  #seen: { readonly record: ReservationRecord; readonly tag: Tag } | undefined;

  constructor(facts: ChainFacts) {
    this.#facts = facts;
    this.#name = recordName(facts.chainId, facts.validator);
  }

  get at(): string {
    return `${this.#name} in ${this.#facts.register.url}`;
  }

  /** The newest record that was seen. */
  get newest(): ReservationRecord | undefined {
    return this.#seen?.record;
  }

  /**
   * Reads the newest record. The register is probed before the first one.
   *
   * @throws {PersisterError} BUCKET_UNSAFE, BUCKET_FAILED, BUCKET_REFUSED, RESERVATIONS_UNREADABLE; UNRESERVED
   * where a record was seen and is gone.
   */
  async look(options: WaitOptions): Promise<void> {
    const { register } = this.#facts;
    if (!this.#isProbed) await probe(register, "create and replace", options);
    this.#isProbed = true;
    const held = await register.get(this.#name, options);
    if (held) this.#shown(held);
    else if (this.#seen) throw this.#gone();
  }

  /**
   * Puts `record` in the place of the newest one, or as the first. False: another put was first, and `newest`
   * is what that one left.
   *
   * @throws {PersisterError} as `look`. A put that failed may have been done.
   */
  async put(record: ReservationRecord, options: WaitOptions): Promise<boolean> {
    const { register, randomBytes } = this.#facts;
    const bytes = encodeRecord(record, hex(randomBytes(NONCE_BYTES)));
    const result: PutResult = this.#seen
      ? await register.putIfMatch(this.#name, bytes, this.#seen.tag, options)
      : await register.putIfAbsent(this.#name, bytes, options);
    if (result.stored) {
      this.#seen = { record, tag: result.tag };
      return true;
    }
    if (!result.held) throw this.#gone();
    this.#shown(result.held);
    return false;
  }

  #shown({ bytes, tag }: { readonly bytes: Uint8Array; readonly tag: Tag }): void {
    const { chainId, validator } = this.#facts;
    const facts = { chainId, validator: hex(validator), at: this.at };
    this.#seen = { record: decodeRecord(bytes, facts), tag };
  }

  /** A new record would forget the bounds of the one that is gone. */
  #gone(): PersisterError {
    return new PersisterError(
      "UNRESERVED",
      `the reservations at ${this.at} are gone: nothing more is signed until they are back`,
    );
  }
}
