/** The answers of a validator to the questions of its peers (`catch-up.ts`). Pure. */
import type { LaneId } from "../../types/lane.js";
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
  served: PeerStatus = { road: { first: 0n, next: 0n }, lanes: [] };
  /** We do not know all that we signed: others must not rely on our word. */
  isGuarded = true;
  readonly #lanes: Lanes;
  readonly #execution: Execution;
  readonly #known: ReadonlySet<LaneId>;

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

  /** Says how far we have voted, at most up to the road at which we stand, and what we hold of `of`. */
  signed(to: LaneId, of: LaneId, standing: bigint, out: Output[]): void {
    if (this.isGuarded || to !== of || !this.#known.has(of)) return;
    const lanes = [...this.#known].map((lane) => {
      const { committed, taken } = this.#lanes.at(lane);
      const next = lane === of && taken > committed ? taken : committed;
      return laneRange(lane, { first: committed, next });
    });
    const status = { road: { first: 0n, next: standing + 1n }, lanes };
    out.push({ kind: "send", to, message: { kind: "signed", status } });
  }

  /**
   * A block that is still on its way to disk counts as held: `held` is empty only if there is none
   * at all.
   */
  held(to: LaneId, { lane, first, next }: LaneRange, out: Output[]): void {
    if (!this.#known.has(lane)) return;
    const isHeld = this.#lanes.at(lane).taken > first;
    const range = laneRange(lane, { first, next: isHeld ? next : first });
    out.push({ kind: "send", to, message: { kind: "held", range } });
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
