/**
 * The last ten minutes of a service, a sample every two seconds: the plots of a page that was just opened
 * show what was before. A sample costs one status; its memory is bounded.
 */
import { type Space, spaceOf } from "../metrics/values/space.js";
import type { Meters } from "../metrics/meters.js";
import type { Measure } from "../../types/measures.js";
import type { SpreadCounts } from "../metrics/spread.js";
import type { Observed } from "../observed.js";
import type { Latency, Sample } from "../page/look.js";

const SAMPLE_MS = 2000;
const SAMPLES_MAX = 300;

/** A pace is told from so long a time on, and as long as the disk would be full within a month. */
const PACE_MS = 180_000;
const FULL_SECONDS_MAX = 30 * 86_400;

/** Samples that a latency looks back: a minute. */
const LATENCY_SAMPLES = 30;

const watched = ["groupMs", "blockAckMs", "voteAckMs", "anchorAckMs"] as const;
type Watched = (typeof watched)[number] & Measure;

/** The counts of a moment, from which those since then follow. */
interface Moment {
  readonly atMs: number;
  readonly spreads: Readonly<Record<Watched, SpreadCounts>>;
  readonly bytes: number;
}

export class History {
  readonly #observed: Observed;
  readonly #meters: Meters;
  readonly #samples: Sample[] = [];
  /** The last minute, oldest first. */
  readonly #moments: Moment[] = [];
  /** The space when it was first asked for, at most ten minutes ago. */
  readonly #spaces: { readonly atMs: number; readonly freeBytes: number }[] = [];
  #space: Space | undefined;
  readonly #timer: NodeJS.Timeout;
  /** Told of each new sample. */
  onSample: ((sample: Sample) => void) | undefined;

  /** `failed` is told of a sample that could not be taken. */
  constructor(observed: Observed, meters: Meters, failed: (cause: unknown) => void) {
    this.#observed = observed;
    this.#meters = meters;
    this.#moments.push(this.#momentNow(Date.now()));
    const take = (): void => {
      this.take().catch(failed);
    };
    this.#timer = setInterval(take, SAMPLE_MS);
    this.#timer.unref();
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  get space(): Space | undefined {
    return this.#space;
  }

  /** Takes a sample. */
  async take(): Promise<void> {
    this.#space = await spaceOf(this.#observed);
    const now = this.#momentNow(Date.now());
    const before = this.#moments.at(-1) ?? now;
    const sample = this.#sampleOf(before, now);
    keep(this.#moments, now, LATENCY_SAMPLES);
    keep(this.#samples, sample, SAMPLES_MAX);
    if (this.#space) {
      keep(this.#spaces, { atMs: now.atMs, freeBytes: this.#space.freeBytes }, SAMPLES_MAX);
    }
    this.onSample?.(sample);
  }

  /** The durations of the last minute. */
  latencyOf(measure: Watched): Latency | undefined {
    const before = this.#moments[0]?.spreads[measure];
    const found = this.#meters.store.spread(measure).quantilesSince(before, [0.5, 0.99, 1]);
    if (!found) return undefined;
    const [p50 = 0, p99 = 0, max = 0] = found.map((seconds) => seconds * 1000);
    return { p50Ms: p50, p99Ms: p99, maxMs: max };
  }

  /** Seconds until the disk is full at the pace of the last minutes; `undefined` if it does not fill. */
  fullInSeconds(): number | undefined {
    const [first] = this.#spaces;
    const last = this.#spaces.at(-1);
    if (!first || !last || last.atMs - first.atMs < PACE_MS) return undefined;
    const perMs = (first.freeBytes - last.freeBytes) / (last.atMs - first.atMs);
    const seconds = perMs > 0 ? Math.round(last.freeBytes / perMs / 1000) : Infinity;
    return seconds < FULL_SECONDS_MAX ? seconds : undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #momentNow(atMs: number): Moment {
    const spreads = watched.map((measure) => [measure, this.#meters.store.spread(measure).now]);
    const { sum } = this.#meters.store.spread("groupBytes").now;
    return { atMs, spreads: Object.fromEntries(spreads) as Moment["spreads"], bytes: sum };
  }

  #sampleOf(before: Moment, now: Moment): Sample {
    const seconds = Math.max(1, now.atMs - before.atMs) / 1000;
    const flush = this.#meters.store.spread("groupMs");
    const [p50, p99] = flush.quantilesSince(before.spreads.groupMs, [0.5, 0.99]) ?? [];
    const blocks = now.spreads.blockAckMs.count - before.spreads.blockAckMs.count;
    return {
      atMs: now.atMs,
      lag: this.#lagNow(),
      flushP50Ms: p50 === undefined ? null : p50 * 1000,
      flushP99Ms: p99 === undefined ? null : p99 * 1000,
      blocksPerSecond: blocks / seconds,
      bytesPerSecond: (now.bytes - before.bytes) / seconds,
    };
  }

  #lagNow(): number {
    const state = this.#observed.store();
    if (state.kind !== "open") return 0;
    const lags = [...state.keeper.status().lanes.values()].map(({ lag }) => Number(lag));
    return lags.reduce((most, each) => Math.max(most, each), 0);
  }
}

/** Appends `value`, and lets the oldest go beyond `max`. */
function keep<T>(all: T[], value: T, max: number): void {
  all.push(value);
  if (all.length > max) all.shift();
}
