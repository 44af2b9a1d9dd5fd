/**
 * One life of the child, from its start to its end: recovery compared with the ledger, then the feed,
 * until a kill, the end of the run, or something wrong.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCodes, type ErrorCode, PersisterError } from "../../types/errors.js";
import type { Chain } from "./chain.js";
import { type ChildEnd, type ChildLink, startChild } from "./child-link.js";
import { Comparison } from "./comparison.js";
import { Feed } from "./feed.js";
import type { Kill } from "./kills.js";
import type { Ledger } from "./ledger.js";
import type { Measures } from "./measures.js";
import type { DurableEvent, Event } from "./messages.js";

/** What all lives of a run share. */
export interface RunWorld {
  readonly chain: Chain;
  readonly ledger: Ledger;
  readonly measures: Measures;
  readonly directory: string;
  /** The file that `run-child` is a subcommand of. */
  readonly script: string;
  readonly windowBlocks: number;
  /** Milliseconds since the run began. */
  readonly nowMs: () => number;
  /** Aborted by an interrupt: the child closes and the run ends. */
  readonly signal: AbortSignal;
}

/**
 * How a life shall end: by a kill, wherever it falls; by a kill at `atMs`, but not before it was fed
 * for a while; or by a clean close at `untilMs`, but not before it recovered.
 */
export type LifePlan =
  | { readonly end: "kill"; readonly kill: Kill }
  | { readonly end: "killFed"; readonly atMs: number }
  | { readonly end: "close"; readonly untilMs: number };

/** What the time from opening to the last recovered record is taken for before the first one. */
const FIRST_OPENING_MS = 30;
/** So that no run ends without having fed anything, however slow the machine is. */
const FED_MS_MIN = 500;
/** How long a child may take from its start to the end of its recovery. */
const OPEN_MS_MAX = 60_000;
/** How long a child may take from being told to close to its end. */
const CLOSE_MS_MAX = 20_000;

class Life {
  readonly #world: RunWorld;
  readonly #plan: LifePlan;
  readonly #link: ChildLink;
  readonly #comparison: Comparison;
  readonly #timers: NodeJS.Timeout[] = [];
  #openingMs: number | undefined;
  /** Where in opening and recovery the kill falls, when it falls there. */
  #killFraction: number | undefined;
  #feed: Feed | undefined;
  #refusal: PersisterError | undefined;
  #wasKilled = false;
  #isClosing = false;
  #wake = (): void => undefined;

  constructor(world: RunWorld, plan: LifePlan) {
    this.#world = world;
    this.#plan = plan;
    this.#comparison = new Comparison(world.ledger);
    world.measures.starts++;
    this.#link = startChild(world.script, (event) => this.#take(event));
  }

