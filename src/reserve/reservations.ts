/**
 * The reservations of one machine: they say which places it may sign, and reserve more of them ahead of need.
 * `bounds.ts` has the argument.
 *
 * Invariants:
 * - A place is given out only in a reach of `#own`: a record that this run has put, and that was stored.
 * - One put is under way at a time.
 * - A place that was given out is never given back, and the other way round.
 */
import { throwIfAborted, type WaitOptions } from "../async/signal.js";
import { Waits } from "../async/waits.js";
import { hex } from "../codec/hex.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { isLanekeeperError, type LanekeeperError } from "../types/lanekeeper-error.js";
import { begun, extended, givenBack, sameBounds, takenOver } from "./bounds.js";
import { RecordChain } from "./chain.js";
import type { Places, ReservationsPort, ReservationsStatus, Taking } from "./port.js";
import { isOfBlocks, type ReservationRecord, type SeriesName } from "./record.js";
import { Signed } from "./signed.js";
import { Steps } from "./steps.js";

/** The end of a store does not wait longer for an answer: then the bounds stay as they are. */
const CLOSE_MS = 5_000;
/** Machines that put at once show each other their records. A step does so this often, and then pauses. */
const PUTS_MAX = 8;

const NOTHING: Places = { first: 0n, next: 0n };

export class Reservations {
  readonly #port: ReservationsPort;
  readonly #chain: RecordChain;
  readonly #signed: Signed;
  readonly #waits = new Waits<"record">();
  readonly #steps: Steps;
  readonly #wanted = new Map<SeriesName, bigint>();
  /** The newest record that this run has put as the holder. */
  #own: ReservationRecord | undefined;
  #taking: Taking | undefined;
  #puts = 0;
  #failure: LanekeeperError | undefined;
  /** The message of the failure that was told last: one is told once. */
  #told: string | undefined;

