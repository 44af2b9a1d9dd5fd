/** The times of blocks and votes in one validator, from a block's arrival on. */
import type { LaneId } from "../../types/lane.js";
import type { Stats } from "../judge/report.js";

/** The most blocks that wait for their vote; beyond them all are forgotten, and not measured. */
const ARRIVED_MAX = 4_096;
/** Durations that a median is taken of. */
const SAMPLES_MAX = 1_024;

export class Latencies {
  readonly #durable = new Samples();
  readonly #vote = new Samples();
  readonly #voteState = new Samples();
  readonly #arrivedMs = new Map<string, number>();

  arrived(lane: LaneId, number: bigint): void {
    if (this.#arrivedMs.size >= ARRIVED_MAX) this.#arrivedMs.clear();
    this.#arrivedMs.set(`${lane} ${number}`, performance.now());
  }

  durable(lane: LaneId, number: bigint): void {
    const arrivedMs = this.#arrivedMs.get(`${lane} ${number}`);
    if (arrivedMs !== undefined) this.#durable.add(arrivedMs);
  }

  /** The vote for the block has left. */
  voted(lane: LaneId, number: bigint): void {
    const name = `${lane} ${number}`;
    const arrivedMs = this.#arrivedMs.get(name);
    if (arrivedMs !== undefined) this.#vote.add(arrivedMs);
    this.#arrivedMs.delete(name);
  }

  /** A vote state whose write began at `begunMs` is durable. */
  voteStateDurable(begunMs: number): void {
    this.#voteState.add(begunMs);
  }

  get medians(): Pick<Stats, "durableMsP50" | "voteMsP50" | "voteStateMsP50"> {
    return {
      durableMsP50: this.#durable.medianMs,
      voteMsP50: this.#vote.medianMs,
      voteStateMsP50: this.#voteState.medianMs,
    };
  }
}

/** The last durations of one kind. */
class Samples {
  readonly #ms: number[] = [];
  #count = 0;

  /** One more, that began at `sinceMs` and ends now. */
  add(sinceMs: number): void {
    this.#ms[this.#count % SAMPLES_MAX] = performance.now() - sinceMs;
    this.#count += 1;
  }

  /** In milliseconds; 0 where there is none. */
  get medianMs(): number {
    return this.#ms.toSorted((one, other) => one - other)[this.#ms.length >> 1] ?? 0;
  }
}
