/** The times of blocks and votes in one validator, from a block's arrival on. */
import { build, type Histogram } from "hdr-histogram-js";
import type { LaneId } from "../../types/lane.js";
import type { Stats } from "../judge/report.js";

/** The most blocks that wait for their vote; beyond them all are forgotten, and not measured. */
const ARRIVED_MAX = 4_096;

export class Latencies {
  readonly #durable = histogram();
  readonly #vote = histogram();
  readonly #voteState = histogram();
  readonly #arrivedMs = new Map<string, number>();

  arrived(lane: LaneId, number: bigint): void {
    if (this.#arrivedMs.size >= ARRIVED_MAX) this.#arrivedMs.clear();
    this.#arrivedMs.set(`${lane} ${number}`, performance.now());
  }

  durable(lane: LaneId, number: bigint): void {
    const arrivedMs = this.#arrivedMs.get(`${lane} ${number}`);
    if (arrivedMs !== undefined) record(this.#durable, arrivedMs);
  }

  /** The vote for the block has left. */
  voted(lane: LaneId, number: bigint): void {
    const name = `${lane} ${number}`;
    const arrivedMs = this.#arrivedMs.get(name);
    if (arrivedMs !== undefined) record(this.#vote, arrivedMs);
    this.#arrivedMs.delete(name);
  }

  /** A vote state whose write began at `begunMs` is durable. */
  voteStateDurable(begunMs: number): void {
    record(this.#voteState, begunMs);
  }

  get medians(): Pick<Stats, "durableMsP50" | "voteMsP50" | "voteStateMsP50"> {
    return {
      durableMsP50: medianMs(this.#durable),
      voteMsP50: medianMs(this.#vote),
      voteStateMsP50: medianMs(this.#voteState),
    };
  }
}

function histogram(): Histogram {
  return build({ numberOfSignificantValueDigits: 3 });
}

function record(into: Histogram, sinceMs: number): void {
  into.recordValue(Math.max(1, Math.round((performance.now() - sinceMs) * 1000)));
}

function medianMs(of: Histogram): number {
  return of.getValueAtPercentile(50) / 1000;
}
