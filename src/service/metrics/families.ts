/**
 * The families of the table as prom-client prints them. A scrape begins empty and is filled with the
 * values of its moment, so that the value of a lane that was dropped is gone with it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Metric, Registry } from "prom-client";
import { buckets, type MetricName, metrics } from "./table.js";
import { Spread } from "./spread.js";

/** The event loop is held no longer than this by lines that are written. */
const HELD_MS = 5;

export type Labels = Readonly<Record<string, string>>;

/** A value under the family's name, or under another one: the parts of a histogram have their own. */
interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

const names = Object.keys(metrics) as readonly MetricName[];

export class Families {
  readonly registry = new Registry();
  readonly #values = new Map<MetricName, Value[]>();

  constructor() {
    for (const name of names) this.#register(name);
  }

  /** Begins a scrape: every family is empty. */
  clear(): void {
    this.#values.clear();
  }

  put(name: MetricName, value: number | bigint, labels: Labels = {}): void {
    this.#valuesOf(name).push({ labels, value: Number(value) });
  }

  /** A histogram: its buckets, its sum and its count. */
  putSpread(name: MetricName, spread: Spread, labels: Labels = {}): void {
    const values = this.#valuesOf(name);
    const metricName = `${name}_bucket`;
    for (const { bound, count } of spread.cumulative()) {
      values.push({ metricName, labels: { ...labels, le: bound }, value: count });
    }
    const { count, sum } = spread.now;
    values.push({ metricName, labels: { ...labels, le: "+Inf" }, value: count });
    values.push({ metricName: `${name}_sum`, labels, value: sum });
    values.push({ metricName: `${name}_count`, labels, value: count });
  }

  /**
   * The values in Prometheus' text format. A committee of thousands has tens of thousands of lines: the
   * event loop has a turn after every few milliseconds of them.
   */
  async text(): Promise<string> {
    const parts: string[] = [];
    let beganMs = performance.now();
    for (const { name } of this.registry.getMetricsAsArray()) {
      parts.push(await this.registry.getSingleMetricAsString(name));
      if (performance.now() - beganMs < HELD_MS) continue;
      await nextTurn();
      beganMs = performance.now();
    }
    return `${parts.join("\n\n")}\n`;
  }

  #valuesOf(name: MetricName): Value[] {
    const known = this.#values.get(name);
    if (known) return known;
    const made: Value[] = [];
    this.#values.set(name, made);
    return made;
  }

  /** The registry asks a family for its values at each scrape, and for nothing else. */
  #register(name: MetricName): void {
    const { help, type } = metrics[name];
    const get = (): unknown => ({ name, help, type, values: this.#values.get(name) ?? [] });
    this.registry.registerMetric({ name, get } as unknown as Metric);
  }
}

/** A spread with the buckets of a histogram of the table. */
export function spreadOf(name: MetricName): Spread {
  return new Spread(buckets[metrics[name].unit]);
}
