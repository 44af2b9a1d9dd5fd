/**
 * Lanekeeper: the durable memory of one validator. Opens a state directory, recovers, runs the loop
 * that persists, and closes: the few lines that wire the parts together.
 */
import { AvailabilityState } from "../avail/availability-state.js";
import type { PushResult } from "../avail/inner.js";
import type { Cursors } from "../avail/cursors.js";
import { unwrittenLook } from "../avail/looks.js";
import { prunedQC } from "../avail/refusals.js";
import { parentHashAt } from "../wire/build.js";
import type { DurableBlock } from "../avail/offers.js";
import { runPersist } from "../avail/run-persist.js";
import { throwIfAborted, unlessAborted, type WaitOptions } from "../async/signal.js";
import { Underway } from "../async/underway.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { cutOfRunning, type StoreCut } from "../keeping/backup/cut.js";
import { type BackupDone, type BackupOptions, RunningBackups } from "../keeping/backup/calls.js";
import type { RetainedRange, RetainedRecord } from "../log/retained-range.js";
import type { KeySource } from "../keys/source.js";
import { ROAD } from "../persist/kinds.js";
import { OPENING } from "../async/opening.js";
import { releasePin } from "../persist/guards/release.js";
import { initPersisters, type Persisters } from "../persist/persisters.js";
import type { Release } from "../persist/note-forms.js";
import type { Notes } from "../persist/note-log.js";
import type { Raise } from "../persist/guards/heights.js";
import type { MaySign, Place } from "../persist/guards/may-sign.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { timed } from "../types/measures.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { checkArguments, checkDrop, checkVoteState } from "./arguments.js";
import { type Events, type KeeperEvents, tellerOf } from "./events.js";
import { type OpenedStore, openStore } from "./open-store.js";
import { checkInit, checkOpen, type InitChoices, type OpenChoices } from "./options.js";
import { readPassed } from "./passed.js";
import type { Keeper, TakeReason } from "./keeper.js";
import type { Recovery } from "./start.js";
import { type Status, statusOf } from "./status.js";
import { Signing } from "./signing/signing.js";
import { memorySurroundings, realSurroundings, type Surroundings } from "./surroundings.js";

const MEMORY_DIRECTORY = "memory";

/** The durable memory of one validator, in this process. `Keeper` says what its methods do. */
export class Lanekeeper implements Keeper {
  readonly recovery: Recovery;
  readonly #store: Omit<OpenedStore, "start">;
  readonly #persisters: Persisters;
  readonly #state: AvailabilityState;
  readonly #events: Events;
  readonly #backups: RunningBackups;
  readonly #running: Promise<void>;
  /** Votes, notes and drops on their way to the disk. */
  readonly #underway = new Underway();
  #voteState: Uint8Array | undefined;
  readonly #signing: Signing;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  private constructor(store: OpenedStore) {
    // Without `start`: it holds every QC that was found.
    const { start, ...rest } = store;
    this.#store = rest;
    this.#persisters = store.persisters;
    this.recovery = store.recovery;
    this.#voteState = store.recovery.voteState;
    this.#events = store.events;
    this.#backups = new RunningBackups({ ...store, ...store.persisters });
    this.#state = new AvailabilityState({ ...start, tell: tellerOf(this.#events) });
    this.#signing = new Signing(store, this.#state.inner);
    const { journal, logs } = this.#persisters;
    logs.onMapEvent = (kind, reason) => this.#events.emit(kind, { reason });
    journal.onPoison = (poison) => this.#poisoned(poison);
    if (journal.poison) this.#poisoned(journal.poison);
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
   * was changed (D5). It reads all that is not pruned; `signal` calls it off, and the store opens again
   * later as after a kill.
   *
   * @example
   * const keeper = await Lanekeeper.open("state", {
   *   chainId, epochOf, signal,
   *   onProgress: ({ step, doneBytes, totalBytes }) => console.log(step, doneBytes, totalBytes),
   * });
   *
   * @throws {PersisterError} NOT_A_STORE, STORE_LOCKED, WRONG_CHAIN, FORMAT_TOO_NEW, JOURNAL_CORRUPT,
   * ACKNOWLEDGED_LOST, MARK_CORRUPT, ANCHOR_CORRUPT, RECOVERY_MISMATCH, WRONG_COMMITTEE, CALLBACK_FAILED,
   * READ_ONLY, DISK_FULL, IO, ABORTED, USAGE. Nothing is left open.
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
    const keeper = new Lanekeeper(await openStore(surroundings, directory, choices));
    try {
      const { reserve } = keeper.#store.settings;
      if (reserve) await unlessAborted(keeper.#signing.reserve(reserve), choices.signal, OPENING);
      return keeper;
    } catch (cause) {
      await keeper.close();
      throw cause;
    }
  }

