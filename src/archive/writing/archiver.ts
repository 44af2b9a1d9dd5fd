/**
 * Archives a store while it runs: one object at a time, of the log that has waited longest. Nothing of the
 * store ever waits for it, except the release of what is not archived yet.
 *
 * # Invariants
 *
 * - A position is durable in the journal before the gate hears of it. On a full disk alone its note takes the room of
 *   what it sets free (`archiving.ts`).
 * - At most two objects are in memory: the one that is being put, and one of another writer's that has its name already,
 *   or holds its records. An object is read back in pieces.
 * - A log is due, or it is told how long it can wait: both by one reading of the clock. Everything else that
 *   may make one due wakes the loop: a prune, a segment that is sealed, a drop that waits.
 *
 * # Errors
 *
 * A step that failed is taken again, after a wait that doubles up to a minute and is drawn at random. A log
 * in which there are two truths is archived no further, and the others go on.
 */
import { detached } from "../../async/detached.js";
import { whenAborted } from "../../async/signal.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import type { ArchivedLog } from "../form/names.js";
import { ObjectMemory } from "../form/object-memory.js";
import { LogChain } from "../reading/log-chain.js";
import type { ArchiverParts } from "./archiver-parts.js";
import { type ArchiveCounts, Counts } from "./counts.js";
import { Drains } from "./drains.js";
import { LogTurn } from "./log-turn.js";
import { LogWriter, type Step } from "./log-writer.js";
import type { LogState } from "./source.js";

/** The log that is due, if there is one, and how long the loop may rest else. */
interface Look {
  readonly due: { readonly state: LogState; readonly isAsked: boolean } | undefined;
  readonly waitMs: number;
}

/** Behind an object nothing is done for so many times as long, unless somebody waits: votes come first. */
const REST_PER_WORK = 4;

/** Positions that could not be made durable wait so long. */
const SAVE_AGAIN_MS = 5_000;

