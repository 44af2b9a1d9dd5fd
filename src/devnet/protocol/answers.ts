/** The answers of a validator to the questions of its peers (`catch-up.ts`). Pure. */
import type { LaneId } from "../../types/lane.js";
import { max, min } from "../../types/numbers.js";
import type { LaneRange } from "../../wire/messages.js";
import { laneRange } from "./catch-up.js";
import type { Execution } from "./execution.js";
import type { Lanes } from "./lanes.js";
import type { PeerStatus, RoadRange } from "./message.js";
import type { Output } from "./step.js";

/** The most blocks or QCs in answer to one question. */
const ANSWER_MAX = 32n;

export class Answers {
  /** The ranges that can be read here, by the store's newest status. */
  served: PeerStatus = { road: { first: 0n, next: 0n }, lanes: [], isWhole: false };
  /** We do not know all that we signed: others must not rely on our word. */
  isGuarded = true;
  readonly #lanes: Lanes;
  readonly #execution: Execution;
  readonly #known: ReadonlySet<LaneId>;
  /** The ends of their own lanes that others have told since this validator was started. */
  readonly #told = new Map<LaneId, bigint>();

  /** `known` are the lanes of the committee. */
  constructor(lanes: Lanes, execution: Execution, known: ReadonlySet<LaneId>) {
    this.#lanes = lanes;
    this.#execution = execution;
    this.#known = known;
  }

  /**
   * Sends commit QCs below `durable`, each with its app QC if that is known, so that the peer can
   * prune on its way. An empty range asks for the newest anchor.
   */
  road(
    { to, durable }: { readonly to: LaneId; readonly durable: bigint },
    { first, next }: RoadRange,
    out: Output[],
  ): void {
    const newest = this.#execution.newestAnchor;
    if (first === next && newest !== undefined) {
      out.push({ kind: "send", to, message: { kind: "anchor", anchor: newest } });
    }
    const end = min(next, min(first + ANSWER_MAX, durable));
    for (let index = first; index < end; index++) {
      const anchor = this.#execution.anchorAt(index);
      if (anchor === undefined) out.push({ kind: "sendCommitQC", to, index });
      else out.push({ kind: "send", to, message: { kind: "anchor", anchor } });
    }
  }

  lane(to: LaneId, { lane, first, next }: LaneRange, out: Output[]): void {
    const served = this.served.lanes.find((each) => each.lane === lane);
    if (served === undefined || first < served.first) return;
    const end = min(next, min(first + ANSWER_MAX, this.#lanes.at(lane).durable));
    if (first < end) out.push({ kind: "sendBlocks", to, lane, first, next: end });
  }

  /** A peer tells the ranges that it can serve; among them is its own lane. */
  heard(from: LaneId, { lanes, isWhole }: PeerStatus): void {
    if (!isWhole || !this.#known.has(from)) return;
    const next = lanes.find(({ lane }) => lane === from)?.next ?? 0n;
    this.#told.set(from, max(next, this.#told.get(from) ?? 0n));
  }

  /** Says how far we have voted, at most up to the road at which we stand, and what we know of `of`. */
  signed(to: LaneId, of: LaneId, standing: bigint, out: Output[]): void {
    if (this.isGuarded || to !== of || !this.#known.has(of)) return;
    const lanes = [...this.#known].map((lane) => {
      const { committed } = this.#lanes.at(lane);
      const next = lane === of ? max(this.#heardNext(lane), committed) : committed;
      return laneRange(lane, { first: committed, next });
    });
    // All that was heard before our own start is forgotten, unless it was told again.
    const isWhole = this.#told.has(of);
    const status = { road: { first: 0n, next: standing + 1n }, lanes, isWhole };
    out.push({ kind: "send", to, message: { kind: "signed", status } });
  }

  /**
   * A block that is still on its way to disk, or for which a vote was heard, counts as held: `held` is empty only
   * if nothing is known of any.
   */
  held(to: LaneId, { lane, first, next }: LaneRange, out: Output[]): void {
    if (!this.#known.has(lane)) return;
    const isHeld = this.#heardNext(lane) > first;
    const range = laneRange(lane, { first, next: isHeld ? next : first });
    out.push({ kind: "send", to, message: { kind: "held", range } });
  }

  #heardNext(lane: LaneId): bigint {
    return max(this.#lanes.heardNext(lane), this.#told.get(lane) ?? 0n);
  }
}
