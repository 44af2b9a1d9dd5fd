/**
 * The lanes as one validator sees them: which block it takes next, which it has voted for, where
 * lane votes make a lane QC, and when it may make a block of its own. Pure: inputs are verified
 * messages.
 *
 * Invariants: a block is voted for only when it is durable here; blocks are taken in order and up
 * to the capacity above the durable anchor's lane start (D9); our own lane makes nothing at a
 * pinned number (D6), and at most `AHEAD_BLOCKS` that no commit QC covers.
 */
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { max } from "../../types/numbers.js";
import { signLaneVote } from "../../wire/build.js";
import { headerHash } from "../../wire/hash.js";
import {
  type BlockHeader,
  LANE_BLOCKS_MAX,
  type LaneQC,
  type LaneRange,
  type Proposal,
  RANGE_BLOCKS_MAX,
  type SignedBlockHeader,
  ZERO_HASH,
} from "../../wire/messages.js";
import type { Message } from "./message.js";
import type { Cut, Signer } from "./round.js";
import type { EngineStart, Output } from "./step.js";
import { Tally } from "./tally.js";

/** Blocks for the next proposal while the proposal before it is being decided. */
const AHEAD_BLOCKS = 4n;

interface Lane {
  /** The first number under the durable anchor. */
  first: bigint;
  /** The next block to take. All blocks below it are stored, or on their way to disk. */
  taken: bigint;
  durable: bigint;
  /** The end of this lane's range in the newest commit QC. */
  committed: bigint;
  /** Above every vote of the lane's owner that was heard. */
  owned: bigint;
  /** Our votes from `committed` on: the header of each durable block, signed. */
  readonly said: Map<bigint, SignedBlockHeader>;
  readonly votes: Map<bigint, Tally<BlockHeader>>;
  readonly qcs: Map<bigint, LaneQC>;
}

export class Lanes {
  readonly #signer: Signer;
  readonly #own: LaneId;
  readonly #lanes = new Map<LaneId, Lane>();
  /** Numbers of our own lane at which a lost block may have been signed. */
  readonly #pins: Set<bigint>;
  /** The header hashes of our own lane's blocks, from the last durable one up to `taken`. */
  readonly #hashes = new Map<bigint, Uint8Array>();
  /** A `produce` was asked for and is not answered. */
  #isProducing = false;
  /**
   * The store forbade a block, or did not take one: it is asked again after the next tick. To ask at once would be
   * to ask for ever, in one turn of the event loop.
   */
  #isForbidden = false;

