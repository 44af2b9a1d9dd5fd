/**
 * The interface of a validator's memory: what `Lanekeeper` and the client of a service have in common. A
 * validator that names this type alone runs on either of them.
 */
import type { WaitOptions } from "../async/signal.js";
import type { PushResult } from "../avail/inner.js";
import type { DurableBlock } from "../avail/offers.js";
import type { RetainedRange, RetainedRecord } from "../log/retained-range.js";
import type { Raise } from "../persist/guards/heights.js";
import type { MaySign, Place } from "../persist/guards/may-sign.js";
import type { Release } from "../persist/note-forms.js";
import type { LaneId } from "../types/lane.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import type { KeeperEvents } from "./events.js";
import type { Recovery } from "./start.js";
import type { Status } from "./status.js";

/** An operator's reason to take the reservations, and the words that he gives. */
export interface TakeReason {
  readonly reason: string;
  /** This machine alone has signed for the validator until now: makes the record. */
  readonly first?: boolean | undefined;
  /**
   * The other machines signed no block of the own lane at or above this number, and never will. Without it the lane
   * goes on when they give the rest of their places back, or when all of their blocks are held here.
   */
  readonly ended?: bigint | undefined;
}

/** The durable memory of one validator, in its own process or behind a service. */
export interface Keeper extends AsyncDisposable {
  /** The findings and the work of the open. */
  readonly recovery: Recovery;

  /**
   * Whether `close` was called: true from the call on, while it is still writing, too. A store that is poisoned,
   * or a client whose service is gone, is not closed.
   */
  readonly closed: boolean;

  /**
   * Admits a signed block: verified, in its lane's order, with its parent, within capacity (waits
   * for that). Resolved when it is queued; `waitForBlock` tells when it is durable. Copies bytes.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, DUPLICATE, CONFLICT, PINNED, DISK_FULL,
   * POISONED, CLOSED, ABORTED.
   */
  pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult>;

  /**
   * The number that the next block of a lane must have, and its parent hash: that of the block before it, also
   * where an anchor has pruned that one, or 32 zeros at number 0. `undefined`: the block before it is neither held
   * nor retained, as behind an anchor that passed all that was here. Then any parent is taken, and the right one is
   * in the blocks of a peer. It is about this moment, and reserves nothing: `maySign` says whether a block may be
   * signed there.
   *
   * @example
   * const { number, parentHash } = await keeper.nextBlock(lane);
   *
   * @throws {PersisterError} USAGE; CLOSED and UNREACHABLE from a client.
   */
  nextBlock(
    lane: LaneId,
  ): Promise<{ readonly number: bigint; readonly parentHash: Uint8Array | undefined }>;

  /**
   * Queues a commit QC; one that is held with the same proposal is ignored.
   *
   * @throws {PersisterError} INVALID, OUT_OF_SEQUENCE, CONFLICT, DISK_FULL, POISONED, CLOSED.
   */
  pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void>;

  /**
   * Takes a prune anchor; a backward one is ignored. Everything below the anchor is forgotten once the
   * anchor is durable (D3).
   *
   * @throws {PersisterError} INVALID; CONFLICT where it contradicts a QC that is held, or would lower a
   * lane's start; POISONED, CLOSED.
   */
  pushAnchor(anchor: PruneAnchor): Promise<void>;

  /**
   * Lifts the pins that a lane QC covers: those of its lane up to its block. Durable when resolved.
   *
   * @throws {PersisterError} INVALID where the QC does not verify.
   */
  pushLaneQC(qc: LaneQC): Promise<void>;

  /**
   * Lifts one pin by an operator's decision (D6): the decision is put on record with its reason, then
   * the pin goes; both are durable when resolved. A number without a pin is left as it is.
   *
   * @throws {PersisterError} USAGE without a reason; DISK_FULL, POISONED, CLOSED.
   */
  release(lane: LaneId, number: bigint, reason: string): Promise<void>;

  /** The releases on record, oldest first: the last 64. */
  releases(): Promise<readonly Release[]>;

  /**
   * Whether this place may be signed: to be asked before each signature. A pin, an abstention or a guard may
   * forbid it, and so may what is held (D6). The verdict is about this moment: sign at once, or ask again.
   *
   * @example
   * const { may } = await keeper.maySign({ kind: "laneVote", lane, number, headerHash });
   * if (may) vote(headerHash);
   *
   * @throws {PersisterError} USAGE, POISONED, CLOSED.
   */
  maySign(place: Place): MaySign | Promise<MaySign>;

  /**
   * Resolves when a place is reserved for this machine; at once where it shares its keys with no other.
   *
   * @throws {PersisterError} UNRESERVED where another machine reserves, or may have signed there, or where there
   * is no record; ABORTED, CLOSED, USAGE.
   */
  reserved(place: Place, options?: WaitOptions): Promise<void>;

  /**
   * Makes this machine the one that reserves; any other one signs up to the bounds that it has, and this one
   * above them. Nothing needs to be known of the others: it is safe at any moment. Durable when resolved.
   *
   * @throws {PersisterError} UNRESERVED where there is no record, and `first` is not said; ABORTED, CLOSED,
   * USAGE.
   */
  takeReservations(why: TakeReason, options?: WaitOptions): Promise<void>;

