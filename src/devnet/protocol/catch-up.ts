/**
 * The questions of a validator to its peers: for commit QCs and blocks that it lacks, and, after a
 * loss in flight, for the blocks that it may have signed (D6). Pure.
 *
 * Blocks and QCs are broadcast, so that nobody needs to ask while all goes well. A cursor asks only
 * if it has not moved since the last tick, or is far behind; and only once per tick.
 */
import type { LaneId } from "../../types/lane.js";
import { type LaneRange, ZERO_HASH } from "../../wire/messages.js";
import type { PeerStatus, RoadRange } from "./message.js";
import type { EngineStart, Output } from "./step.js";
import { hex } from "../../codec/hex.js";

/** The most numbers in one question: half of the blocks that a lane may hold above its anchor. */
export const ASK_MAX = 16n;
/** Further behind than this, a cursor does not wait for the next tick. */
const FAR_BEHIND = 4n;
/** After so many ticks without execution, peers are taken to have pruned what is missing here. */
const STUCK_TICKS = 20;

/** The cursors of this validator. */
export interface Standing {
  readonly roadNext: bigint;
  readonly executedNext: bigint;
  /** The first road above the anchor. */
  readonly anchorNext: bigint;
  readonly lanes: ReadonlyMap<LaneId, { readonly next: bigint; readonly room: bigint }>;
}

export class CatchUp {
  /** The place of each cursor at the last tick, and whether it has asked since. */
  readonly #cursors = new Map<string, { at: bigint; isStill: boolean; hasAsked: boolean }>();
  #executedNext = -1n;
  #ticksStuck = 0;
  readonly #hasPeers: boolean;
  #peerRoad = 0n;
  #isBehind: boolean;

  /** `hasPeers`: until the first of them has said where it stands, we may be behind. */
  constructor(hasPeers: boolean) {
    this.#hasPeers = hasPeers;
    this.#isBehind = hasPeers;
  }

  /** Asks a peer for the blocks and QCs that it has, by its `status`, and that we lack. */
  ask(from: LaneId, status: PeerStatus, mine: Standing, out: Output[]): void {
    const askRoad = (range: RoadRange | undefined): void => {
      if (range) out.push({ kind: "send", to: from, message: { kind: "askRoad", range } });
    };
    if (status.road.next > this.#peerRoad) this.#peerRoad = status.road.next;
    askRoad(this.#missing("road", mine.roadNext, status.road));
    // Peers have pruned the roads that we still execute. Their app QCs let us prune too, and so take more.
    const isBehind = status.road.next > mine.executedNext;
    const unanchored = { first: 0n, next: isBehind ? mine.executedNext : 0n };
    askRoad(this.#missing("anchor", mine.anchorNext, unanchored));
    for (const theirs of status.lanes) {
      const own = mine.lanes.get(theirs.lane);
      if (own === undefined || own.room <= 0n) continue;
      const end = own.next + own.room;
      const next = theirs.next < end ? theirs.next : end;
      const lack = this.#missing(theirs.lane, own.next, { first: theirs.first, next });
      if (lack === undefined) continue;
      const range = laneRange(theirs.lane, lack);
      out.push({ kind: "send", to: from, message: { kind: "askLane", range } });
    }
  }

  /** Notes which cursors have not moved, and for how long nothing was executed. */
  tick(mine: Standing): void {
    this.#note("road", mine.roadNext);
    this.#note("anchor", mine.anchorNext);
    for (const [lane, { next }] of mine.lanes) this.#note(lane, next);
    const isUnknown = this.#hasPeers && this.#peerRoad === 0n;
    this.#isBehind = isUnknown || this.#peerRoad > mine.executedNext + FAR_BEHIND;
    this.#ticksStuck = mine.executedNext === this.#executedNext ? this.#ticksStuck + 1 : 0;
    this.#executedNext = mine.executedNext;
  }

  /** Whether a peer has a commit QC for a road well above the next one that we execute. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /**
   * No road was executed for long: if peers have a newer anchor, execution continues behind that
   * one.
   */
  get isStuck(): boolean {
    return this.#ticksStuck >= STUCK_TICKS;
  }

  #note(cursor: string, at: bigint): void {
    const isStill = this.#cursors.get(cursor)?.at === at;
    this.#cursors.set(cursor, { at, isStill, hasAsked: false });
  }

  #missing(cursor: string, next: bigint, theirs: RoadRange): RoadRange | undefined {
    const noted = this.#cursors.get(cursor);
    if (theirs.next <= next || theirs.first > next || noted === undefined) return undefined;
    const isFar = theirs.next - next > FAR_BEHIND;
    // A cursor that is far behind asks again as soon as an answer has come.
    const mayAsk = !noted.hasAsked || (isFar && next > noted.at);
    if (!mayAsk || !(noted.isStill || isFar)) return undefined;
    noted.hasAsked = true;
    noted.at = next;
    return { first: next, next: theirs.next < next + ASK_MAX ? theirs.next : next + ASK_MAX };
  }
}

/** The answers so far about one pinned number of our own lane. */
interface Question {
  readonly headerHash: Uint8Array;
  /** Peers that said that they hold nothing there. */
  readonly without: Set<LaneId>;
  isSettled: boolean;
}

/**
 * Pins of our own lane: numbers at which a block was on its way to disk and is gone. A block of
 * ours leaves only once it is durable, so nobody should hold the lost one. Every peer is asked. If
 * a peer holds the block, catching up brings it back. If every peer has answered that it holds
 * none, the pin is released, with the reason on record. Until then our lane makes no block. A
 * committee of one has nobody to ask: its blocks cannot have reached anybody, so its pins are
 * released at once. Pins of other lanes need no question: the owner of the lane has the block, and
 * the store takes no other one.
 */
export class PinQuestions {
  readonly #own: LaneId;
  readonly #peers: ReadonlySet<LaneId>;
  readonly #questions = new Map<bigint, Question>();

