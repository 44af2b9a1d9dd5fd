/**
 * The reservations of one machine: they say which places it may sign, and reserve more of them ahead of need.
 * `bounds.ts` has the argument, `run.ts` the decisions. One put is under way at a time.
 */
import { throwIfAborted, type WaitOptions } from "../async/signal.js";
import { Waits } from "../async/waits.js";
import { hex } from "../codec/hex.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { isLanekeeperError, type LanekeeperError } from "../types/lanekeeper-error.js";
import { begun, takenOver } from "./bounds.js";
import { RecordChain } from "./chain.js";
import type { ReservationsPort, ReservationsStatus, Taking } from "./port.js";
import type { ReservationRecord, SeriesName } from "./record.js";
import { begunRun, type Places, Run } from "./run.js";
import { Steps } from "./steps.js";

/** The end of a store does not wait longer for an answer: then the bounds stay as they are. */
const CLOSE_MS = 5_000;
/** Machines that put at once show each other their records. A step does so this often, and then pauses. */
const PUTS_MAX = 8;

const NOTHING: Places = { first: 0n, next: 0n };

export class Reservations {
  readonly #port: ReservationsPort;
  readonly #chain: RecordChain;
  readonly #run: Run;
  readonly #waits = new Waits<"record">();
  readonly #steps: Steps;
  #taking: Taking | undefined;
  #puts = 0;
  #failures = 0;
  #failure: LanekeeperError | undefined;
  /** The message of the failure that was told last: one is told once. */
  #told: string | undefined;

  private constructor(port: ReservationsPort) {
    this.#port = port;
    this.#chain = new RecordChain(port);
    this.#run = new Run(port, begunRun(port.ends));
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
    const names = [...(this.#run.own?.series.keys() ?? [])];
    const series = names.map((name) => [name, this.placesOf(name)] as const);
    return {
      at: this.#chain.at,
      machine: this.#port.machine,
      state: holder === undefined ? "opening" : this.#isHolder ? "holding" : "standing by",
      holder,
      series: new Map(series.filter(([, { next }]) => next > 0n)),
      puts: this.#puts,
      failures: this.#failures,
      failure: this.#failure,
    };
  }

  /** The places of a series that this machine may sign. */
  placesOf(name: SeriesName): Places {
    return this.#isOver ? NOTHING : this.#run.placesOf(name);
  }

  /** A place of this machine is given out, to be signed. More are reserved ahead of need. */
  give(name: SeriesName, place: bigint): void {
    assert(!this.#isOver, "only a place of this machine is given out");
    if (this.#run.give(name, place)) this.#steps.begin();
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
      this.#run.want(name, place);
      this.#steps.begin();
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

  /** Whether this run has ended, or a later one of this machine has begun. */
  get #isOver(): boolean {
    return this.#steps.signal.aborted || this.#chain.isOver;
  }

  get #isHolder(): boolean {
    return this.#chain.newest?.holder === this.#port.machine && this.#run.own !== undefined;
  }

  get #isStandingBy(): boolean {
    const holder = this.#chain.newest?.holder;
    return holder !== undefined && holder !== this.#port.machine;
  }

  /** One look, and the puts that follow from it. */
  async #step(): Promise<void> {
    const options = { signal: this.#steps.signal };
    await this.#chain.look(options);
    for (let puts = 0; puts < PUTS_MAX; puts++) {
      const taking = this.#taking;
      const next = this.#decide(taking);
      if (next === undefined) break;
      if (await this.#chain.put(next, options)) this.#stored(taking);
    }
    this.#failure = undefined;
    if (this.#isStandingBy && this.#run.own) this.#fail(this.#standsBy());
    this.#waits.wake("record");
  }

  /** The record to put in place of the newest one; `undefined` where that one stands. */
  #decide(taking: Taking | undefined): ReservationRecord | undefined {
    const { newest } = this.#chain;
    const base = taking ? this.#taken(newest, taking) : newest;
    if (!base) throw this.#noRecord();
    return this.#run.decide(newest, base);
  }

  #taken(
    newest: ReservationRecord | undefined,
    { reason, isFirst, ended }: Taking,
  ): ReservationRecord {
    const { machine, chainId, validator, nowMs } = this.#port;
    const taken = { reason, atMs: nowMs() };
    if (newest && isFirst && newest.holder !== machine) throw this.#notFirst(newest);
    if (newest) return takenOver(newest, machine, { taken, ended });
    if (!isFirst) throw this.#noRecord();
    return begun({ chainId, validator: hex(validator) }, machine, taken);
  }

  #stored(taking: Taking | undefined): void {
    const { newest } = this.#chain;
    assert(newest !== undefined, "a record that was stored is the newest that was seen");
    this.#puts += 1;
    this.#told = undefined;
    this.#run.stored(newest);
    if (newest.holder !== this.#port.machine) return;
    if (this.#taking === taking) this.#taking = undefined;
    this.#waits.wake("record");
  }

  get #hasWork(): boolean {
    const { newest } = this.#chain;
    if (this.#taking || !newest) return true;
    if (this.#isStandingBy) return this.#run.owes(newest);
    return !this.#isHolder || this.#run.wantsMore;
  }

  async #giveBackAll(signal: AbortSignal): Promise<void> {
    for (let puts = 0; puts < PUTS_MAX; puts++) {
      const { newest, isOver } = this.#chain;
      const next = newest && !isOver ? this.#run.decideAtEnd(newest) : undefined;
      if (!next || (await this.#chain.put(next, { signal }))) return;
    }
  }

  /** Returns whether it is of use to try again. */
  #fail(error: LanekeeperError): boolean {
    this.#failure = error;
    this.#failures += 1;
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

  /** A program that says so at each of its starts would take over from a machine that is at work. */
  #notFirst({ holder }: ReservationRecord): PersisterError {
    return unreserved(
      `machine ${holder} has reserved at ${this.#chain.at} before: this machine is not the first; ` +
        "where it is to take over, leave out `first`",
    );
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
