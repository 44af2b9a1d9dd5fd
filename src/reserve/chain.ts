/**
 * The chain of records in a register: the newest one that was seen, and puts that replace exactly that one.
 *
 * Each put names the run of the machine that made it. A run that has put, and then sees another run of its own
 * machine in the chain, is over: it puts nothing more. The lock of a store keeps a second process out, but not one
 * that has a copy of the folder.
 */
import { probe } from "../archive/bucket/probe.js";
import type { Bucket, PutResult, Tag } from "../archive/bucket/bucket.js";
import type { WaitOptions } from "../async/signal.js";
import { hex } from "../codec/hex.js";
import { PersisterError } from "../types/errors.js";
import {
  decodeRecord,
  encodeRecord,
  type Machine,
  recordName,
  type ReservationRecord,
} from "./record.js";

const NONCE_BYTES = 16;

/** The part of a bucket that reservations need. */
export type Register = Pick<Bucket, "url" | "get" | "putIfAbsent" | "putIfMatch" | "close">;

export interface ChainFacts {
  readonly register: Register;
  readonly chainId: string;
  /** The validator's key, 32 bytes. */
  readonly validator: Uint8Array;
  readonly machine: Machine;
  readonly randomBytes: (count: number) => Uint8Array;
}

export class RecordChain {
  readonly #facts: ChainFacts;
  readonly #name: string;
  /** Names this run in the records that it puts. */
  readonly #run: string;
  #isProbed = false;
  /** A record of this run was in the chain. */
  #hasPut = false;
  #seen: { readonly record: ReservationRecord; readonly tag: Tag } | undefined;

  constructor(facts: ChainFacts) {
    this.#facts = facts;
    this.#run = hex(facts.randomBytes(NONCE_BYTES));
    this.#name = recordName(facts.chainId, facts.validator);
  }

  get at(): string {
    return `${this.#name} in ${this.#facts.register.url}`;
  }

  /** The newest record that was seen. */
  get newest(): ReservationRecord | undefined {
    return this.#seen?.record;
  }

  /** Whether a later run of this machine has put a record: this one is over. */
  get isOver(): boolean {
    const newest = this.#runOf(this.newest);
    return this.#hasPut && newest !== this.#run;
  }

  /**
   * Reads the newest record. The register is probed before the first one.
   *
   * @throws {PersisterError} BUCKET_UNSAFE, BUCKET_FAILED, BUCKET_REFUSED, RESERVATIONS_UNREADABLE; UNRESERVED
   * where a record was seen and is gone, or where this run is over.
   */
  async look(options: WaitOptions): Promise<void> {
    const { register } = this.#facts;
    if (!this.#isProbed) await probe(register, "create and replace", options);
    this.#isProbed = true;
    const held = await register.get(this.#name, options);
    if (held) this.#shown(held);
    else if (this.#seen) throw this.#gone();
    if (this.isOver) throw this.#over();
  }

  /**
   * Puts `next` in the place of the newest one, or as the first. False: another put was first, and `newest`
   * is what that one left.
   *
   * @throws {PersisterError} as `look`. A put that failed may have been done.
   */
  async put(next: ReservationRecord, options: WaitOptions): Promise<boolean> {
    const { register, randomBytes, machine } = this.#facts;
    const record = { ...next, runs: new Map(next.runs).set(machine, this.#run) };
    const bytes = encodeRecord(record, hex(randomBytes(NONCE_BYTES)));
    const result: PutResult = this.#seen
      ? await register.putIfMatch(this.#name, bytes, this.#seen.tag, options)
      : await register.putIfAbsent(this.#name, bytes, options);
    if (result.stored) {
      this.#see({ record, tag: result.tag });
      return true;
    }
    if (!result.held) throw this.#gone();
    this.#shown(result.held);
    if (this.isOver) throw this.#over();
    return false;
  }

  #shown({ bytes, tag }: { readonly bytes: Uint8Array; readonly tag: Tag }): void {
    if (tag === this.#seen?.tag) return;
    const { chainId, validator } = this.#facts;
    const facts = { chainId, validator: hex(validator), at: this.at };
    this.#see({ record: decodeRecord(bytes, facts), tag });
  }

  #see(seen: { readonly record: ReservationRecord; readonly tag: Tag }): void {
    this.#seen = seen;
    if (this.#runOf(seen.record) === this.#run) this.#hasPut = true;
  }

  #runOf(record: ReservationRecord | undefined): string | undefined {
    return record?.runs.get(this.#facts.machine);
  }

  #over(): PersisterError {
    return new PersisterError(
      "UNRESERVED",
      `another process has reserved at ${this.at} as this machine: is there a copy of this store? ` +
        "Stop one of both: each machine needs a store of its own, which lanekeeper init makes",
    );
  }

  /** A new record would forget the bounds of the one that is gone. */
  #gone(): PersisterError {
    return new PersisterError(
      "UNRESERVED",
      `the reservations at ${this.at} are gone: nothing more is signed until they are back`,
    );
  }
}
