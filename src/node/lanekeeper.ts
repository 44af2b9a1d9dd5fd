/**
 * Lanekeeper: the durable memory of one validator. Opens a state directory, recovers, runs the loop
 * that persists, and closes: the few lines that wire the parts together.
 */
import { randomBytes } from "node:crypto";
import { AvailabilityState } from "../avail/availability-state.js";
import type { PushResult } from "../avail/inner.js";
import { unwrittenLook } from "../avail/looks.js";
import type { DurableBlock, DurableCommitQC } from "../avail/offers.js";
import { inTurn } from "../async/all-ended.js";
import { runPersist } from "../avail/run-persist.js";
import type { WaitOptions } from "../async/signal.js";
import type { Disk } from "../disk/disk.js";
import { MemoryDisk } from "../disk/memory.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { RealDisk } from "../disk/real.js";
import type { LaneLog } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import { openLogMap } from "../log/map/level-map.js";
import { INDEX_DIRECTORY, type LogMap, memoryLogMap } from "../log/map/log-map.js";
import type { JournalEnd } from "../log/map/seal.js";
import type { RetainedRange, RetainedRecord } from "../log/retained-records.js";
import { ROAD } from "../persist/kinds.js";
import type { Release } from "../persist/release-log.js";
import {
  initPersisters,
  type OpenedPersisters,
  openPersisters,
  type Persisters,
  withoutFound,
} from "../persist/persisters.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { Verifier } from "../wire/verifier.js";
import {
  checkInit,
  checkOpen,
  defaults,
  type InitChoices,
  type OpenChoices,
  type OpenSettings,
} from "./options.js";
import { type Recovery, recoveryOf, startOf } from "./start.js";
import { type Status, statusOf } from "./status.js";

/** What stands outside of a store; tests put a simulated disk here. */
export interface Surroundings {
  readonly disk: Disk;
  /** Opens the map in this folder, as it was sealed when the journal ended at `end`. */
  readonly openMap: (directory: string, end: JournalEnd) => Promise<LogMap>;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly whenIdle: (task: () => void) => void;
  readonly nowMs: () => number;
  /** Whether what is acknowledged survives the process (D10). */
  readonly durable: boolean;
}

const MEMORY_DIRECTORY = "memory";
const REASON_CHARS_MAX = 1000;