  /**
   * Raises the guards of a store that was restored, or sets their unknown heights (D6): numbers below a height
   * may have been signed. The decision is put on record with its reason; it is durable when resolved, and
   * holds from then on. An operator's heights stand as given, also if they are lower than before.
   *
   * @throws {PersisterError} USAGE; DISK_FULL, POISONED, CLOSED.
   */
  raiseGuard(
    raise: Raise,
    why: { readonly by: "watermarks" | "peers" | "operator"; readonly reason: string },
  ): Promise<void>;

  /**
   * Drops every lane that is not in `keep`: its blocks, its queue and those who wait for them. From
   * the call on such a lane takes nothing; what it holds can be read until the drop is durable, and
   * what is pushed then is of a new lane. A crash before leaves the lane whole. Durable when resolved.
   * Under a strict archive the drop begins only once all that the lanes have pruned is archived.
   * To drop every lane that is held, say so: `{ dropAll: true }`.
   *
   * @throws {PersisterError} DISK_FULL: the lanes that could not be dropped go on as they were;
   * POISONED, CLOSED.
   */
  dropLanesExcept(
    keep: ReadonlySet<LaneId>,
    options?: { readonly dropAll?: boolean | undefined },
  ): Promise<void>;

  /**
   * Waits for a block. "durable": now, and only now, it may be voted for. "pruned": an anchor has gone
   * past it, and a vote is of no use; it may never have been here.
   *
   * @throws {PersisterError} INVALID if the block was dropped for a wrong parent; the refusal that stopped
   * its lane; DISK_FULL, POISONED, CLOSED, ABORTED, USAGE.
   */
  waitForBlock(lane: LaneId, number: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;

  /** As `waitForBlock`, for a commit QC: when it is "durable", consensus may advance past it. */
  waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned">;

  /** Resolves when an anchor at `index` or above is durable. */
  waitForAnchor(index: bigint, options?: WaitOptions): Promise<void>;

  /**
   * Resolves when all that was admitted before the call is durable: blocks, commit QCs and anchors whose push
   * has resolved, and every vote state, release, guard, lifted pin and drop that was begun. A push that still
   * waits is not admitted. An anchor may pass a block, and a drop take its lane: nobody waits for it then.
   *
   * @example
   * for (const block of received) await keeper.pushBlock(block);
   * await keeper.sync(); // one wait for all of them
   *
   * @throws {PersisterError} why something of it is not durable, naming the blocks, QCs and the anchor:
   * DISK_FULL, the refusal that stopped a lane; POISONED, also where nothing waits; ABORTED, USAGE.
   */
  sync(options?: WaitOptions): Promise<void>;

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
  ): AsyncGenerator<DurableBlock>;

  /**
   * Commit QCs as they become durable, each once, in order. Begins at `from`, or at the road's durable
   * cursor at the time of the call. Ends when the store closes.
   *
   * @throws {PersisterError} ABORTED by the signal; POISONED.
   */
  durableCommitQCs(
    options?: WaitOptions & { readonly from?: bigint | undefined },
  ): AsyncGenerator<{ readonly roadIndex: bigint; readonly bytes: Uint8Array }>;

  /**
   * The encoded block as it was received: queued ones and those of late from memory, else from disk.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  readBlock(lane: LaneId, number: bigint): Promise<Uint8Array>;

  /**
   * The encoded commit QC, from disk.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not held; JOURNAL_CORRUPT, IO.
   */
  readCommitQC(index: bigint): Promise<Uint8Array>;

  /**
   * A block that an anchor has pruned, as it was received; `undefined` if it is not retained. `status`
   * tells which ones are, as soon as the map is whole. Nothing is promised of them.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT where it is damaged; IO.
   */
  readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined>;

  /** As `readRetainedBlock`, for a commit QC. */
  readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined>;

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
  retainedBlocks(lane: LaneId, range?: RetainedRange): AsyncGenerator<RetainedRecord>;

  /** As `retainedBlocks`, for commit QCs: `number` is the road index. */
  retainedCommitQCs(range?: RetainedRange): AsyncGenerator<RetainedRecord>;

  /**
   * Writes the consensus vote state, an encoded `PersistedInner`; durable when resolved. Copies it.
   *
   * @throws {PersisterError} INVALID if it does not decode; DISK_FULL, POISONED, CLOSED, USAGE.
   */
  writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void>;

  /**
   * Calls `listener` at each event of a kind, in a step of its own. Returns a function that ends that.
   *
   * @example
   * keeper.on("poisoned", ({ error }) => alarm(error.message));
   *
   * @throws {PersisterError} USAGE.
   */
  on<Kind extends keyof KeeperEvents>(
    kind: Kind,
    listener: (facts: KeeperEvents[Kind]) => unknown,
  ): () => void;

  /** Everything an operator asks, in one look. */
  status(): Status;

  /**
   * Refuses new work, writes what is queued, and lets go of the store. Idempotent.
   *
   * @throws {PersisterError} POISONED if an earlier write failed: nothing more was written. DISK_FULL, or
   * the refusal of a lane, naming what was admitted and could not be written. The store is closed then,
   * too.
   */
  close(): Promise<void>;
}