  private constructor(port: ReservationsPort) {
    this.#port = port;
    this.#chain = new RecordChain(port);
    this.#signed = new Signed(port);
    this.#steps = new Steps({
      hasWork: () => this.#hasWork,
      step: () => this.#step(),
      failed: (error) => this.#fail(error),
      wait: port.wait,
    });
  }

  /**
   * Probes the register and looks at the record. A machine that was the holder goes on as such. Nothing
   * can be signed yet if the register does not answer, or has no record.
   *
   * @throws {PersisterError} BUCKET_UNSAFE, BUCKET_REFUSED, RESERVATIONS_UNREADABLE.
   */
  static async open(port: ReservationsPort): Promise<Reservations> {
    const reservations = new Reservations(port);
    try {
      await reservations.#step();
    } catch (cause) {
      if (!isLanekeeperError(cause) || !isForLater(cause)) throw cause;
      if (reservations.#fail(cause)) reservations.#steps.begin();
    }
    return reservations;
  }

  get status(): ReservationsStatus {
    const holder = this.#chain.newest?.holder;
    const names = [...(this.#own?.series.keys() ?? [])];
    const series = names.map((name) => [name, this.placesOf(name)] as const);
    return {
      at: this.#chain.at,
      state: holder === undefined ? "opening" : this.#isHolder ? "holding" : "standing by",
      holder,
      series: new Map(series.filter(([, { first, next }]) => first < next)),
      puts: this.#puts,
      failure: this.#failure,
    };
  }

  /** The places of a series that this machine may sign. */
  placesOf(name: SeriesName): Places {
    const reach = this.#own?.series.get(name);
    if (reach?.of !== this.#port.machine || this.#steps.signal.aborted) return NOTHING;
    const { first } = reach;
    const next = this.#signed.notGivenBack(name, reach.next);
    return { first, next: next > first ? next : first };
  }

  /** A place of this machine is given out, to be signed. More are reserved ahead of need. */
  give(name: SeriesName, place: bigint): void {
    const { first, next } = this.placesOf(name);
    assert(first <= place && place < next, "only a place of this machine is given out");
    this.#signed.give(name, place);
    if (this.#isNear(place, next)) this.#want(name, place);
  }

  /**
   * Resolves when the place may be signed by this machine, as far as reservations go.
   *
   * @throws {PersisterError} UNRESERVED where another machine is the holder or may have signed there, or where
   * there is no record; ABORTED, CLOSED.
   */
  async reserved(name: SeriesName, place: bigint, options?: WaitOptions): Promise<void> {
    const look = (): true | undefined => {
      const { first, next } = this.placesOf(name);
      if (first <= place && place < next) return true;
      if (this.#taking) return undefined;
      if (this.#failure?.code === "UNRESERVED") throw this.#failure;
      if (this.#isStandingBy) throw this.#standsBy();
      if (place < first) {
        throw unreserved(`another machine may have signed below ${first}`);
      }
      this.#want(name, place);
      return undefined;
    };
    await this.#waits.waitFor(["record"], look, options);
  }

  /**
   * Becomes the holder: from then on this machine reserves, and any other one signs up to the bounds that it
   * has. Durable when resolved.
   *
   * @throws {PersisterError} UNRESERVED where there is no record, and `isFirst` is not said; ABORTED: it may
   * still become the holder; CLOSED.
   */
  async take(taking: Taking, options: WaitOptions = {}): Promise<void> {
    throwIfAborted(options.signal, "the taking of the reservations");
    this.#taking = taking;
    this.#failure = undefined;
    this.#steps.begin();
    const look = (): true | undefined => {
      if (this.#failure?.code === "UNRESERVED") throw this.#failure;
      return this.#taking !== taking && this.#isHolder ? true : undefined;
    };
    await this.#waits.waitFor(["record"], look, options);
  }

  /** Gives back what was not signed, so that a successor begins there, and ends. Idempotent. */
  async close(): Promise<void> {
    if (this.#steps.signal.aborted) return;
    const ended = this.#steps.end();
    this.#waits.fail(new PersisterError("CLOSED", "the store was closed"));
    await ended;
    try {
      await this.#giveBackAll(AbortSignal.timeout(CLOSE_MS));
    } catch (cause) {
      // The bounds stay as they are: a successor leaves out a few more places.
      if (!isLanekeeperError(cause)) throw cause;
      this.#fail(cause);
    } finally {
      await this.#port.register.close();
    }
  }

  get #isHolder(): boolean {
    return this.#chain.newest?.holder === this.#port.machine && this.#own !== undefined;
  }

  get #isStandingBy(): boolean {
    const holder = this.#chain.newest?.holder;
    return holder !== undefined && holder !== this.#port.machine;
  }

  #isNear(place: bigint, next: bigint): boolean {
    return place + this.#port.places / 2n >= next;
  }

  #want(name: SeriesName, place: bigint): void {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined || wanted < place) this.#wanted.set(name, place);
    this.#steps.begin();
  }

  /** One look, and the puts that follow from it. */
  async #step(): Promise<void> {
    const options = { signal: this.#steps.signal };
    await this.#chain.look(options);
    for (let puts = 0; puts < PUTS_MAX; puts++) {
      const taking = this.#taking;
      const next = this.#decide(taking);
      if (next === undefined) break;
      if (await this.#chain.put(next, options)) this.#stored(next, taking);
    }
    this.#failure = undefined;
    if (this.#isStandingBy && this.#own) this.#fail(this.#standsBy());
    this.#waits.wake("record");
  }

  /** The record to put in place of the newest one; `undefined` where that one stands. */
  #decide(taking: Taking | undefined): ReservationRecord | undefined {
    const { machine, heldNext, places } = this.#port;
    const { newest } = this.#chain;
    const base = taking ? this.#taken(newest, taking) : newest;
    if (!base) throw this.#noRecord();
    if (base.holder !== machine) return this.#withoutOwed(base);
    if (!this.#isHolder) this.#signed.inherit(base, machine);
    const next = extended(base, machine, { wanted: this.#wanted, heldNext, places });
    const isPut = newest && this.#isHolder && !taking && sameBounds(next, newest);
    return isPut ? undefined : next;
  }

  #taken(
    newest: ReservationRecord | undefined,
    { reason, isFirst, ended }: Taking,
  ): ReservationRecord {
    const { machine, chainId, validator, nowMs } = this.#port;
    const taken = { reason, atMs: nowMs() };
    if (newest) return takenOver(newest, machine, { taken, ended });
    if (!isFirst) throw this.#noRecord();
    return begun({ chainId, validator: hex(validator) }, machine, taken);
  }

  /** Another machine is the holder: blocks that were not signed here are for it. */
  #withoutOwed(record: ReservationRecord): ReservationRecord | undefined {
    const next = givenBack(record, this.#port.machine, (name) => {
      return isOfBlocks(name) ? this.#signed.giveBack(name) : undefined;
    });
    return sameBounds(next, record) ? undefined : next;
  }

  #stored(record: ReservationRecord, taking: Taking | undefined): void {
    this.#puts += 1;
    this.#told = undefined;
    if (record.holder !== this.#port.machine) return;
    this.#own = record;
    this.#signed.renewed();
    if (this.#taking === taking) this.#taking = undefined;
    this.#waits.wake("record");
  }

  get #hasWork(): boolean {
    const { newest } = this.#chain;
    if (this.#taking || !newest) return true;
    if (this.#isStandingBy) return this.#owes(newest);
    if (!this.#isHolder) return true;
    return [...this.#wanted].some(([name, place]) => {
      const { first, next } = this.placesOf(name);
      return place >= first && this.#isNear(place, next);
    });
  }

  #owes({ series }: ReservationRecord): boolean {
    return [...series].some(([name, { of, first, next }]) => {
      if (of !== this.#port.machine || !isOfBlocks(name)) return false;
      return first < next && this.#signed.endOf(name) < next;
    });
  }

  async #giveBackAll(signal: AbortSignal): Promise<void> {
    for (let puts = 0; puts < PUTS_MAX; puts++) {
      const { newest } = this.#chain;
      if (!newest) return;
      const next = givenBack(newest, this.#port.machine, (name) => this.#signed.giveBack(name));
      if (sameBounds(next, newest) || (await this.#chain.put(next, { signal }))) return;
    }
  }

  /** Returns whether it is of use to try again. */
  #fail(error: LanekeeperError): boolean {
    this.#failure = error;
    const isHopeless = error.code === "UNRESERVED";
    if (isHopeless) this.#taking = undefined;
    if (this.#told !== error.message) this.#port.onUnreserved(error);
    this.#told = error.message;
    this.#waits.wake("record");
    return !isHopeless;
  }

  #standsBy(): PersisterError {
    const { holder, taken } = this.#chain.newest ?? {};
    return unreserved(`machine ${holder} reserves for this validator (${taken?.reason})`);
  }

  #noRecord(): PersisterError {
    return unreserved(
      `there are no reservations at ${this.#chain.at}; if this machine alone has signed for this ` +
        "validator until now, make them with takeReservations() and `first`",
    );
  }
}

/** The register may answer later, or an operator make a record there. */
function isForLater({ code }: LanekeeperError): boolean {
  return code === "BUCKET_FAILED" || code === "UNRESERVED";
}

function unreserved(text: string): PersisterError {
  return new PersisterError("UNRESERVED", text);
}