export class Lanekeeper {
  readonly recovery: Recovery;
  readonly #persisters: Persisters;
  readonly #state: AvailabilityState;
  /** The node's, or our own. */
  readonly #verifier: Verifier;
  readonly #settings: OpenSettings;
  readonly #durable: boolean;
  readonly #nowMs: () => number;
  readonly #running: Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(parts: {
    readonly persisters: OpenedPersisters;
    readonly settings: OpenSettings;
    readonly verifier: Verifier;
    readonly durable: boolean;
    readonly durationMs: number;
    readonly nowMs: () => number;
  }) {
    this.#persisters = withoutFound(parts.persisters);
    this.#settings = parts.settings;
    this.#verifier = parts.verifier;
    this.#durable = parts.durable;
    this.#nowMs = parts.nowMs;
    this.recovery = recoveryOf(parts.persisters, parts.settings.epochOf, parts.durationMs);
    this.#state = new AvailabilityState(startOf(parts.persisters, parts.settings, this.#verifier));
    const { journal } = parts.persisters;
    journal.onPoison = (poison) => this.#state.fail(poison);
    if (journal.poison) this.#state.fail(journal.poison);
    this.#running = this.#run();
  }

  /**
   * Makes a store in `directory`, which must be missing or empty; durable when resolved (D10).
   *
   * @throws {PersisterError} STORE_EXISTS, USAGE, DISK_FULL, READ_ONLY, IO.
   */
  static async init(directory: PathInput, choices: InitChoices): Promise<void> {
    await Lanekeeper.initOn(realSurroundings(), absolutePath(directory), choices);
  }

  /**
   * Opens the store in `directory`: everything acknowledged is there, or it is refused and no byte
   * was changed (D5).
   *
   * @throws {PersisterError} NOT_A_STORE, STORE_LOCKED, WRONG_CHAIN, FORMAT_TOO_NEW, JOURNAL_CORRUPT,
   * ACKNOWLEDGED_LOST, MARK_CORRUPT, ANCHOR_CORRUPT, RECOVERY_MISMATCH, READ_ONLY, DISK_FULL, IO,
   * USAGE.
   */
  static async open(directory: PathInput, choices: OpenChoices): Promise<Lanekeeper> {
    return await Lanekeeper.openOn(realSurroundings(), absolutePath(directory), choices);
  }

  /**
   * A store without a disk: the same behaviour, nothing survives the process (D10). For tests and
   * for nodes that do not vote.
   */
  static async openMemory(choices: OpenChoices): Promise<Lanekeeper> {
    const surroundings = memorySurroundings();
    const { chainId, segmentBytes } = checkOpen(choices);
    await Lanekeeper.initOn(surroundings, MEMORY_DIRECTORY, { chainId, segmentBytes });
    return await Lanekeeper.openOn(surroundings, MEMORY_DIRECTORY, choices);
  }

  /** `init` in given surroundings. @internal */
  static async initOn(
    surroundings: Surroundings,
    directory: string,
    choices: InitChoices,
  ): Promise<void> {
    const { chainId, segmentBytes } = checkInit(choices);
    await initPersisters({
      disk: surroundings.disk,
      directory,
      chainId,
      segmentBytes,
      nowMs: BigInt(Math.floor(surroundings.nowMs())),
      randomBytes: surroundings.randomBytes,
    });
  }

  /** `open` in given surroundings. @internal */
  static async openOn(
    surroundings: Surroundings,
    directory: string,
    choices: OpenChoices,
  ): Promise<Lanekeeper> {
    const settings = checkOpen(choices);
    const { durable, nowMs } = surroundings;
    const verifier = settings.verifier ?? new Verifier();
    const began = nowMs();
    try {
      const persisters = await openPersisters({
        ...surroundings,
        ...settings,
        directory,
        verifyAnchor: (anchor) => verifier.verifyAnchor(anchor, settings.epochOf),
        openMap: (end) => surroundings.openMap(`${directory}/${INDEX_DIRECTORY}`, end),
      });
      const durationMs = nowMs() - began;
      return new Lanekeeper({ persisters, settings, verifier, durable, durationMs, nowMs });
    } catch (cause) {
      if (settings.verifier === undefined) await verifier.close();
      throw cause;
    }
  }

  /**
   * Admits a signed block: verified, in its lane's order, with its parent, within capacity (waits
   * for that). Resolved when it is queued; `waitForBlock` tells when it is durable. Copies bytes.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, DUPLICATE, CONFLICT, PINNED, DISK_FULL,
   * POISONED, CLOSED, ABORTED.
   */
  async pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult> {
    return await this.#state.pushBlock(block, options);
  }

  /**
   * Queues a commit QC; one that is held with the same proposal is ignored.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, CONFLICT, DISK_FULL, POISONED, CLOSED.
   */
  async pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void> {
    await this.#state.pushCommitQC(qc, options);
  }

  /**
   * Takes a prune anchor; a backward one is ignored. What lies below it is forgotten once it is
   * durable (D3).
   *
   * @throws {PersisterError} INVALID; CONFLICT where it contradicts a QC that is held, or would lower a
   * lane's start; POISONED, CLOSED.
   */
  async pushAnchor(anchor: PruneAnchor): Promise<void> {
    await this.#state.pushAnchor(anchor);
  }

  /**
   * Lifts the pins that a lane QC covers: those of its lane up to its block. Durable when resolved.
   *
   * @throws {PersisterError} INVALID where the QC does not verify.
   */
  async pushLaneQC(qc: LaneQC): Promise<void> {
    const { lane, blockNumber } = (await this.#state.checkLaneQC(qc)).vote;
    await this.#persisters.blocks.liftPins([{ lane, next: blockNumber + 1n }]);
  }

  /**
   * Lifts one pin by an operator's decision (D6): the decision is put on record with its reason, then
   * the pin goes; both are durable when resolved. Where nothing is pinned nothing happens.
   *
   * @throws {PersisterError} USAGE without a reason; DISK_FULL, POISONED, CLOSED.
   */
  async release(lane: LaneId, number: bigint, reason: string): Promise<void> {
    const pin = this.#persisters.blocks.pinOf(lane, number);
    if (!pin) return;
    const isSaid = reason.trim().length > 0 && reason.length <= REASON_CHARS_MAX;
    if (!isSaid) {
      throw new PersisterError(
        "USAGE",
        `a release wants a reason of 1 to ${REASON_CHARS_MAX} characters`,
      );
    }
    const headerHash = Buffer.from(pin).toString("hex");
    const atMs = this.#nowMs();
    await this.#persisters.releases.append({ lane, number, headerHash, reason, atMs });
    await this.#persisters.blocks.releasePin(lane, number);
  }

  /** The releases on record, oldest first: the last 64. */
  async releases(): Promise<readonly Release[]> {
    return await this.#persisters.releases.list();
  }

  /**
   * Drops every lane that is not in `keep`: its blocks, its queue and those who wait for them. From
   * the call on such a lane takes nothing; what it holds can be read until the drop is durable, and
   * what is pushed then is of a new lane. A crash before leaves the lane whole. Durable when resolved.
   *
   * @throws {PersisterError} DISK_FULL: the lanes that could not be dropped go on as they were;
   * POISONED, CLOSED.
   */
  async dropLanesExcept(keep: ReadonlySet<LaneId>): Promise<void> {
    await this.#state.dropLanesExcept(keep);
  }

  /** Resolves when the block is durable; then, and only then, may it be voted for. */
  async waitForBlock(
    lane: LaneId,
    number: bigint,
    options?: WaitOptions,
  ): Promise<"durable" | "pruned"> {
    return await this.#state.waitForBlock(lane, number, options);
  }

  /** Resolves when the commit QC is durable; then consensus may advance past it. */
  async waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned"> {
    return await this.#state.waitForCommitQC(index, options);
  }

  /** Resolves when an anchor at `index` or above is durable. */
  async waitForAnchor(index: bigint, options?: WaitOptions): Promise<void> {
    await this.#state.waitForAnchor(index, options);
  }

  /**
   * Blocks as they become durable, each once, those of a lane in order: each may be voted for. Begins in
   * each lane at `from`, or at its durable cursor at the time of the call if `from` does not name the
   * lane. Ends when the store closes.
   *
   * @example
   * // Everything that may be voted for, also what was durable before this start.
   * const from = new Map([...keeper.recovery.lanes].map(([lane, { first }]) => [lane, first]));
   * for await (const { lane, number, headerHash } of keeper.durableBlocks({ from })) vote(headerHash);
   *
   * @throws {PersisterError} ABORTED by the signal; POISONED.
   */
  durableBlocks(
    options?: WaitOptions & { readonly from?: ReadonlyMap<LaneId, bigint> | undefined },
  ): AsyncGenerator<DurableBlock> {
    return this.#state.durableBlocks(options);
  }

  /**
   * Commit QCs as they become durable, each once, in order. Begins at `from`, or at the road's durable
   * cursor at the time of the call. Ends when the store closes.
   *
   * @throws {PersisterError} ABORTED by the signal; POISONED.
   */
  durableCommitQCs(
    options?: WaitOptions & { readonly from?: bigint | undefined },
  ): AsyncGenerator<DurableCommitQC> {
    return this.#state.durableCommitQCs(options);
  }

  /**
   * The encoded block as it was received: queued ones and those of late from memory, else from disk.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    return await this.#state.readBlock(lane, number);
  }

  /**
   * The encoded commit QC, from disk.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  async readCommitQC(index: bigint): Promise<Uint8Array> {
    const { first } = this.#state.inner.road;
    if (index < first) {
      throw new PersisterError(
        "OUT_OF_SEQUENCE",
        `commit QC ${index} was pruned, ${first} is the first`,
        { roadIndex: index },
      );
    }
    return Uint8Array.from(await this.#persisters.road.log.readBytes(index));
  }

  /**
   * A block that an anchor has pruned, as it was received; `undefined` where it is not retained. Which
   * ones are, `status` tells. Nothing is promised of them.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where it is damaged; IO.
   */
  async readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined> {
    const { blocks, logs } = this.#persisters;
    const start = this.#state.inner.lanes.get(lane)?.first;
    return await readPassed({ log: blocks.lanes.get(lane), logs, start }, lane, number);
  }

  /** As `readRetainedBlock`, for a commit QC. */
  async readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined> {
    const { road, logs } = this.#persisters;
    const start = this.#state.inner.road.first;
    return await readPassed({ log: road.log, logs, start }, ROAD, index);
  }

  /**
   * Blocks of a lane that an anchor has pruned and that are retained, as they were received: in ascending
   * order and without a gap. Begins at `from`, or at the lowest retained block if that is higher or if
   * `from` is left out. Ends before `next`, at the latest before the lane's first live block as it is now.
   * Nothing is promised of them: how far a range reaches down, its first block tells.
   *
   * @example
   * for await (const { number, bytes } of keeper.retainedBlocks(lane, { from: 100n })) {
   *   await peer.send(number, bytes);
   * }
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where a block was given up while the range was read;
   * JOURNAL_CORRUPT where one is damaged; ABORTED by `signal`; IO, CLOSED.
   */
  retainedBlocks(lane: LaneId, range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    return this.#persisters.logs.readRetainedRange(lane, range);
  }

  /** As `retainedBlocks`, for commit QCs: `number` is the road index. */
  retainedCommitQCs(range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    return this.#persisters.logs.readRetainedRange(ROAD, range);
  }

  /** Writes the consensus vote state (encoded PersistedInner); durable when resolved. */
  async writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void> {
    await this.#persisters.votes.write(message, roadIndex);
  }

  /** Everything an operator asks, in one look. */
  status(): Status {
    return statusOf(this.#persisters, this.#state.inner, {
      durable: this.#durable,
      verified: this.#verifier.counts,
      recovery: this.recovery,
    });
  }

  /**
   * Refuses new work, writes what is queued, and lets go of the store. Idempotent.
   *
   * @throws {PersisterError} POISONED where an earlier write failed: nothing more was written.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A verifier that the node gave stays the node's. */
  async #closeVerifier(): Promise<void> {
    if (this.#settings.verifier === undefined) await this.#verifier.close();
  }

  async #run(): Promise<void> {
    try {
      await runPersist(this.#state, this.#persisters);
    } catch (cause) {
      // Every waiter and every later call gets it: that is where the failure is reported (D7).
      this.#state.fail(this.#persisters.journal.fail(cause));
    }
  }

  async #close(): Promise<void> {
    const { inner } = this.#state;
    inner.close();
    await this.#running;
    this.#state.fail(new PersisterError("CLOSED", "the store was closed"));
    const steps = [() => this.#closeVerifier(), () => this.#persisters.close()];
    await inTurn(steps);
    const unwritten = unwrittenLook(inner);
    if (unwritten) throw unwritten;
  }
}