  async live(): Promise<void> {
    const { chain, directory, signal } = this.#world;
    const onAbort = (): void => this.#startClosing();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#scheduleEnd();
    if (signal.aborted) onAbort();
    const open = { kind: "open", directory, chainId: chain.chainId, keys: chain.keys } as const;
    const ended = this.#link.ended.then((end) => {
      this.#wake();
      return end;
    });
    await this.#link.send(open);
    await this.#feedOn();
    const end = await ended;
    for (const timer of this.#timers) clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    this.#judgeEnd(end);
  }

  #scheduleEnd(): void {
    const { nowMs } = this.#world;
    if (this.#plan.end === "close") {
      this.#after(this.#plan.untilMs - nowMs(), () => this.#startClosing());
    } else if (this.#plan.end === "killFed") {
      this.#after(OPEN_MS_MAX, () => {
        if (this.#feed === undefined) this.#link.kill();
      });
    } else if (this.#plan.kill.atMs !== undefined && this.#plan.kill.atMs > nowMs()) {
      this.#after(this.#plan.kill.atMs - nowMs(), () => this.#kill());
    } else {
      this.#killFraction = this.#plan.kill.fraction;
    }
  }

  #after(delayMs: number, act: () => void): void {
    this.#timers.push(setTimeout(act, Math.max(0, delayMs)));
  }

  #kill(): void {
    if (!this.#link.isOpen || this.#isClosing) return;
    this.#wasKilled = true;
    this.#world.measures.kills++;
    const isOpening = this.#openingMs !== undefined && this.#feed === undefined;
    if (isOpening) this.#world.measures.killsWhileOpening++;
    this.#link.kill();
    this.#wake();
  }

  #startClosing(): void {
    this.#isClosing = true;
    this.#after(CLOSE_MS_MAX, () => this.#link.kill());
    this.#wake();
  }

  /** Sends what the feed decides until the life ends. */
  async #feedOn(): Promise<void> {
    const { measures, nowMs } = this.#world;
    while (this.#link.isOpen) {
      const isRecovered = this.#feed !== undefined;
      if (this.#isClosing && (isRecovered || this.#world.signal.aborted)) {
        return this.#link.send({ kind: "close" });
      }
      const command = this.#feed?.next();
      if (command === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (command.kind === "block") {
        const block = { atMs: nowMs(), bytes: command.bytes.length };
        measures.sent(command.lane, command.number, block);
      }
      await this.#link.send(command);
      // Signing keeps the event loop: acknowledgements get their turn after each.
      await nextTurn();
    }
  }

  #take(event: Event): void {
    const { measures, nowMs } = this.#world;
    switch (event.kind) {
      case "opening":
        this.#openingMs = nowMs();
        if (this.#killFraction !== undefined) {
          const typicalMs = measures.openingMs ?? FIRST_OPENING_MS;
          this.#after(this.#killFraction * typicalMs, () => this.#kill());
        }
        return;
      case "recovered":
        this.#finishRecovery(event.durationMs, event.warnings.length);
        break;
      case "blockDurable":
      case "commitQcDurable":
      case "anchorDurable":
        this.#takeDurable(event);
        break;
      case "dropped":
        measures.wasDropped(event.lane, event.number);
        break;
      case "stats":
        return measures.took(event);
      case "failed":
        this.#refusal = new PersisterError(codeOf(event.code), event.message);
        this.#link.kill();
        break;
      case "closed":
        return;
      case "pinFound":
        measures.pins++;
        return this.#comparison.take(event);
      case "anchorFound":
      case "laneFound":
      case "blockFound":
      case "roadFound":
      case "commitQcFound":
        return this.#comparison.take(event);
    }
    this.#wake();
  }

  #finishRecovery(durationMs: number, warnings: number): void {
    const { chain, ledger, measures, nowMs, windowBlocks } = this.#world;
    measures.openingMs = nowMs() - (this.#openingMs ?? nowMs());
    measures.recovered(durationMs);
    measures.warnings += warnings;
    this.#comparison.finish();
    // What contradicts the ledger is no ground to go on from.
    if (this.#comparison.violations.length > 0) this.#startClosing();
    if (this.#plan.end === "killFed") {
      this.#after(Math.max(FED_MS_MIN, this.#plan.atMs - nowMs()), () => this.#kill());
    }
    this.#feed = new Feed(chain, ledger, this.#comparison, windowBlocks);
  }

  #takeDurable(event: DurableEvent): void {
    const { ledger, measures, nowMs } = this.#world;
    if (!ledger.acknowledge(event)) {
      const where =
        event.kind === "blockDurable" ? `lane ${event.lane} ${event.number}` : event.kind;
      measures.violate({ rule: "ACK_UNKNOWN", where });
    }
    if (event.kind === "blockDurable") measures.acked(event.lane, event.number, nowMs());
    else if (event.kind === "commitQcDurable") measures.commitQCsAcked++;
    else measures.anchorsAcked++;
  }

  /** Counts what the life showed. Throws where the child ended neither as asked nor by our kill. */
  #judgeEnd(end: ChildEnd): void {
    const { measures } = this.#world;
    measures.forgetInFlight();
    measures.recordsCompared += this.#comparison.compared;
    measures.violate(...this.#comparison.violations);
    if (end.error !== undefined) throw end.error;
    if (this.#wasKilled || measures.violations.length > 0) return;
    if (this.#refusal !== undefined) {
      if (this.#feed !== undefined) throw this.#refusal;
      const where = `${this.#refusal.code}: ${this.#refusal.message}`;
      if (!isCorruption(this.#refusal.code)) throw this.#refusal;
      measures.violate({ rule: "OPEN_REFUSED", where });
      return;
    }
    if (end.code !== 0) {
      const how = end.signal === null ? `code ${end.code}` : `signal ${end.signal}`;
      throw new Error(`the child ended unasked, with ${how}`);
    }
  }
}

/** Lives one life of the child. The ledger and the measures tell what it showed. */
export function liveOnce(world: RunWorld, plan: LifePlan): Promise<void> {
  return new Life(world, plan).live();
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "IO";
}

/** The refusals that a mere kill must never cause (exit codes 20 to 29). */
function isCorruption(code: ErrorCode): boolean {
  const { exit } = errorCodes[code];
  return exit >= 20 && exit < 30;
}
