/** What a run counts and times. Latencies go into histograms, so that memory does not grow. */
import { build, type Histogram } from "hdr-histogram-js";
import type { LaneId } from "../../types/lane.js";
import type { Violation } from "./comparison.js";
import type { StatsEvent } from "./messages.js";

/** Violations kept for the report; one is enough to fail. */
const VIOLATIONS_MAX = 100;
const noStats: Omit<StatsEvent, "kind"> = {
  rssBytes: 0,
  rssBytesMax: 0,
  diskBytes: 0,
  persistP50Ms: 0,
  persistP99Ms: 0,
};

/** A block on its way: when it was sent, and how long it is. */
interface SentBlock {
  readonly atMs: number;
  readonly bytes: number;
}

export class Measures {
  blocksSent = 0;
  blocksAcked = 0;
  bytesAcked = 0;
  commitQCsAcked = 0;
  anchorsAcked = 0;
  dropped = 0;
  recordsCompared = 0;
  /** Starts of the child. */
  starts = 0;
  kills = 0;
  killsWhileOpening = 0;
  /** From opening to the last recovered record, as it took last. */
  openingMs: number | undefined;
  /** Recoveries that were compared to their end. */
  recoveries = 0;
  recoveryMsMax = 0;
  recoveryMsTotal = 0;
  warnings = 0;
  pins = 0;
  rssBytesMax = 0;
  stats = noStats;
  readonly violations: Violation[] = [];
  readonly #ackMicros: Histogram = build({ numberOfSignificantValueDigits: 3 });
  readonly #sent = new Map<LaneId, Map<bigint, SentBlock>>();

  sent(lane: LaneId, number: bigint, block: SentBlock): void {
    this.blocksSent++;
    const blocks = this.#sent.get(lane) ?? new Map<bigint, SentBlock>();
    blocks.set(number, block);
    this.#sent.set(lane, blocks);
  }

  acked(lane: LaneId, number: bigint, nowMs: number): void {
    const block = this.#sent.get(lane)?.get(number);
    if (block === undefined) return;
    this.#sent.get(lane)?.delete(number);
    this.blocksAcked++;
    this.bytesAcked += block.bytes;
    this.#ackMicros.recordValue(Math.max(1, Math.round((nowMs - block.atMs) * 1000)));
  }

  /** The block was refused as one that is not needed any more. */
  wasDropped(lane: LaneId, number: bigint): void {
    this.#sent.get(lane)?.delete(number);
    this.dropped++;
  }

  /** Blocks sent to the child and not acknowledged yet. */
  get lagBlocks(): number {
    let blocks = 0;
    for (const lane of this.#sent.values()) blocks += lane.size;
    return blocks;
  }

  /** What was in flight when the child died will be sent again, or never. */
  forgetInFlight(): void {
    this.#sent.clear();
  }

  /** Latencies of a child that persisted nothing yet leave those of the one before. */
  took(stats: StatsEvent): void {
    const { persistP50Ms, persistP99Ms } = stats.persistP99Ms > 0 ? stats : this.stats;
    this.stats = { ...stats, persistP50Ms, persistP99Ms };
    this.rssBytesMax = Math.max(this.rssBytesMax, stats.rssBytesMax);
  }

  recovered(durationMs: number): void {
    this.recoveries++;
    this.recoveryMsTotal += durationMs;
    this.recoveryMsMax = Math.max(this.recoveryMsMax, durationMs);
  }

  violate(...violations: readonly Violation[]): void {
    this.violations.push(...violations.slice(0, VIOLATIONS_MAX - this.violations.length));
  }

  /** Milliseconds within which `percent` of the acknowledgements came. */
  ackMs(percent: number): number {
    return this.#ackMicros.getValueAtPercentile(percent) / 1000;
  }
}
