/**
 * The availability state: what is admitted, what is durable, who waits for it. Nothing is offered for
 * voting and no commit QC is published as latest before it is durable; capacity is freed when an
 * anchor is durable, not before.
 *
 * All decisions are made in synchronous steps on what is in memory; `async` methods only verify,
 * wait and read.
 */
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import { ROAD } from "../persist/kinds.js";
import { anchorStarts } from "../persist/recovery.js";
import { PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { sameBytes } from "../wire/hash.js";
import type { CommitQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { checkAnchor, checkBlock, checkCommitQC, type Judgement } from "./admission.js";
import {
  dropped,
  heldAlready,
  lowerStart,
  outOfSequence,
  pinned,
  pruned,
  tooLarge,
} from "./block-refusal.js";
import type { AvailStart } from "./avail-start.js";
import { BlockOffers, type DurableBlock } from "./block-offers.js";
import { LaneDrop } from "./lane-drop.js";
import { type HeldLane, LaneQueue } from "./lane-queue.js";
import { PayloadCache } from "./payload-cache.js";
import type { PersistTurn } from "./persist-turn.js";
import { RoadQueue } from "./road-queue.js";
import { Version, type WaitOptions } from "../async/version.js";

/** What became of a pushed block that broke no rule which calls for an error. */
export type Admission =
  | { readonly status: "admitted" }
  | { readonly status: "dropped"; readonly reason: string };

/** Bytes that may wait for the disk over all lanes; beyond it whoever pushes waits (D9). */
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
/** Commit QCs that may wait for the disk. */
const QUEUED_QCS_MAX = 1000;

const NOTHING_HELD: HeldLane = { first: 0n, next: 0n, tipHash: undefined };

export class AvailabilityState {
  readonly #judgement: Judgement;
  readonly #heldLane: AvailStart["heldLane"];
  readonly #pinOf: AvailStart["pinOf"];
  readonly #readBlock: AvailStart["readBlock"];
  readonly #blockBytesMax: number;
  readonly #version = new Version();
  readonly #lanes = new Map<LaneId, LaneQueue>();
  readonly #cache: PayloadCache;
  readonly #counters = { droppedBlocks: 0 };
  readonly #road: RoadQueue;
  #durableAnchor: PruneAnchor | undefined;
  #pendingAnchor: PruneAnchor | undefined;
  /** Lanes that end once the turn that is asked for has dropped them. */
  #drop: LaneDrop | undefined;
  #epochIndex: bigint;
  /** Bytes of all blocks that wait for the disk. */
  #queuedBytes = 0;
  #closing = false;
  /** The disk is full: what is queued waits, and whoever pushes is told (D9). */
  #stalled: PersisterError | undefined;

  constructor(start: AvailStart) {
    // Not all of `start`: it holds every QC that was found.
    this.#judgement = { verifier: start.verifier, epochOf: start.epochOf };
    this.#heldLane = start.heldLane;
    this.#pinOf = start.pinOf;
    this.#readBlock = start.readBlock;
    this.#blockBytesMax = start.blockBytesMax;
    this.#cache = new PayloadCache(start.cacheBytes);
    for (const [lane, range] of start.lanes) {
      this.#lanes.set(lane, new LaneQueue(range));
    }
    this.#durableAnchor = start.anchor;
    this.#road = new RoadQueue(start.road, start.road.qcs, start.anchor?.commitQC);
    this.#epochIndex = this.#road.latest?.vote.view.epochIndex ?? 0n;
  }

  /** The newest commit QC that is durable. */
  get latestCommitQC(): CommitQC | undefined {
    return this.#road.latest;
  }

  get durableAnchor(): PruneAnchor | undefined {
    return this.#durableAnchor;
  }

  get road(): { readonly first: bigint; readonly next: bigint; readonly durable: bigint } {
    const { first, next, durable } = this.#road;
    return { first, next, durable };
  }

  /** The epoch of the newest commit QC, the anchor's among them: its committee judges new blocks. */
  get epochIndex(): bigint {
    return this.#epochIndex;
  }

  /** Commit QCs that wait for the disk, in order. */
  get queuedCommitQCs(): readonly NewCommitQC[] {
    return [...this.#road.queued];
  }

  /** Blocks that were dropped for a wrong parent since the start. */
  get droppedBlocks(): number {
    return this.#counters.droppedBlocks;
  }

  /** Bytes of durable payloads in memory. */
  get cachedBytes(): number {
    return this.#cache.byteLength;
  }

  /**
   * The encoded block as it was received: queued ones and those of late from memory, else from disk.
   * The caller's to keep.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    const held = this.#lanes.get(lane);
    if (held && number < held.first) throw pruned(lane, number, held.first);
    const lent = held?.queuedBytes(number) ?? this.#cache.get(lane, number);
    if (lent) return Uint8Array.from(lent);
    const bytes = await this.#readBlock(lane, number);
    // It may have been pruned while it was read.
    const queue = this.#lanes.get(lane);
    if (queue && number >= queue.first) this.#cache.put(lane, number, Uint8Array.from(bytes));
    return bytes;
  }

  /** Every lane that has a start, a block, or both. */
  get lanes(): ReadonlyMap<LaneId, LaneQueue> {
    return this.#lanes;
  }

  /**
   * Admits a block: verified, then queued for the disk as soon as its lane has capacity for it. Not
   * durable when resolved: `waitForBlock` tells that. Copies `block` where it is bytes.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, DUPLICATE, CONFLICT, PINNED, the refusal that
   * stopped its lane, POISONED, CLOSED, ABORTED.
   */
  async pushBlock(block: SignedBlock | Uint8Array, options: WaitOptions = {}): Promise<Admission> {
    const { verifier, epochOf } = this.#judgement;
    const { lane, block: checked } = checkBlock(block, epochOf(this.#epochIndex), verifier);
    return await this.admitBlock(lane, checked, options);
  }

  /** As `pushBlock`, for a block that is verified already. Lends its bytes until it is durable. */
  async admitBlock(lane: LaneId, block: NewBlock, options: WaitOptions = {}): Promise<Admission> {
    this.#refuseUnlessOpen();
    const queue = this.#laneOf(lane);
    const { number, bytes } = block;
    if (!this.isLeaving(lane) && number >= queue.first && number < queue.next) {
      throw heldAlready(lane, block, await this.readBlock(lane, number));
    }
    if (bytes.length > this.#blockBytesMax) throw tooLarge(lane, block, this.#blockBytesMax);
    return await this.#version.waitFor(() => this.#tryAdmit(lane, block), options);
  }

  /**
   * Queues a commit QC for the road, once there is room for it. One that is held with the same
   * proposal digest is ignored.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, CONFLICT, POISONED, CLOSED, ABORTED.
   */
  async pushCommitQC(qc: CommitQC | Uint8Array, options: WaitOptions = {}): Promise<void> {
    const checked = await checkCommitQC(qc, this.#judgement);
    await this.#version.waitFor(() => {
      if (this.#road.queued.length >= QUEUED_QCS_MAX && !this.#stalled) return undefined;
      this.admitCommitQC(checked);
      return true;
    }, options);
  }

  /** As `pushCommitQC`, for a QC that is verified already. Lends its bytes until it is durable. */
  admitCommitQC(checked: NewCommitQC): void {
    this.#refuseUnlessOpen();
    this.#refuseWhileStalled();
    if (!this.#road.admit(checked)) return;
    this.#epochIndex = checked.qc.vote.view.epochIndex;
    this.#version.bump();
  }

  /**
   * Takes a new prune anchor; a backward one is ignored. Nothing is pruned and no capacity is freed
   * before it is durable (D3).
   *
   * @throws {PersisterError} INVALID where its halves do not belong together or do not verify; CONFLICT
   * where its QC is of another proposal than one that is held, or a lane's start would be lowered;
   * POISONED, CLOSED.
   */
  async pushAnchor(anchor: PruneAnchor): Promise<void> {
    await checkAnchor(anchor, this.#judgement);
    this.admitAnchor(anchor);
  }

  /** As `pushAnchor`, for an anchor that is verified already. */
  admitAnchor(anchor: PruneAnchor): void {
    this.#refuseUnlessOpen();
    const newest = this.#pendingAnchor ?? this.#durableAnchor;
    const { index } = anchor.commitQC.vote.view;
    this.#road.refuseOtherProposal(anchor.commitQC);
    if (newest && index <= newest.commitQC.vote.view.index) return;
    this.#refuseLowerStarts(anchor, newest);
    this.#road.anchoredAt(anchor.commitQC);
    this.#pendingAnchor = anchor;
    this.#version.bump();
  }

  /**
   * Resolves when block `number` of `lane` is durable, or was pruned.
   *
   * @throws {PersisterError} DISK_FULL while it is queued and the disk has no room: waiting anew tries
   * again; the refusal that stopped its lane; POISONED, CLOSED (also where the lane was dropped),
   * ABORTED.
   */
  async waitForBlock(lane: LaneId, number: bigint, options: WaitOptions = {}): Promise<void> {
    this.#tryStalledAgain();
    let known: LaneQueue | undefined;
    await this.#version.waitFor(() => {
      const queue = this.#lanes.get(lane);
      const isLeaving = this.isLeaving(lane);
      if (known && (known !== queue || isLeaving)) throw dropped(lane, number);
      // Who asks from here on asks about the lane that comes after it.
      if (isLeaving) return undefined;
      known = queue;
      if (queue && queue.durable > number) return true;
      if (queue?.refused) throw queue.refused;
      if (this.#stalled && queue && queue.next > number) throw this.#stalled;
      return undefined;
    }, options);
  }

  /** Resolves when the commit QC of `index` is durable, or was pruned. */
  async waitForCommitQC(index: bigint, options: WaitOptions = {}): Promise<void> {
    this.#tryStalledAgain();
    await this.#version.waitFor(() => {
      if (this.#road.durable > index) return true;
      if (this.#stalled && this.#road.next > index) throw this.#stalled;
      return undefined;
    }, options);
  }

  /** Resolves when an anchor at `index` or above is durable. */
  async waitForAnchor(index: bigint, options: WaitOptions = {}): Promise<void> {
    await this.#version.waitFor(() => {
      const durable = this.#durableAnchor?.commitQC.vote.view.index;
      return durable !== undefined && durable >= index ? true : undefined;
    }, options);
  }

  /**
   * Offers blocks for voting as they become durable (S9), each once, those of a lane in order, from
   * the durable cursors of now on. Ends with ABORTED by the signal, or with the failure of the store.
   */
  async *durableBlocks(options: WaitOptions = {}): AsyncGenerator<DurableBlock> {
    const offers = new BlockOffers(this.#lanes.values());
    const look = () => offers.next(this.#lanes, (lane) => this.isLeaving(lane));
    for (;;) yield await this.#version.waitFor(look, options);
  }

  /**
   * What is to be done, once there is something; `undefined` when all is done and the end is asked.
   * What is pushed in one turn of the event loop goes into one turn of the loop that persists.
   */
  async nextTurn(options: WaitOptions = {}): Promise<PersistTurn | undefined> {
    for (;;) {
      const found = await this.#version.waitFor(() => {
        if (this.#hasWork()) return "work";
        return this.#closing ? "end" : undefined;
      }, options);
      if (found === "end") return undefined;
      await new Promise((resolve) => setImmediate(resolve));
      const turn = this.#collect();
      if (turn) return turn;
    }
  }

  /** D3: only now is capacity freed and may lanes and road be pruned. */
  anchorDurable(anchor: PruneAnchor): void {
    this.#durableAnchor = anchor;
    const { epochIndex } = anchor.commitQC.vote.view;
    if (epochIndex > this.#epochIndex) this.#epochIndex = epochIndex;
    if (this.#pendingAnchor === anchor) this.#pendingAnchor = undefined;
    this.#stalled = undefined;
    const starts = anchorStarts(anchor);
    for (const [name, start] of starts) {
      if (name === ROAD) this.#road.prune(anchor.commitQC);
      else if (isLaneId(name)) this.#pruneLane(name, start);
    }
    this.#version.bump();
  }

  /**
   * The durable cursor of `queue`, the lane's, moved; where an anchor has pruned past it, it stays
   * there. A lane that was dropped meanwhile, and may be another one by now, has nothing of it.
   */
  blocksDurable(lane: LaneId, next: bigint, queue: LaneQueue | undefined): void {
    if (!queue || this.#lanes.get(lane) !== queue) return;
    if (next > queue.durable) {
      for (const { number, bytes } of queue.becameDurable(next)) {
        this.#queuedBytes -= bytes.length;
        this.#cache.put(lane, number, bytes);
      }
    }
    this.#version.bump();
  }

  /** The road's durable cursor moved. */
  commitQCsDurable(next: bigint): void {
    this.#road.becameDurable(next);
    this.#version.bump();
  }

  /**
   * Has every lane that is not in `keep` dropped, by a turn of its own. From now on such a lane takes
   * nothing, and those who wait for it are told; what is durable of it can be read until it is gone.
   * Who pushes meanwhile waits for the end of the drop. Durable when resolved.
   *
   * @throws {PersisterError} DISK_FULL: the lanes that could not be dropped go on as they were;
   * POISONED, CLOSED.
   */
  async retainLanes(keep: ReadonlySet<LaneId>): Promise<void> {
    const drop = await this.#version.waitFor(() => this.#beginDrop(keep));
    await this.#version.waitFor(() => drop.outcome());
  }

  /** Whether the lane is being dropped. */
  isLeaving(lane: LaneId): boolean {
    return this.#drop !== undefined && !this.#drop.keep.has(lane);
  }

  /** A drop has ended: every lane goes but those that stay. */
  dropEnded(stays: (lane: LaneId) => boolean, refusal: PersisterError | undefined): void {
    for (const [lane, { next }] of this.#lanes) {
      if (stays(lane)) continue;
      this.#pruneLane(lane, next);
      this.#lanes.delete(lane);
    }
    this.#drop?.end(refusal);
    this.#drop = undefined;
    if (!refusal) this.#stalled = undefined;
    this.#version.bump();
  }

  /** A refusal stops this lane alone: those who wait on it are told why. */
  refuseLane(lane: LaneId, refusal: PersisterError): void {
    const queue = this.#lanes.get(lane);
    if (queue) queue.refused ??= refusal;
    this.#version.bump();
  }

  /**
   * The disk is full: nothing was harmed, what is queued stays queued. It is tried again when an
   * anchor frees space, or somebody pushes or waits anew. Those who wait for what is queued are told.
   */
  stall(reason: PersisterError): void {
    this.#stalled = reason;
    this.#version.bump();
  }

  /** Why what is queued waits, while the disk is full. */
  get stalled(): PersisterError | undefined {
    return this.#stalled;
  }

  /** Nothing goes on any more: every waiter is told why. */
  fail(cause: PersisterError): void {
    this.#version.fail(cause);
  }

  /** No new work from here on; `nextTurn` ends when the queues are empty. */
  close(): void {
    this.#closing = true;
    this.#version.bump();
  }

  #tryAdmit(lane: LaneId, block: NewBlock): Admission | undefined {
    this.#refuseUnlessOpen();
    if (this.isLeaving(lane)) return undefined;
    const queue = this.#laneOf(lane);
    if (queue.refused) throw queue.refused;
    const { number } = block;
    if (number < queue.next) throw outOfSequence(lane, block, queue);
    if (number >= queue.capacityEnd) return undefined;
    if (this.#hasNoRoomFor(block) && !this.#stalled) return undefined;
    if (number > queue.next) throw outOfSequence(lane, block, queue);
    this.#refuseWhileStalled();
    const pin = this.#pinOf(lane, number);
    if (pin && !sameBytes(pin, block.headerHash)) throw pinned(lane, number);
    const parent = queue.hashOf(number - 1n);
    if (parent && !sameBytes(parent, block.parentHash)) {
      this.#counters.droppedBlocks += 1;
      return {
        status: "dropped",
        reason: `block ${number} names another parent than ${number - 1n}`,
      };
    }
    queue.admit(block);
    this.#queuedBytes += block.bytes.length;
    this.#version.bump();
    return { status: "admitted" };
  }

  /** A single block is let in, however large. */
  #hasNoRoomFor({ bytes }: NewBlock): boolean {
    return this.#queuedBytes > 0 && this.#queuedBytes + bytes.length > QUEUED_BYTES_MAX;
  }

  /** An anchor and a drop go on while the disk is full: they give space back. */
  #hasWork(): boolean {
    if (this.#drop || this.#pendingAnchor) return true;
    if (this.#stalled) return false;
    if (this.#road.queued.length > 0) return true;
    for (const queue of this.#lanes.values()) if (queue.isAwaitingDisk) return true;
    return false;
  }

  #collect(): PersistTurn | undefined {
    if (!this.#hasWork()) return undefined;
    if (this.#drop) return { type: "drop", keep: this.#drop.keep };
    const lanes = new Map<LaneId, readonly NewBlock[]>();
    for (const [lane, queue] of this.#lanes) {
      if (queue.isAwaitingDisk) lanes.set(lane, [...queue.queued]);
    }
    const commitQCs = [...this.#road.queued];
    return { type: "write", anchor: this.#pendingAnchor, commitQCs, lanes };
  }

  #pruneLane(lane: LaneId, start: bigint): void {
    const queue = this.#laneOf(lane);
    for (let number = queue.first; number < start && number < queue.next; number++) {
      this.#cache.forget(lane, number);
    }
    for (const { bytes } of queue.prune(start)) this.#queuedBytes -= bytes.length;
  }

  #laneOf(lane: LaneId): LaneQueue {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const made = new LaneQueue(this.#heldLane(lane) ?? NOTHING_HELD);
    // The durable anchor's start may not be recorded in the lane yet.
    const anchor = this.#durableAnchor;
    made.prune((anchor && anchorStarts(anchor).get(lane)) ?? 0n);
    this.#lanes.set(lane, made);
    return made;
  }

  /** One drop at a time. */
  #beginDrop(keep: ReadonlySet<LaneId>): LaneDrop | undefined {
    this.#refuseUnlessOpen();
    if (this.#drop) return undefined;
    this.#drop = new LaneDrop(keep);
    this.#version.bump();
    return this.#drop;
  }

  /**
   * D3: starts only rise. An anchor that would lower one contradicts what a quorum has signed before,
   * and a store that took it would refuse itself at the next opening.
   */
  #refuseLowerStarts(anchor: PruneAnchor, newest: PruneAnchor | undefined): void {
    const before = newest ? anchorStarts(newest) : new Map<string, bigint>();
    for (const { lane, first } of anchor.commitQC.vote.laneRanges) {
      const least = before.get(lane) ?? this.#lanes.get(lane)?.first ?? 0n;
      if (first < least) throw lowerStart(anchor, lane, least);
    }
  }

  #refuseWhileStalled(): void {
    const reason = this.#stalled;
    this.#tryStalledAgain();
    if (reason) throw reason;
  }

  #tryStalledAgain(): void {
    if (!this.#stalled) return;
    this.#stalled = undefined;
    this.#version.bump();
  }

  #refuseUnlessOpen(): void {
    if (this.#version.failure) throw this.#version.failure;
    if (this.#closing) throw new PersisterError("CLOSED", "the store is closing");
  }
}