  constructor(signer: Signer, own: LaneId, start: EngineStart) {
    this.#signer = signer;
    this.#own = own;
    this.#pins = new Set(start.pins.map(({ number }) => number));
    for (const { lane } of signer.epoch.committee.members) {
      const { first, next } = start.lanes.get(lane) ?? { first: 0n, next: 0n };
      this.#lanes.set(lane, {
        first,
        taken: next,
        durable: next,
        committed: 0n,
        owned: 0n,
        said: new Map(),
        votes: new Map(),
        qcs: new Map(),
      });
    }
    if (start.tipHash) this.#hashes.set(this.#at(own).durable - 1n, start.tipHash);
  }

  /** The cursors of a lane. */
  at(lane: LaneId): Pick<Lane, "first" | "taken" | "durable" | "committed"> {
    return this.#at(lane);
  }

  /**
   * The first number of a lane of which nothing is known: no block is held, none is on its way to disk, and no
   * vote for one was heard. A vote proves that its owner signed a block there.
   */
  heardNext(name: LaneId): bigint {
    const { taken, votes, owned } = this.#at(name);
    const begin = max(taken, owned);
    return [...votes.keys()].reduce((next, at) => (at >= next ? at + 1n : next), begin);
  }

  /** The number of blocks that a lane can take above `taken`. */
  roomOf(lane: LaneId): bigint {
    const { first, taken } = this.#at(lane);
    return first + LANE_BLOCKS_MAX - taken;
  }

  wantsVote(vote: SignedBlockHeader): boolean {
    return this.#counts(vote) || this.#isNews(vote);
  }

  #counts({ msg, sig }: SignedBlockHeader): boolean {
    const lane = this.#lanes.get(msg.lane);
    if (lane === undefined) return false;
    const { blockNumber: number } = msg;
    const isNear = number >= lane.committed && number < lane.first + 2n * LANE_BLOCKS_MAX;
    return isNear && (lane.votes.get(number)?.wants(sig) ?? true);
  }

  /** A vote of a lane's owner is a word about its block, however far we are behind. */
  #isNews({ msg, sig }: SignedBlockHeader): boolean {
    const lane = this.#lanes.get(msg.lane);
    const owner = this.#signer.epoch.committee.memberOfLane(msg.lane);
    const isOwners = owner !== undefined && Buffer.compare(owner.key, sig.key) === 0;
    return isOwners && lane !== undefined && msg.blockNumber >= lane.owned;
  }

  /**
   * Hands the next block of a lane to the store. Any other block is dropped, and asked for when its
   * turn comes.
   */
  takeBlock(message: Extract<Message, { kind: "block" }>, out: Output[]): void {
    const { lane: name, blockNumber: number } = message.header;
    const lane = this.#lanes.get(name);
    if (lane === undefined || number !== lane.taken || this.roomOf(name) <= 0n) return;
    // A block of ours that comes back while we make one: it is asked for again.
    if (name === this.#own && this.#isProducing) return;
    lane.taken += 1n;
    if (name === this.#own) this.#hashes.set(number, headerHash(message.header));
    out.push({ kind: "storeBlock", message });
  }

  blockRefused(name: LaneId, number: bigint): void {
    const lane = this.#at(name);
    // The store refuses the blocks behind it too, and says so of each.
    if (number < lane.taken) lane.taken = number > lane.durable ? number : lane.durable;
    if (name !== this.#own) return;
    for (const at of this.#hashes.keys()) if (at >= lane.taken) this.#hashes.delete(at);
    this.#isForbidden = true;
  }

  /** Votes for a durable block where that is allowed, and offers our own to the others. */
  blockDurable(header: BlockHeader, mayVote: boolean, out: Output[]): void {
    const { lane: name, blockNumber: number } = header;
    const lane = this.#at(name);
    if (number + 1n > lane.durable) lane.durable = number + 1n;
    if (lane.taken < lane.durable) lane.taken = lane.durable;
    if (name === this.#own) {
      this.#pins.delete(number);
      this.#hashes.set(number, headerHash(header));
      forgetBelow(this.#hashes, lane.durable - 1n);
      out.push({ kind: "sendBlocks", to: undefined, lane: name, first: number, next: number + 1n });
    }
    if (mayVote) this.vote(header, out);
  }

  /** Votes for a durable block, unless a commit QC covers it already. */
  vote(header: BlockHeader, out: Output[]): void {
    const lane = this.#at(header.lane);
    if (header.blockNumber < lane.committed || lane.said.has(header.blockNumber)) return;
    const vote = signLaneVote(header, this.#signer.keys);
    lane.said.set(header.blockNumber, vote);
    this.#say(vote, out);
    this.takeVote(vote);
  }

  takeVote(vote: SignedBlockHeader): void {
    const { lane: name, blockNumber: number } = vote.msg;
    if (this.#isNews(vote)) this.#at(name).owned = number + 1n;
    if (!this.#counts(vote)) return;
    const { committee } = this.#signer.epoch;
    const lane = this.#at(name);
    const tally = lane.votes.get(number) ?? new Tally(committee, committee.laneQuorum);
    lane.votes.set(number, tally);
    const qc = tally.add(headerHash(vote.msg), vote.msg, vote.sig);
    if (qc !== undefined) lane.qcs.set(number, qc);
  }

  /** Broadcasts our votes that no commit QC covers once more: a peer may have been away. */
  sayAgain(out: Output[]): void {
    for (const { said } of this.#lanes.values()) {
      for (const vote of said.values()) this.#say(vote, out);
    }
  }

  #say(vote: SignedBlockHeader, out: Output[]): void {
    const kind = vote.msg.lane === this.#own ? "broadcastBehind" : "broadcast";
    out.push({ kind, message: { kind: "laneVote", vote } });
  }

  /** The ranges that a leader may propose now; undefined if no lane has a new lane QC. */
  cut(): Cut | undefined {
    const laneRanges: LaneRange[] = [];
    const laneQCs: LaneQC[] = [];
    for (const [name, lane] of this.#lanes) {
      const first = lane.committed;
      const qc = newestIn(lane.qcs, first, first + RANGE_BLOCKS_MAX);
      const next = qc === undefined ? first : qc.vote.blockNumber + 1n;
      const lastHash = qc === undefined ? ZERO_HASH : headerHash(qc.vote);
      laneRanges.push({ lane: name, first, next, lastHash });
      if (qc !== undefined) laneQCs.push(qc);
    }
    return laneQCs.length > 0 ? { laneRanges, laneQCs } : undefined;
  }

  /** A commit QC is durable: the blocks in its ranges need no more votes. */
  committed({ laneRanges }: Proposal): void {
    for (const { lane: name, next } of laneRanges) {
      const lane = this.#lanes.get(name);
      if (lane === undefined || next <= lane.committed) continue;
      lane.committed = next;
      for (const held of [lane.said, lane.votes, lane.qcs]) forgetBelow(held, next);
      if (name === this.#own) for (const pin of this.#pins) if (pin < next) this.#pins.delete(pin);
    }
  }

  /** An anchor is durable: lanes start where its ranges do; ours, if it held less, behind `tipHash`. */
  anchored({ laneRanges }: Proposal, tipHash?: Uint8Array): void {
    for (const { lane: name, first } of laneRanges) {
      const lane = this.#lanes.get(name);
      if (lane === undefined || first <= lane.first) continue;
      lane.first = first;
      if (lane.durable < first) lane.durable = first;
      if (lane.taken >= first) continue;
      lane.taken = first;
      if (name === this.#own && tipHash) this.#hashes.set(first - 1n, tipHash);
    }
  }

  released(number: bigint): void {
    this.#pins.delete(number);
  }

  /** Asks for the next block of our own lane, if the lane has room for it. */
  produce(out: Output[]): void {
    const { taken, committed } = this.#at(this.#own);
    const hasRoom = this.roomOf(this.#own) > 0n && taken < committed + AHEAD_BLOCKS;
    if (this.#isProducing || this.#isForbidden || !hasRoom || this.#pins.size > 0) return;
    this.#isProducing = true;
    const parentHash = this.#hashes.get(taken - 1n) ?? ZERO_HASH;
    out.push({ kind: "produce", number: taken, parentHash });
  }

  notProduced(): void {
    this.#isProducing = false;
    this.#isForbidden = true;
  }

  tick(): void {
    this.#isForbidden = false;
  }

  /** A block that was asked for before the lane went back, or ahead, is none of it: the store refuses it. */
  produced({ blockNumber: number }: BlockHeader, hash: Uint8Array): void {
    this.#isProducing = false;
    const lane = this.#at(this.#own);
    if (number !== lane.taken) return;
    lane.taken += 1n;
    this.#hashes.set(number, hash);
  }

  #at(name: LaneId): Lane {
    const lane = this.#lanes.get(name);
    assert(lane !== undefined, "the lane is one of the committee's");
    return lane;
  }
}

function newestIn(qcs: ReadonlyMap<bigint, LaneQC>, first: bigint, next: bigint) {
  for (let number = next - 1n; number >= first; number--) {
    const qc = qcs.get(number);
    if (qc !== undefined) return qc;
  }
  return undefined;
}

function forgetBelow(held: Map<bigint, unknown>, next: bigint): void {
  for (const number of held.keys()) if (number < next) held.delete(number);
}
