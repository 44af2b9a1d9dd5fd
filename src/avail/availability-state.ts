/**
 * The availability state: it verifies what is pushed, waits, and reads. Every decision is made by
 * `Inner`, in one synchronous step. Nothing is offered for voting and no commit QC is published as
 * latest before it is durable; capacity is freed when an anchor is durable, not before.
 */
import { setImmediate } from "node:timers";
import { type WaitOptions } from "../async/signal.js";
import { Waits } from "../async/waits.js";
import type { KnownAnchor } from "../persist/anchor.js";
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import type { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { readSignedBlockHeader } from "../wire/codec/block-header.js";
import { headerHash } from "../wire/hash.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import type { AvailStart } from "./avail-start.js";
import {
  blockBytes,
  type Checker,
  checkAnchor,
  checkBlock,
  checkCommitQC,
  checkLaneQC,
} from "./check.js";
import { Inner, type PushResult, type Topic } from "./inner.js";
import { type Cursors, cursorsOf } from "./cursors.js";
import { anchorLook, blockLook, commitQCLook, syncLook, type Waited } from "./looks.js";
import {
  type BlockOffer,
  BlockOffers,
  CommitQCOffers,
  type DurableBlock,
  type DurableCommitQC,
  type From,
  type FromNumbers,
  unlessGone,
} from "./offers.js";
import type { PersistTurn } from "./persist-turn.js";
import { heldAlready, pruned, tooLarge } from "./refusals.js";

export class AvailabilityState {
  readonly inner: Inner;
  readonly #waits = new Waits<Topic>();
  readonly #checker: Checker;
  readonly #readBlock: AvailStart["readBlock"];
  readonly #readCommitQC: AvailStart["readCommitQC"];
  readonly #blockBytesMax: number;

  constructor(start: AvailStart) {
    // Not all of `start`: it holds every QC that was found.
    this.#checker = { verifier: start.verifier, epochOf: start.epochOf };
    this.#readBlock = start.readBlock;
    this.#readCommitQC = start.readCommitQC;
    this.#blockBytesMax = start.blockBytesMax;
    this.inner = new Inner(start, (topic) => this.#waits.wake(topic));
  }

  /**
   * Admits a block: verified, then queued for the disk as soon as its lane has capacity for it. Not
   * durable when resolved: `waitForBlock` tells that. Copies `block`.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, DUPLICATE, CONFLICT, PINNED, the refusal that
   * stopped its lane, DISK_FULL, POISONED, CLOSED, ABORTED.
   */
  async pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult> {
    return await this.pushOwnBlock(blockBytes(block), options);
  }

  /** As `pushBlock`. Lends `payload` until the block is forgotten. */
  async pushOwnBlock(payload: Uint8Array, options?: WaitOptions): Promise<PushResult> {
    const { lane, block } = checkBlock(payload, this.inner.epochIndex, this.#checker);
    return await this.admitBlock(lane, block, options);
  }

  /** As `pushBlock`, for a block that is verified already. Lends its bytes until it is durable. */
  async admitBlock(lane: LaneId, block: NewBlock, options?: WaitOptions): Promise<PushResult> {
    this.#refuseUnlessOpen();
    if (this.inner.holds(lane, block.number)) {
      throw heldAlready(lane, block, await this.readBlock(lane, block.number));
    }
    const { length } = block.payload;
    if (length > this.#blockBytesMax) throw tooLarge(lane, block, this.#blockBytesMax);
    const look = (): PushResult | undefined => {
      this.#refuseUnlessOpen();
      return this.inner.admitBlock(lane, block);
    };
    return await this.#waits.waitFor([lane, "room"], look, options);
  }

  /**
   * Queues a commit QC for the road, once there is room for it. One that is held with the same
   * proposal digest is ignored. Copies `qc`.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, CONFLICT, DISK_FULL, POISONED, CLOSED, ABORTED.
   */
  async pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void> {
    const checked = await checkCommitQC(qc, this.#checker);
    await this.#waits.waitFor(["road"], () => this.admitCommitQC(checked), options);
  }

  /** As `pushCommitQC`, for a QC that is verified already; `undefined` while there is no room for it. */
  admitCommitQC(checked: NewCommitQC): true | undefined {
    this.#refuseUnlessOpen();
    return this.inner.admitCommitQC(checked);
  }

  /**
   * Takes a new prune anchor; a backward one is ignored. Nothing is pruned and no capacity is freed
   * before it is durable (D3).
   *
   * @throws {PersisterError} INVALID if its halves do not belong together or do not verify; CONFLICT
   * if its QC is of another proposal than one that is held, or a lane's start would be lowered;
   * POISONED, CLOSED.
   */
  async pushAnchor(anchor: PruneAnchor): Promise<void> {
    this.admitAnchor(await checkAnchor(anchor, this.#checker));
  }

  /** As `pushAnchor`, for an anchor that is verified already. */
  admitAnchor(anchor: KnownAnchor): void {
    this.#refuseUnlessOpen();
    this.inner.admitAnchor(anchor);
  }

  /** The lane QC, verified against the committee that judges new blocks. */
  async checkLaneQC(qc: LaneQC): Promise<LaneQC> {
    return await checkLaneQC(qc, this.inner.epochIndex, this.#checker);
  }

  /**
   * The encoded block as it was received: from memory if it is queued or came of late, else from disk.
   * The caller's to keep.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE if it is not held; JOURNAL_CORRUPT, IO.
   */
  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    const held = this.inner.lanes.get(lane);
    if (held && number < held.first) throw pruned(lane, number, held.first);
    const lent = held?.heldAt(number)?.payload;
    const { counters } = this.inner.cache;
    if (lent) {
      counters.hits += 1;
      return Uint8Array.from(lent);
    }
    counters.misses += 1;
    const bytes = Uint8Array.from(await this.#readBlock(lane, number));
    if (held) this.inner.keepRead(lane, held, number, bytes);
    return bytes;
  }

  /**
   * Waits until block `number` of `lane` is durable, or an anchor has gone past it: tells which.
   *
   * @throws {PersisterError} DISK_FULL while it is queued and the disk has no room: waiting anew tries
   * again; INVALID if it was dropped for a wrong parent; the refusal that stopped its lane; POISONED,
   * CLOSED (also if the lane was dropped), ABORTED.
   */
  waitForBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<Waited> {
    this.inner.tryAgain();
    return this.#waits.waitFor([lane], blockLook(this.inner, lane, number), options);
  }

  /** Waits until the commit QC of `index` is durable, or an anchor has gone past it: tells which. */
  waitForCommitQC(index: bigint, options?: WaitOptions): Promise<Waited> {
    this.inner.tryAgain();
    return this.#waits.waitFor(["road"], () => commitQCLook(this.inner, index), options);
  }

  /** Resolves when an anchor at `index` or above is durable. */
  async waitForAnchor(index: bigint, options?: WaitOptions): Promise<void> {
    this.inner.tryAgain();
    await this.#waits.waitFor(["anchor"], () => anchorLook(this.inner, index), options);
  }

  /**
   * Resolves when all blocks, commit QCs and anchors that are admitted now are durable.
   *
   * @throws {PersisterError} DISK_FULL, or the refusal that stopped a lane, naming what is not durable;
   * POISONED, also where nothing waits; ABORTED.
   */
  async sync(options?: WaitOptions): Promise<void> {
    this.inner.tryAgain();
    const { lanes, look } = syncLook(this.inner, () => this.#waits.failure);
    await this.#waits.waitFor([...lanes, "road", "anchor"], look, options);
  }

  /**
   * Offers blocks for voting as they become durable (S9), each once, those of a lane in order. `from`
   * has the first number that is wanted of each lane; a lane that is not in it begins at its durable
   * cursor at the time of the call. Ends when the store closes.
   *
   * @throws {PersisterError} ABORTED by the signal; POISONED.
   */
  durableBlocks({ from, signal }: From<FromNumbers> = {}): AsyncGenerator<DurableBlock> {
    const offers = new BlockOffers(this.inner, from ?? new Map());
    return this.#blocksOf(offers, { signal });
  }

  /** As `durableBlocks`, for the road's commit QCs; `from` is the first road index that is wanted. */
  durableCommitQCs({ from, signal }: From<bigint> = {}): AsyncGenerator<DurableCommitQC> {
    return this.#commitQCsOf(new CommitQCOffers(this.inner, from), { signal });
  }

  async *#blocksOf(offers: BlockOffers, options: WaitOptions): AsyncGenerator<DurableBlock> {
    for (;;) {
      const look = (): BlockOffer | "end" | undefined => offers.next(this.inner) ?? this.#ended();
      const offer = await this.#waits.waitFor(["offers"], look, options);
      if (offer === "end") return;
      const { lane, number, headerHash: known } = offer;
      const hash = known ?? (await unlessGone(this.#hashOnDisk(lane, number)));
      // An anchor has gone past it, or its lane was dropped, while it was read.
      if (!hash) continue;
      yield { lane, number, headerHash: Uint8Array.from(hash) };
    }
  }

  async *#commitQCsOf(
    offers: CommitQCOffers,
    options: WaitOptions,
  ): AsyncGenerator<DurableCommitQC> {
    for (;;) {
      const look = (): bigint | "end" | undefined => offers.next(this.inner) ?? this.#ended();
      const roadIndex = await this.#waits.waitFor(["road", "offers"], look, options);
      if (roadIndex === "end") return;
      const bytes = await unlessGone(this.#readCommitQC(roadIndex));
      if (bytes) yield { roadIndex, bytes: Uint8Array.from(bytes) };
    }
  }

  async #hashOnDisk(lane: LaneId, number: bigint): Promise<Uint8Array> {
    return headerHash(readSignedBlockHeader(await this.readBlock(lane, number)));
  }

  /** A subscription ends with a store that closes well; a failure is thrown. */
  #ended(): "end" | undefined {
    return this.#waits.failure?.code === "CLOSED" ? "end" : undefined;
  }

  /** Live views: to be read in the step in which they are asked for. */
  get cursors(): Cursors {
    return cursorsOf(this.inner);
  }

  /**
   * Resolves with the result of `look` as soon as that is not `undefined`. It looks again after each move
   * of a cursor, a start or the anchor.
   *
   * @throws {PersisterError} ABORTED by the signal; POISONED, CLOSED; as `look`.
   */
  async watchCursors<T>(
    look: (cursors: Cursors) => T | undefined,
    options?: WaitOptions,
  ): Promise<T> {
    const topics = ["offers", "road", "anchor", "drop"] as const;
    return await this.#waits.waitFor(topics, () => look(this.cursors), options);
  }

  /**
   * Resolves with the next turn as soon as there is work, and with `undefined` when all is done and the
   * store closes. All that is pushed in one turn of the event loop goes into one turn of the loop that
   * persists.
   */
  async nextTurn(options?: WaitOptions): Promise<PersistTurn | undefined> {
    for (;;) {
      const found = await this.#waits.waitFor(["work"], () => this.inner.turnLook(), options);
      if (found === "end") return undefined;
      await new Promise((resolve) => setImmediate(resolve));
      const turn = this.inner.takeTurn();
      if (turn) return turn;
    }
  }

  /**
   * Drops every lane that is not in `keep`, by a turn of its own. From now on such a lane takes
   * nothing, and those who wait for it are told; its durable blocks can be read until it is gone. A
   * push in the meantime waits for the end of the drop. Durable when resolved.
   *
   * @throws {PersisterError} DISK_FULL: the lanes that could not be dropped go on as they were;
   * POISONED, CLOSED.
   */
  async dropLanesExcept(keep: ReadonlySet<LaneId>): Promise<void> {
    const drop = await this.#waits.waitFor(["drop"], () => this.inner.beginDrop(keep));
    await this.#waits.waitFor(["drop"], () => drop.outcome());
  }

  /** Nothing goes on any more: every waiter is told why. */
  fail(cause: PersisterError): void {
    this.#waits.fail(cause);
  }

  #refuseUnlessOpen(): void {
    if (this.#waits.failure) throw this.#waits.failure;
    this.inner.refuseWhenClosing();
  }
}
