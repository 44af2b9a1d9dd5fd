/**
 * What a validator lacks and asks its peers for: commit QCs, blocks, and after a loss in flight
 * whether anybody holds what it may have signed (D6). Pure.
 *
 * In the ordinary course everything is broadcast and nothing is asked for. So a cursor asks only when
 * it stood still since the last tick, or is far behind; and once per tick and cursor.
 */
import type { LaneId } from "../../types/lane.js";
import { type LaneRange, ZERO_HASH } from "../../wire/messages.js";
import type { PeerStatus, RoadRange } from "./message.js";
import type { EngineStart, Output } from "./step.js";
import { hex } from "./tally.js";

/** Numbers asked for at once: half of what a lane takes above its anchor. */
export const ASK_MAX = 16n;
/** Further behind than this, a cursor does not wait for the next tick. */
const FAR_BEHIND = 4n;
/** Ticks without a road executed after which what peers have no more is passed over. */
const STUCK_TICKS = 20;

/** Where this validator stands. */
export interface Standing {
  readonly roadNext: bigint;
  readonly executedNext: bigint;
  /** The first road above the anchor. */
  readonly anchorNext: bigint;
  readonly lanes: ReadonlyMap<LaneId, { readonly next: bigint; readonly room: bigint }>;
}

export class CatchUp {
  /** Where each cursor stood at the last tick, and whether it asked since. */
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

  /** Looks at `status` of a peer and asks it for what it has and we lack. */
  ask(from: LaneId, status: PeerStatus, mine: Standing, out: Output[]): void {
    const askRoad = (range: RoadRange | undefined): void => {
      if (range) out.push({ kind: "send", to: from, message: { kind: "askRoad", range } });
    };
    if (status.road.next > this.#peerRoad) this.#peerRoad = status.road.next;
    askRoad(this.#missing("road", mine.roadNext, status.road));
    // Peers have pruned what we still execute: the app QCs behind us let us prune and go on.
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

  /** Notes which cursors stood still, and whether execution has for long. */
  tick(mine: Standing): void {
    this.#note("road", mine.roadNext);
    this.#note("anchor", mine.anchorNext);
    for (const [lane, { next }] of mine.lanes) this.#note(lane, next);
    const isUnknown = this.#hasPeers && this.#peerRoad === 0n;
    this.#isBehind = isUnknown || this.#peerRoad > mine.executedNext + FAR_BEHIND;
    this.#ticksStuck = mine.executedNext === this.#executedNext ? this.#ticksStuck + 1 : 0;
    this.#executedNext = mine.executedNext;
  }

  /** A peer's road is further than what we are about to execute. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** No road was executed for long: where peers have an anchor further on, that is where to go on. */
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
    // Far behind, an answer that has come is reason enough for the next question.
    const mayAsk = !noted.hasAsked || (isFar && next > noted.at);
    if (!mayAsk || !(noted.isStill || isFar)) return undefined;
    noted.hasAsked = true;
    noted.at = next;
    return { first: next, next: theirs.next < next + ASK_MAX ? theirs.next : next + ASK_MAX };
  }
}

/** How the answers about one pinned number of our own lane stand. */
interface Question {
  readonly headerHash: Uint8Array;
  /** Peers that said that they hold nothing there. */
  readonly without: Set<LaneId>;
  isSettled: boolean;
}

/**
 * Pins of our own lane: numbers at which a block was on its way to disk and is gone. Blocks of ours
 * leave only once durable, so nobody should hold it. Every peer is asked; if one holds the block it
 * comes back by catching up, and if every one answered that it holds none, the pin is released on
 * record. Until then nothing is made in our lane. A committee of one has nobody to ask: nothing that it
 * signed can have reached anybody, so its pins are released at once. Pins of other lanes need no
 * question: their owner has the block, and only that one is let in.
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
    // Somebody holds a block there: whatever it is, we signed it, and catching up brings it.
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
