/**
 * Archives a store while it runs: one object at a time, of the log that has waited longest. Nothing of the
 * store ever waits for it, except the release of what is not archived yet.
 *
 * # Invariants
 *
 * - A position is durable in the journal before the gate hears of it.
 * - At most two objects are in memory: the one that is being put, and what is read back of it.
 *
 * # Errors
 *
 * A step that failed is taken again, after a wait that doubles up to a minute and is drawn at random. A log
 * in which there are two truths is archived no further, and the others go on.
 */
import { detached } from "../../async/detached.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import type { Observe } from "../../types/measures.js";
import type { Bucket } from "../bucket/bucket.js";
import type { Packing } from "../form/builder.js";
import type { ArchivedLog } from "../form/names.js";
import { ObjectMemory } from "../form/object-memory.js";
import { LogChain } from "../reading/log-chain.js";
import type { KeyRing } from "../../keys/ring.js";
import { type ArchiveCounts, Counts } from "./counts.js";
import { LogTurn } from "./log-turn.js";
import { LogWriter, type Step } from "./log-writer.js";
import type { ArchiveSource, LogState } from "./source.js";

/** Told by the archiver, each as it happens. */
export interface ArchiveTeller {
  /** There are two truths in a log, or it cannot go on for another lasting reason. */
  readonly refused: (log: ArchivedLog, error: PersisterError) => void;
  /** A step failed; it is taken again. */
  readonly failing: (error: PersisterError) => void;
  /** Records were given up before they were archived. */
  readonly missed: (log: ArchivedLog, records: bigint) => void;
}

export interface ArchiverParts {
  readonly source: ArchiveSource;
  readonly bucket: Bucket;
  readonly ring: KeyRing | undefined;
  /** Asked for each object: a key may be rotated. */
  readonly packing: () => Packing;
  readonly objectBytes: number;
  /** A record waits so long at most for others to fill its object. */
  readonly ageMs: number;
  readonly positions: ReadonlyMap<string, ArchivedPosition>;
  /** Makes the positions durable; resolves when they are, and the gate has heard of them. */
  readonly save: (positions: ReadonlyMap<string, ArchivedPosition>) => Promise<void>;
  /** The first call of the bucket: asks whether it keeps conditions. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** Half of the bytes that may be held back are: nothing waits any longer. */
  readonly isPressed: () => boolean;
  readonly tell: ArchiveTeller;
  readonly observe: Observe | undefined;
  readonly nowMs: () => number;
  readonly random: () => number;
}

export class Archiver {
  readonly #parts: ArchiverParts;
  readonly #turns = new Map<ArchivedLog, LogTurn>();
  readonly #counts = new Counts();
  readonly #memory = new ObjectMemory();
  readonly #stop = new AbortController();
  #isProbed = false;
  /** Positions have moved that are not durable yet. */
  #isUnsaved = false;
  #failing: PersisterError | undefined;
  #wake: (() => void) | undefined;
  /** Callers who wait until some logs are archived as far as they are pruned. */
  readonly #draining = new Set<{ readonly logs: ReadonlySet<string>; readonly end: () => void }>();
  readonly #running: Promise<void>;

  constructor(parts: ArchiverParts) {
    this.#parts = parts;
    this.#running = this.#run();
    detached(this.#running);
  }

  /** Something was pruned, or the gate holds more: looks again. */
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
    await new Promise<void>((end) => {
      this.#draining.add({ logs, end });
      this.#wake?.();
    });
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
      for (const { end } of this.#draining) end();
      await this.#parts.bucket.close();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const due = this.#due();
      this.#endDrains();
      if (due || this.#isUnsaved) await this.#attempt(due);
      else await this.#rest();
    }
  }

  /** The log that is due and has waited longest. */
  #due(): LogState | undefined {
    const nowMs = this.#parts.nowMs();
    const isUrgent = this.#parts.isPressed();
    let found: { readonly state: LogState; readonly ageMs: number } | undefined;
    for (const state of this.#parts.source.logs()) {
      const turn = this.#turnOf(state);
      const isAsked = isUrgent || this.#isDraining(state.log);
      if (!turn.isDue(state, { nowMs, isAsked })) continue;
      const ageMs = turn.ageMs(state, nowMs);
      if (!found || ageMs > found.ageMs) found = { state, ageMs };
    }
    return found?.state;
  }

  async #attempt(state: LogState | undefined): Promise<void> {
    const { signal } = this.#stop;
    const turn = state && this.#turnOf(state);
    try {
      if (!this.#isProbed) await this.#parts.probe(signal);
      this.#isProbed = true;
      if (this.#isUnsaved) await this.#save();
      if (state && turn) await this.#step(turn, state);
      this.#failing = undefined;
    } catch (cause) {
      if (signal.aborted) return;
      this.#failed(refusalOf(cause), turn);
      if (hasCode(cause, "POISONED", "CLOSED")) this.#stop.abort();
      else if (!turn) await this.#rest();
    }
  }

  async #step(turn: LogTurn, state: LogState): Promise<void> {
    const beganMs = performance.now();
    const step = await turn.step(state, { signal: this.#stop.signal, nowMs: this.#parts.nowMs });
    this.#note(state.log, step);
    if (step.did === "put") this.#parts.observe?.("archiveObjectMs", performance.now() - beganMs);
    if (step.did !== "put" && step.did !== "found") return;
    this.#isUnsaved = true;
    await this.#save();
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

  #isDraining(log: string): boolean {
    return [...this.#draining].some(({ logs }) => logs.has(log));
  }

  #endDrains(): void {
    if (this.#draining.size === 0) return;
    const states = new Map(this.#parts.source.logs().map((state) => [state.log as string, state]));
    for (const drain of this.#draining) {
      const isLeft = [...drain.logs].some((log) => {
        const state = states.get(log);
        return state && !this.#turnOf(state).isArchived(state);
      });
      if (isLeft) continue;
      this.#draining.delete(drain);
      drain.end();
    }
  }

  /** Until something is pruned, or a log is due. */
  async #rest(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const nowMs = this.#parts.nowMs();
    const waits = this.#parts.source
      .logs()
      .map((state) => this.#turnOf(state).waitMs(state, nowMs));
    const ms = Math.max(1, Math.min(this.#parts.ageMs, ...waits));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
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
