/**
 * A program that decodes every adversary and prints, a line of JSON each, how far the heap grew
 * (`memory`) or how long it took (`time`). It runs by itself, with `--expose-gc`, and with a young
 * generation of the heap that fits the question.
 *
 * `memory` wants a small one: then the collector comes by for every megabyte that is allocated, and
 * what it leaves is what was held at that moment. `time` wants a large one: then the collector does
 * not come by at all, and one measurement is not a lap of the collector's longer than another.
 */
import { GCProfiler } from "node:v8";
import { type Adversary, adversaries } from "./adversaries.js";

export interface Growth {
  readonly name: string;
  readonly inputBytes: number;
  /** The most bytes held at any time, above those before. */
  readonly peak: number;
  /** The bytes that the result holds. */
  readonly retained: number;
}

export interface Time {
  readonly name: string;
  readonly inputBytes: number;
  readonly ms: number;
  /** Times as long as for a quarter of the input. */
  readonly ratio: number;
}

/** Of processor time, until the compiler of the machine has done what it will do. */
const WARM_UP_MS = 120;
const WARM_UPS_MIN = 3;
const ROUNDS_MIN = 2;
const ROUNDS_MAX = 20;
const SAMPLES = 4;
const SAMPLE_MS = 2;
/** A ratio below this needs no further round. Quadratic time has 16. */
const GOOD = 6;

function attempt({ decode }: Adversary, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    return String(error);
  }
}

function warmUp(adversary: Adversary, bytes: Uint8Array): void {
  const startedMs = cpuMs();
  for (let run = 0; run < WARM_UPS_MIN || cpuMs() - startedMs < WARM_UP_MS; run++) {
    attempt(adversary, bytes);
  }
}

function growthOf(adversary: Adversary): Growth & { readonly result: unknown } {
  const bytes = adversary.make(4);
  warmUp(adversary, bytes);
  const profiler = new GCProfiler();
  globalThis.gc?.();
  profiler.start();
  globalThis.gc?.();
  const result = attempt(adversary, bytes);
  globalThis.gc?.();
  const held = profiler.stop().statistics.map(({ afterGC: { heapStatistics } }) => {
    return heapStatistics.usedHeapSize + heapStatistics.externalMemory;
  });
  const [before = Number.NaN] = held;
  const retained = (held.at(-1) ?? Number.NaN) - before;
  const peak = Math.max(...held) - before;
  return { name: adversary.name, inputBytes: bytes.length, peak, retained, result };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The processor time of one decoding, the best of some samples: all else only adds to it. */
function decodeMs(adversary: Adversary, bytes: Uint8Array): number {
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SAMPLES; sample++) {
    globalThis.gc?.();
    const startedMs = cpuMs();
    let runs = 0;
    do {
      attempt(adversary, bytes);
      runs++;
    } while (cpuMs() - startedMs < SAMPLE_MS);
    best = Math.min(best, (cpuMs() - startedMs) / runs);
  }
  return best;
}

function timeOf(adversary: Adversary): Time {
  const [small, large] = [adversary.make(1), adversary.make(4)];
  warmUp(adversary, large);
  warmUp(adversary, small);
  let smallMs = Number.POSITIVE_INFINITY;
  let ms = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS_MIN || (round < ROUNDS_MAX && ms > GOOD * smallMs); round++) {
    smallMs = Math.min(smallMs, decodeMs(adversary, small));
    ms = Math.min(ms, decodeMs(adversary, large));
  }
  return { name: adversary.name, inputBytes: large.length, ms, ratio: ms / smallMs };
}

for (const adversary of adversaries) {
  if (process.argv[2] === "time") console.log(JSON.stringify(timeOf(adversary)));
  else {
    console.log(JSON.stringify({ ...growthOf(adversary), result: undefined }));
  }
}