  constructor(own: LaneId, peers: readonly LaneId[], { pins }: EngineStart) {
    this.#own = own;
    this.#peers = new Set(peers);
    for (const { number, headerHash } of pins) {
      this.#questions.set(number, { headerHash, without: new Set(), isSettled: false });
    }
  }

  /** Asks every peer that has not answered, once more. */
  tick(out: Output[]): void {
    for (const [number, question] of this.#questions) {
      if (question.isSettled) continue;
      this.#settle(number, question, out);
      const range = laneRange(this.#own, { first: number, next: number + 1n }, question.headerHash);
      for (const to of this.#peers) {
        if (question.without.has(to)) continue;
        out.push({ kind: "send", to, message: { kind: "askHeld", range } });
      }
    }
  }

  answered(from: LaneId, { lane, first, next }: LaneRange, out: Output[]): void {
    const question = lane === this.#own ? this.#questions.get(first) : undefined;
    if (question === undefined || question.isSettled || !this.#peers.has(from)) return;
    // The peer holds a block there. We have signed that block, and catching up brings it.
    if (next > first) return;
    question.without.add(from);
    this.#settle(first, question, out);
  }

  /** Releases the pin once every peer has said that it holds nothing there. */
  #settle(number: bigint, question: Question, out: Output[]): void {
    const { size } = this.#peers;
    if (question.without.size < size) return;
    question.isSettled = true;
    const nobody =
      size === 0
        ? `this committee has no other validator that could hold block ${number} of this lane`
        : `all ${size} peers answered that they hold no block ${number} of this lane`;
    const lost = `a block leaves only once durable; lost in flight: ${hex(question.headerHash)}`;
    out.push({ kind: "release", number, reason: `${nobody}; ${lost}` });
  }

  /** A commit QC or an anchor covers all below `next`. */
  covered(next: bigint): void {
    for (const number of this.#questions.keys()) if (number < next) this.#questions.delete(number);
  }
}

export function laneRange(lane: LaneId, range: RoadRange, lastHash = ZERO_HASH): LaneRange {
  return { lane, first: range.first, next: range.next, lastHash };
}