  async pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult> {
    checkArguments("pushBlock", block, options);
    this.#store.archiving?.admit();
    return await this.#state.pushBlock(block, options);
  }

  async nextBlock(lane: LaneId): ReturnType<Keeper["nextBlock"]> {
    checkArguments("nextBlock", lane);
    const { number, hash } = this.#state.inner.nextBlock(lane);
    const before = async () => await this.readRetainedBlock(lane, number - 1n);
    return { number, parentHash: await parentHashAt(number, hash, before) };
  }

  async pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void> {
    checkArguments("pushCommitQC", qc, options);
    await this.#state.pushCommitQC(qc, options);
  }

  async pushAnchor(anchor: PruneAnchor): Promise<void> {
    checkArguments("pushAnchor", anchor);
    await this.#state.pushAnchor(anchor);
  }

  async pushLaneQC(qc: LaneQC): Promise<void> {
    checkArguments("pushLaneQC", qc);
    const { lane, blockNumber } = (await this.#state.checkLaneQC(qc)).vote;
    await this.#underway.add(this.#persisters.blocks.liftPins([{ lane, next: blockNumber + 1n }]));
  }

  async release(lane: LaneId, number: bigint, reason: string): Promise<void> {
    checkArguments("release", lane, number, reason);
    const atMs = this.#store.surroundings.nowMs();
    await this.#underway.add(releasePin(this.#persisters, { lane, number, reason, atMs }));
  }

  /** For a service: as `pushBlock`, for bytes that nobody else has. Lends them. @internal */
  async pushOwnBlock(block: Uint8Array, options: WaitOptions): Promise<PushResult> {
    this.#store.archiving?.admit();
    return await this.#state.pushOwnBlock(block, options);
  }

  /** For a service: live views of the cursors. @internal */
  get cursors(): Cursors {
    return this.#state.cursors;
  }

  /** For a service: the vote state that was written last, or recovered. @internal */
  get voteState(): Uint8Array | undefined {
    return this.#voteState;
  }

  /** For a service: `look` is asked again after each move of a cursor, until it answers. @internal */
  async watchCursors<T>(
    look: (cursors: Cursors) => T | undefined,
    options?: WaitOptions,
  ): Promise<T> {
    return await this.#state.watchCursors(look, options);
  }

  /** The notes that a service keeps in the store. @internal */
  get notes(): Notes {
    return this.#persisters.notes;
  }

  async releases(): Promise<readonly Release[]> {
    return await this.#persisters.notes.releases.list();
  }

  maySign(place: Place): MaySign {
    checkArguments("maySign", place);
    return this.#signing.maySign(place);
  }

  async reserved(place: Place, options?: WaitOptions): Promise<void> {
    checkArguments("reserved", place, options);
    await this.#signing.reserved(place, options);
  }

  async takeReservations(why: TakeReason, options?: WaitOptions): Promise<void> {
    checkArguments("takeReservations", why, options);
    const { reason, first = false, ended } = why;
    await this.#signing.take({ reason, isFirst: first, ended }, options);
  }

  /** For a service: a decision is put on record only if it can be carried out. @internal */
  refuseWithoutReservations(): void {
    this.#signing.refuseWithoutReservations();
  }

  async raiseGuard(
    raise: Raise,
    why: { readonly by: "watermarks" | "peers" | "operator"; readonly reason: string },
  ): Promise<void> {
    checkArguments("raiseGuard", raise, why);
    const { by, reason } = why;
    const atMs = this.#store.surroundings.nowMs();
    await this.#underway.add(this.#persisters.guards.raise(raise, { by, reason, atMs }));
  }

  async dropLanesExcept(
    keep: ReadonlySet<LaneId>,
    options?: { readonly dropAll?: boolean | undefined },
  ): Promise<void> {
    checkArguments("dropLanesExcept", keep, options);
    const leaving = checkDrop(this.#heldLanes(), keep, options?.dropAll);
    const archived = this.#store.archiving?.beforeDrop(leaving);
    // With nothing to wait for the drop begins in this very step: a push behind the call is of the lane after it.
    if (archived) await archived;
    await this.#underway.add(this.#state.dropLanesExcept(keep));
  }

  async waitForBlock(
    lane: LaneId,
    number: bigint,
    options?: WaitOptions,
  ): Promise<"durable" | "pruned"> {
    checkArguments("waitForBlock", lane, number, options);
    return await this.#state.waitForBlock(lane, number, options);
  }

  async waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned"> {
    checkArguments("waitForCommitQC", index, options);
    return await this.#state.waitForCommitQC(index, options);
  }

  async waitForAnchor(index: bigint, options?: WaitOptions): Promise<void> {
    checkArguments("waitForAnchor", index, options);
    await this.#state.waitForAnchor(index, options);
  }

  durableBlocks(
    options?: WaitOptions & { readonly from?: ReadonlyMap<LaneId, bigint> | undefined },
  ): AsyncGenerator<DurableBlock> {
    checkArguments("durableBlocks", options);
    return this.#state.durableBlocks(options);
  }

  durableCommitQCs(
    options?: WaitOptions & { readonly from?: bigint | undefined },
  ): AsyncGenerator<{ readonly roadIndex: bigint; readonly bytes: Uint8Array }> {
    checkArguments("durableCommitQCs", options);
    return this.#state.durableCommitQCs(options);
  }

  async sync(options?: WaitOptions): Promise<void> {
    checkArguments("sync", options);
    throwIfAborted(options?.signal, "the sync");
    const all = Promise.all([this.#state.sync(options), this.#underway.ended()]);
    await unlessAborted(all, options?.signal, "the sync");
  }

  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    checkArguments("readBlock", lane, number);
    return await this.#state.readBlock(lane, number);
  }

  async readCommitQC(index: bigint): Promise<Uint8Array> {
    checkArguments("readCommitQC", index);
    const { first } = this.#state.inner.road;
    if (index < first) throw prunedQC(index, first);
    return Uint8Array.from(await this.#persisters.road.log.readBytes(index));
  }

  async readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined> {
    checkArguments("readRetainedBlock", lane, number);
    const { blocks, logs } = this.#persisters;
    const start = this.#state.inner.lanes.get(lane)?.first;
    return await readPassed({ log: blocks.lanes.get(lane), logs, start }, lane, number);
  }

  async readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined> {
    checkArguments("readRetainedCommitQC", index);
    const { road, logs } = this.#persisters;
    const start = this.#state.inner.road.first;
    return await readPassed({ log: road.log, logs, start }, ROAD, index);
  }

  retainedBlocks(lane: LaneId, range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    checkArguments("retainedBlocks", lane, range);
    return this.#persisters.logs.readRetainedRange(lane, range);
  }

  retainedCommitQCs(range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    checkArguments("retainedCommitQCs", range);
    return this.#persisters.logs.readRetainedRange(ROAD, range);
  }

  async writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void> {
    checkArguments("writeVoteState", message, roadIndex);
    const copy = Uint8Array.from(message);
    checkVoteState(copy, roadIndex);
    const { observe } = this.#store;
    const { votes } = this.#persisters;
    const written = timed(observe, "voteAckMs", () => votes.write(copy, roadIndex));
    await this.#underway.add(written);
    // Votes are written one behind the other: this one is the newest.
    this.#voteState = copy;
  }

  /**
   * Seals everything that is written from now on with another key; durable when resolved. Then what lies on
   * disk under older keys is moved in the background. Give the older keys to `read` until that is done.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for the key; USAGE where the store was opened without
   * a key that writes; DISK_FULL, TOO_MANY_LANES: the key before goes on; POISONED, CLOSED.
   */
  async rotateKey(key: KeySource): Promise<void> {
    checkArguments("rotateKey", key);
    await this.#persisters.journal.rekeyer.rotateTo(key);
  }

  /**
   * Waits until no payload on disk is plain, or needs another key than the one that writes: older keys can be
   * destroyed.
   *
   * @throws {PersisterError} KEY_MISSING where retained records need a key that was not given; ABORTED,
   * POISONED, CLOSED.
   */
  async waitForRotation(options?: WaitOptions): Promise<void> {
    checkArguments("waitForRotation", options);
    await this.#persisters.journal.rekeyer.finished(options);
  }

  /**
   * Makes a backup of the running store in the directory `to`, which is missing, or empty, or holds earlier ones:
   * then only what they lack is copied. It shows one moment, and the store goes on meanwhile. Sealed payloads
   * stay sealed. Durable when resolved, read back and compared. Jobs and journals have stores of their own, and
   * are not in it.
   *
   * A backup forgets what its validator signs later: only `lanekeeper restore` makes a store of one, which is
   * guarded.
   *
   * @example
   * await keeper.backup("/mnt/other-disk/validator-3", { signal: AbortSignal.timeout(600_000) });
   *
   * @throws {PersisterError} USAGE where `to` holds something else, or backups of another store; STORE_LOCKED
   * while another backup is made there; BACKUP_CORRUPT where what was written reads as something else;
   * JOURNAL_CORRUPT where the store itself is damaged; DISK_FULL, READ_ONLY, IO of either disk; ABORTED,
   * CALLBACK_FAILED, POISONED, CLOSED. Nothing of it harms the store.
   */
  async backup(to: PathInput, options: BackupOptions = {}): Promise<BackupDone> {
    checkArguments("backup", to, options);
    return await this.#backups.make(to, options);
  }

  /** The store at this moment, as a backup copies it. @internal */
  cut(): StoreCut {
    return cutOfRunning(this.#persisters);
  }

  /** The last backup that was made since the open. @internal */
  get lastBackup(): BackupDone | undefined {
    return this.#backups.last;
  }

  on<Kind extends keyof KeeperEvents>(
    kind: Kind,
    listener: (facts: KeeperEvents[Kind]) => unknown,
  ): () => void {
    checkArguments("on", kind, listener);
    return this.#events.on(kind, listener);
  }

  status(): Status {
    const { directory, surroundings, settings, verifier } = this.#store;
    return statusOf(this.#persisters, this.#state.inner, {
      directory,
      chainId: settings.chainId,
      durable: surroundings.durable,
      verified: verifier.counts,
      recovery: this.recovery,
      reservations: this.#signing.reservations,
      archive: this.#store.archiving?.status(),
      listenerFailures: this.#events.failures,
    });
  }

  get closed(): boolean {
    return this.#isClosing;
  }

  close(): Promise<void> {
    this.#isClosing = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #heldLanes(): Set<LaneId> {
    return new Set([...this.#persisters.blocks.lanes.keys(), ...this.#state.inner.lanes.keys()]);
  }

  #poisoned(error: PersisterError): void {
    this.#state.fail(error);
    this.#events.emit("poisoned", { error });
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
    await this.#backups.close();
    await this.#running;
    this.#state.fail(new PersisterError("CLOSED", "the store was closed"));
    await this.#signing.close();
    const closed = this.#store.close();
    const error = await closed.then(
      () => unwrittenLook(inner),
      (cause: unknown) => (cause instanceof PersisterError ? cause : undefined),
    );
    this.#events.emit("closed", { error });
    await closed;
    if (error) throw error;
  }
}
