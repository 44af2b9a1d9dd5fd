/**
 * Every decision about what is admitted, offered, written and forgotten. All of it is synchronous:
 * there is no promise in this class, so no state can change between a look and the step that follows
 * from it. `AvailabilityState` verifies and waits around it; `runPersist` does what `takeTurn` says.
 *
 * # Invariants
 *
 * - A durable cursor is never above `next`, and only moves forward; starts only rise (D3).
 * - Capacity is freed, and lanes and road are pruned, only by an anchor that is durable (D3, D9).
 * - One anchor at most is on its way to disk.
 * - The bytes that are counted as queued are those of the blocks in the queues.
 */
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import { knownAnchor, type KnownAnchor } from "../persist/anchor.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { Observe } from "../types/measures.js";
import { sameBytes } from "../wire/hash.js";
import type { AvailStart, Teller } from "./avail-start.js";
import type { LaneWork, PersistTurn } from "./persist-turn.js";
import { AnchorQueue } from "./queues/anchor-queue.js";
import { LaneDrop } from "./queues/lane-drop.js";
import { type HeldLane, LaneQueue } from "./queues/lane-queue.js";
import { PayloadCache } from "./queues/payload-cache.js";
import { QueuedBytes } from "./queues/queued-bytes.js";
import { RoadQueue } from "./queues/road-queue.js";
import { lowerStart, outOfSequence, pinned, wrongParent } from "./refusals.js";

/** The result of a push: admitted, or dropped for a reason that is no error. */
export type PushResult =
  | { readonly status: "admitted" }
  | { readonly status: "dropped"; readonly reason: string };

/** A change under a topic wakes those who wait for it: a lane by its id, the rest by these names. */
export type Topic = LaneId | (typeof topics)[number];
const topics = ["road", "anchor", "work", "offers", "room", "drop"] as const;

/** Commit QCs that may wait for the disk. */
const QUEUED_QCS_MAX = 1000;

const NOTHING_HELD: HeldLane = { first: 0n, next: 0n, tipHash: undefined };
const ADMITTED: PushResult = { status: "admitted" };

export class Inner {
  readonly road: RoadQueue;
  readonly anchors: AnchorQueue;
  readonly cache: PayloadCache;
  readonly #wake: (topic: Topic) => void;
  readonly #heldLane: AvailStart["heldLane"];
  readonly #pinOf: AvailStart["pinOf"];
  readonly #tell: Partial<Teller>;
  readonly #observe: Observe | undefined;
  readonly #lanes = new Map<LaneId, LaneQueue>();
  readonly #queuedBytes = new QueuedBytes();
  /** Lanes that end once the turn that is asked for has dropped them. */
  #drop: LaneDrop | undefined;
  #epochIndex: bigint;
  #droppedBlocks = 0;
  #isClosing = false;
  #stalled: PersisterError | undefined;

  constructor(start: AvailStart, wake: (topic: Topic) => void) {
    this.#wake = wake;
    this.#heldLane = start.heldLane;
    this.#pinOf = start.pinOf;
    this.#tell = start.tell ?? {};
    this.#observe = start.observe;
    this.cache = new PayloadCache(start.cacheBytes);
    for (const [lane, range] of start.lanes) this.#lanes.set(lane, new LaneQueue(range));
    this.anchors = new AnchorQueue(start.anchor && knownAnchor(start.anchor));
    this.road = new RoadQueue(start.road, start.road.qcs, start.anchor?.commitQC);
    this.#epochIndex = this.road.latest?.vote.view.epochIndex ?? 0n;
  }

  /** Every lane that has a start, a block, or both. */
  get lanes(): ReadonlyMap<LaneId, LaneQueue> {
    return this.#lanes;
  }

  /** The epoch of the newest commit QC, the anchor's among them: its committee judges new blocks. */
  get epochIndex(): bigint {
    return this.#epochIndex;
  }

  /** Blocks that were dropped for a wrong parent since the start. */
  get droppedBlocks(): number {
    return this.#droppedBlocks;
  }