export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #turns = new Map<ArchivedLog, LogTurn>();
  readonly #counts = new Counts();
  readonly #memory = new ObjectMemory();
  readonly #stop = new AbortController();
  #isProbed = false;
  /** Logs for which nobody waits come then. */
  #restedAtMs = 0;
  /** Positions have moved that are not durable yet. */
  #isUnsaved = false;
  #failing: PersisterError | undefined;
  #wake: (() => void) | undefined;
  readonly #drains = new Drains();
  readonly #running: Promise<void>;

  constructor(parts: ArchiverParts) {
    this.#parts = parts;
    this.#running = this.#run();
    detached(this.#running);
  }

  /** Something was pruned, or more is held back: looks again. */
  look(): void {
    this.#wake?.();
  }

  get counts(): ArchiveCounts {
    return this.#counts.all;
  }

  /** Why the last step failed, if the one behind it did not succeed. */
  get failing(): PersisterError | undefined {
    return this.#failing;
  }

  /** Logs that are archived no further, and why. */
  get refused(): ReadonlyMap<ArchivedLog, PersisterError> {
    const all = new Map<ArchivedLog, PersisterError>();
    for (const [log, { refused }] of this.#turns) if (refused) all.set(log, refused);
    return all;
  }

  /** How far each log is archived, as far as that is durable. */
  get positions(): ReadonlyMap<ArchivedLog, bigint> {
    const all = new Map<ArchivedLog, bigint>();
    for (const [log, { durable }] of this.#turns) if (durable) all.set(log, durable.through);
    return all;
  }

  /** Records that have left the live window and are not archived, and how long the oldest has waited. */
  get pending(): { readonly records: bigint; readonly oldestMs: number } {
    let [records, oldestMs] = [0n, 0];
    for (const state of this.#parts.source.logs()) {
      const turn = this.#turnOf(state);
      records += turn.unprovenOf(state);
      oldestMs = Math.max(oldestMs, turn.ageMs(state, this.#parts.nowMs()));
    }
    return { records, oldestMs };
  }

  /**
   * Resolves when these logs are archived as far as they are pruned.
   *
   * @throws {PersisterError} CLOSED where the archiver was stopped; ARCHIVE_CONFLICT.
   */
  async drain(logs: ReadonlySet<string>): Promise<void> {
    if (!this.#stop.signal.aborted) {
      const drained = this.#drains.wait(logs);
      this.look();
      await drained;
    }
    for (const log of logs) {
      const refused = this.#turns.get(log as ArchivedLog)?.refused;
      if (refused) throw refused;
    }
    if (this.#stop.signal.aborted) {
      throw new PersisterError("CLOSED", "the store was closed before its lanes were archived");
    }
  }

  /** Ends the call that is under way, and lets go of the bucket. Pending records wait for the next open. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    try {
      await this.#running;
    } finally {
      await this.#parts.bucket.close();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      await this.#ready();
      while (!signal.aborted) {
        const { due, waitMs } = this.#look();
        if (due || this.#isUnsaved) await this.#attempt(due);
        else await this.#rest(waitMs);
      }
    } finally {
      this.#stop.abort();
      this.#drains.endThose(() => false);
    }
  }

  async #ready(): Promise<void> {
    let calledOff = (): void => {};
    const stopped = new Promise<void>((stop) => {
      calledOff = whenAborted(this.#stop.signal, stop);
    });
    await Promise.race([this.#parts.ready(this.#parts.positions), stopped]);
    calledOff();
  }

  /** The log that is due and has waited longest, or how long all of them can wait. Ends drains that are done. */
  #look(): Look {
    const nowMs = this.#parts.nowMs();
    const isUrgent = this.#parts.isPressed();
    let due: Look["due"];
    let waitMs = this.#parts.ageMs;
    let oldestMs = -1;
    const states = this.#parts.source.logs();
    const left = new Set<string>();
    this.#forget(states);
    for (const state of states) {
      const turn = this.#turnOf(state);
      if (!turn.isArchived(state)) left.add(state.log);
      const isAsked = isUrgent || this.#drains.has(state.log);
      const restMs = isAsked ? 0 : this.#restedAtMs - nowMs;
      const itsMs = Math.max(restMs, turn.waitMs(state, { nowMs, isAsked }));
      waitMs = Math.min(waitMs, itsMs);
      if (itsMs > 0 || turn.ageMs(state, nowMs) <= oldestMs) continue;
      oldestMs = turn.ageMs(state, nowMs);
      due = { state, isAsked };
    }
    this.#drains.endThose((log) => left.has(log));
    return { due, waitMs };
  }

  /** Lets go of logs that were dropped: a later one of such a name is another one. */
  #forget(states: readonly LogState[]): void {
    if (this.#turns.size <= states.length) return;
    const logs = new Set(states.map(({ log }) => log));
    for (const log of this.#turns.keys()) if (!logs.has(log)) this.#turns.delete(log);
  }

  async #attempt(due: Look["due"]): Promise<void> {
    const { signal } = this.#stop;
    const turn = due && this.#turnOf(due.state);
    try {
      if (!this.#isProbed) await this.#parts.probe(signal);
      this.#isProbed = true;
      if (due && turn) await this.#step(turn, due);
      else await this.#save();
      this.#failing = undefined;
    } catch (cause) {
      if (signal.aborted) return;
      this.#failed(refusalOf(cause), turn);
      if (hasCode(cause, "POISONED", "CLOSED")) this.#stop.abort();
      else if (!turn) await this.#rest(SAVE_AGAIN_MS);
    }
  }

  async #step(turn: LogTurn, { state, isAsked }: NonNullable<Look["due"]>): Promise<void> {
    const { nowMs } = this.#parts;
    const beganMs = nowMs();
    const step = await turn.step(state, { signal: this.#stop.signal, isAsked, nowMs });
    this.#note(state.log, step);
    const tookMs = nowMs() - beganMs;
    this.#restedAtMs = beganMs + (1 + REST_PER_WORK) * tookMs;
    if (step.did === "put") this.#parts.observe?.("archiveObjectMs", tookMs);
    if (step.did !== "put" && step.did !== "found") return;
    this.#isUnsaved = true;
    await this.#saveUnlessFull();
  }

  /** On a full disk positions wait: it takes objects of several logs until a segment can be given back for them. */
  async #saveUnlessFull(): Promise<void> {
    try {
      await this.#save();
    } catch (cause) {
      if (!hasCode(cause, "DISK_FULL")) throw cause;
    }
  }

  #note(log: ArchivedLog, step: Step): void {
    this.#counts.note(step);
    if ("hole" in step && step.hole > 0n) this.#parts.tell.missed(log, step.hole);
  }

  async #save(): Promise<void> {
    const positions = new Map<string, ArchivedPosition>();
    for (const { log } of this.#parts.source.logs()) {
      const position = this.#turns.get(log)?.position;
      if (position) positions.set(log, position);
    }
    await this.#parts.save(positions);
    this.#isUnsaved = false;
    for (const [log, position] of positions) this.#turns.get(log as ArchivedLog)?.saved(position);
  }

  #failed(error: PersisterError, turn: LogTurn | undefined): void {
    this.#counts.failed();
    if (turn && hasCode(error, "ARCHIVE_CONFLICT")) {
      turn.refuse(error);
      this.#parts.tell.refused(turn.log, error);
      return;
    }
    this.#failing = error;
    turn?.failed(this.#parts.nowMs(), this.#parts.random());
    this.#parts.tell.failing(error);
  }

  #turnOf({ log }: LogState): LogTurn {
    const known = this.#turns.get(log);
    if (known) return known;
    const { source, bucket, ring, packing, objectBytes, ageMs, positions } = this.#parts;
    const chain = new LogChain(bucket, { chainId: source.chainId, log, ring });
    const position = positions.get(log);
    const writer = new LogWriter(
      { source, bucket, chain, packing, objectBytes, memory: this.#memory },
      position,
    );
    const turn = new LogTurn(writer, { objectBytes, ageMs, durable: position });
    this.#turns.set(log, turn);
    return turn;
  }

  /** Until something happens, or `ms` are over. */
  async #rest(ms: number): Promise<void> {
    if (this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const callOff = this.#parts.after(Math.max(1, ms), resolve);
      this.#wake = () => {
        callOff();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** A refusal of the store or the bucket; a bug is no refusal, and ends the process. */
function refusalOf(cause: unknown): PersisterError {
  if (cause instanceof PersisterError) return cause;
  if (!(cause instanceof DecodeError)) throw cause;
  const text = `a retained record does not decode: ${cause.message}`;
  return new PersisterError("JOURNAL_CORRUPT", text, { cause });
}