/**
 * A record that an anchor has passed: from the log itself while it is not truncated yet, else as it is
 * retained. `undefined` if it is neither.
 */
async function readPassed(
  {
    log,
    logs,
    start,
  }: {
    readonly log: Pick<LaneLog<unknown>, "first" | "next" | "readBytes"> | undefined;
    readonly logs: LogSet;
    readonly start: bigint | undefined;
  },
  name: string,
  number: bigint,
): Promise<Uint8Array | undefined> {
  const isPassed =
    log !== undefined && start !== undefined && number >= log.first && number < start;
  if (isPassed && (!logs.retains || number >= log.next)) return undefined;
  const bytes = isPassed ? await log.readBytes(number) : await logs.readRetained(name, number);
  return bytes && Uint8Array.from(bytes);
}

function realSurroundings(): Surroundings {
  const disk = new RealDisk();
  return {
    disk,
    openMap: (directory, end) => openLogMap(disk, directory, end),
    randomBytes: (count) => randomBytes(count),
    whenIdle: (task) => setTimeout(task, defaults.idleMs),
    nowMs: () => Date.now(),
    durable: true,
  };
}

function memorySurroundings(): Surroundings {
  return {
    ...realSurroundings(),
    disk: new MemoryDisk(),
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
    durable: false,
  };
}