  /** Why the queues wait, while the disk is full (D9). */
  get stalled(): PersisterError | undefined {
    return this.#stalled;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Whether the lane is being dropped. */
  isLeaving(lane: LaneId): boolean {
    return this.#drop !== undefined && !this.#drop.keep.has(lane);
  }

  /** Whether `number` is held, and its lane stays. */
  holds(lane: LaneId, number: bigint): boolean {
    const queue = this.#laneOf(lane);
    return !this.isLeaving(lane) && number >= queue.first && number < queue.next;
  }

  /** The number of the lane's next block, and the hash of the block before it, where that was held here. */
  nextBlock(lane: LaneId): { readonly number: bigint; readonly hash: Uint8Array | undefined } {
    const { next: number, tipHash: hash } = this.isLeaving(lane)
      ? this.#queueOf(lane, NOTHING_HELD)
      : this.#laneOf(lane);
    return { number, hash };
  }

  // Pushes: each either changes something and wakes who waits for it, or throws, or says "not yet".

  /** Admits the lane's next block; `undefined` while there is no capacity or no room for it. */
  admitBlock(lane: LaneId, block: NewBlock): PushResult | undefined {
    this.refuseWhenClosing();
    if (this.isLeaving(lane)) return undefined;
    const queue = this.#laneOf(lane);
    if (queue.refused) throw queue.refused;
    const { number } = block;
    if (number < queue.next) throw outOfSequence(lane, block, queue);
    if (number >= queue.capacityEnd) return undefined;
    if (!this.#stalled && !this.#queuedBytes.hasRoomFor(block.payload.length)) return undefined;
    if (number > queue.next) throw outOfSequence(lane, block, queue);
    this.#refuseWhileStalled();
    const pin = this.#pinOf(lane, number);
    if (pin && !sameBytes(pin, block.hash)) {
      this.#tell.pinned?.({ lane, number });
      throw pinned(lane, number, pin);
    }
    const parent = queue.hashOf(number - 1n);
    if (parent && !sameBytes(parent, block.parentHash)) return this.#dropBlock(lane, queue, number);
    queue.admit(block);
    this.#queuedBytes.add(block.payload.length);
    this.#wake("work");
    return ADMITTED;
  }

  /** Queues the road's next commit QC; `undefined` while there is no room for it. */
  admitCommitQC(offered: NewCommitQC): true | undefined {
    this.refuseWhenClosing();
    if (this.road.queued.length >= QUEUED_QCS_MAX && !this.#stalled) return undefined;
    this.#refuseWhileStalled();
    if (!this.road.admit(offered)) return true;
    this.#epochIndex = offered.qc.vote.view.epochIndex;
    this.#wake("work");
    return true;
  }

  /** Takes a new anchor. A backward one is ignored. */
  admitAnchor(anchor: KnownAnchor): void {
    this.refuseWhenClosing();
    const { newest } = this.anchors;
    this.road.refuseOtherProposal(anchor);
    if (newest && anchor.roadIndex <= newest.roadIndex) return;
    this.#refuseLowerStarts(anchor, newest);
    this.road.anchoredAt(anchor);
    this.anchors.admit(anchor);
    this.#wake("work");
  }

  /** Asks for a drop of all lanes but those in `keep`; `undefined` while another drop goes on. */
  beginDrop(keep: ReadonlySet<LaneId>): LaneDrop | undefined {
    this.refuseWhenClosing();
    if (this.#drop) return undefined;
    this.#drop = new LaneDrop(keep);
    for (const lane of this.#lanes.keys()) this.#wake(lane);
    this.#wake("work");
    return this.#drop;
  }

  // The loop that persists: it asks for a turn, and tells what became of it.

  /** "work" if there is a turn to take, "end" if none will come any more. */
  turnLook(): "work" | "end" | undefined {
    if (this.#hasWork()) return "work";
    return this.#isClosing && !this.anchors.isWriting ? "end" : undefined;
  }

  /** Everything that is to be done now; `undefined` if it is done already. */
  takeTurn(): PersistTurn | undefined {
    if (!this.#hasWork()) return undefined;
    if (this.#drop) return { kind: "drop", keep: this.#drop.keep };
    const anchor = this.anchors.take();
    if (this.#stalled) return { kind: "write", anchor, commitQCs: [], lanes: [] };
    const lanes: LaneWork[] = [];
    let bytes = 0;
    for (const [lane, queue] of this.#lanes) {
      bytes += queue.queuedBytes;
      if (queue.isAwaitingDisk) lanes.push({ lane, queue, blocks: [...queue.queued] });
    }
    assert(bytes === this.#queuedBytes.count, "bytes that are counted as queued are queued");
    return { kind: "write", anchor, commitQCs: [...this.road.queued], lanes };
  }

  /** D3: only now is capacity freed, and may lanes and road be pruned. */
  anchorDurable(anchor: KnownAnchor): void {
    this.#observe?.("anchorAckMs", this.anchors.writingAgeMs);
    this.anchors.becameDurable(anchor);
    const { epochIndex } = anchor.anchor.commitQC.vote.view;
    if (epochIndex > this.#epochIndex) this.#epochIndex = epochIndex;
    this.#spaceWasFreed();
    this.road.prune(anchor.anchor.commitQC);
    for (const [lane, start] of anchor.starts.lanes) this.#prune(lane, this.#laneOf(lane), start);
    for (const topic of ["anchor", "road", "offers", "work"] as const) this.#wake(topic);
    this.#tell.anchor?.({ roadIndex: anchor.roadIndex });
  }

  /** The disk has no room for the anchor: it waits, and nothing was pruned. */
  anchorStalled(anchor: KnownAnchor, reason: PersisterError): void {
    this.anchors.stall(anchor);
    this.stall(reason);
  }

  /** The durable cursor of `queue` moved. A lane that was dropped meanwhile has nothing of it. */
  blocksDurable(lane: LaneId, next: bigint, queue: LaneQueue): void {
    // An anchor may have moved the cursor past `next` already.
    if (this.#lanes.get(lane) !== queue || next <= queue.durable) return;
    this.#acknowledged("blockAckMs", queue, next);
    const before = queue.queuedBytes;
    for (const block of queue.becameDurable(next)) {
      if (block.payload) this.cache.keep(block, block.payload);
    }
    this.#leftQueue(before - queue.queuedBytes);
    this.#wake(lane);
    this.#wake("offers");
  }

  /** A durable block was read from disk: it stays in memory for the next reader. Copies `payload`. */
  keepRead(lane: LaneId, queue: LaneQueue, number: bigint, payload: Uint8Array): void {
    // It may have been pruned, or its lane dropped, while it was read.
    const isHeld = number >= queue.first && number < queue.durable;
    if (isHeld && this.#lanes.get(lane) === queue)
      this.cache.keep(queue.heldOrMade(number), Uint8Array.from(payload));
  }

  /** The road's durable cursor moved. */
  commitQCsDurable(next: bigint): void {
    this.#acknowledged("commitQCAckMs", this.road, next);
    this.road.becameDurable(next);
    this.#wake("road");
  }

  /** A drop has ended: every lane goes but those that stay. */
  dropEnded(stays: (lane: LaneId) => boolean, refusal: PersisterError | undefined): void {
    for (const [lane, queue] of this.#lanes) {
      if (stays(lane)) continue;
      this.#prune(lane, queue, queue.next);
      this.#lanes.delete(lane);
    }
    this.#drop?.end(refusal);
    this.#drop = undefined;
    if (!refusal) this.#spaceWasFreed();
    this.#wakeAll();
  }

  /** A refusal stops this lane alone: those who wait on it are told why. */
  refuseLane(lane: LaneId, refusal: PersisterError): void {
    const queue = this.#lanes.get(lane);
    if (queue && !queue.refused) {
      queue.refused = refusal;
      this.#tell.laneRefused?.({ lane, error: refusal });
    }
    this.#wake(lane);
  }

  /**
   * The disk is full. Nothing was harmed, and what is queued stays queued. It is tried again when an
   * anchor or a drop frees space, or when somebody pushes or waits anew.
   */
  stall(reason: PersisterError): void {
    if (!this.#stalled) this.#tell.stalled?.({ error: reason });
    this.#stalled = reason;
    this.#wakeAll();
  }

  /** Somebody asks anew: the full disk is tried once more. */
  tryAgain(): void {
    if (!this.#stalled) return;
    this.#stalled = undefined;
    this.anchors.tryAgain();
    this.#wake("work");
  }

  /** No new work from here on. A full disk is tried once more. */
  close(): void {
    this.#isClosing = true;
    this.tryAgain();
    this.#wakeAll();
  }

  /** @throws {PersisterError} CLOSED once the store is closing. */
  refuseWhenClosing(): void {
    if (this.#isClosing) throw new PersisterError("CLOSED", "the store is closing");
  }

  /** Measures how long each message took that becomes durable now. */
  #acknowledged(
    measure: "blockAckMs" | "commitQCAckMs",
    { durable, arrivals }: LaneQueue | RoadQueue,
    next: bigint,
  ): void {
    const observe = this.#observe;
    if (observe) arrivals.tell(Number(next - durable), (ms) => observe(measure, ms));
  }

  #dropBlock(lane: LaneId, queue: LaneQueue, number: bigint): PushResult {
    const refusal = wrongParent(lane, number);
    queue.dropped = { number, refusal };
    this.#droppedBlocks += 1;
    this.#wake(lane);
    const reason = refusal.message;
    this.#tell.blockDropped?.({ lane, number, reason });
    return { status: "dropped", reason };
  }

  #leftQueue(bytes: number): void {
    if (this.#queuedBytes.remove(bytes)) this.#wake("room");
  }

  /** An anchor and a drop go on while the disk is full: they give space back. */
  #hasWork(): boolean {
    if (this.#drop || this.anchors.isDue) return true;
    if (this.#stalled) return false;
    if (this.road.queued.length > 0) return true;
    for (const queue of this.#lanes.values()) if (queue.isAwaitingDisk) return true;
    return false;
  }

  #prune(lane: LaneId, queue: LaneQueue, start: bigint): void {
    const before = queue.queuedBytes;
    for (const block of queue.prune(start)) this.cache.forget(block);
    this.#leftQueue(before - queue.queuedBytes);
    this.#wake(lane);
  }

  #laneOf(lane: LaneId): LaneQueue {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const made = this.#queueOf(lane, this.#heldLane(lane) ?? NOTHING_HELD);
    this.#lanes.set(lane, made);
    return made;
  }

  #queueOf(lane: LaneId, held: HeldLane): LaneQueue {
    const made = new LaneQueue(held);
    // The durable anchor's start may not be recorded in the lane yet.
    made.prune(this.anchors.durable?.starts.lanes.get(lane) ?? 0n);
    return made;
  }

  /**
   * D3: starts only rise. An anchor that would lower one contradicts what a quorum has signed before,
   * and a store that took it would refuse itself at the next opening.
   */
  #refuseLowerStarts(anchor: KnownAnchor, newest: KnownAnchor | undefined): void {
    for (const [lane, first] of anchor.starts.lanes) {
      const least = newest?.starts.lanes.get(lane) ?? this.#lanes.get(lane)?.first ?? 0n;
      if (first < least) throw lowerStart(anchor, lane, least);
    }
  }

  #refuseWhileStalled(): void {
    const reason = this.#stalled;
    this.tryAgain();
    if (reason) throw reason;
  }

  /** A full disk, and a lane for which the heads had no room, are tried again. */
  #spaceWasFreed(): void {
    this.tryAgain();
    for (const queue of this.#lanes.values()) {
      if (queue.refused?.code === "TOO_MANY_LANES") queue.refused = undefined;
    }
  }

  #wakeAll(): void {
    for (const lane of this.#lanes.keys()) this.#wake(lane);
    for (const topic of topics) this.#wake(topic);
  }
}
