/** How long the disk takes until a write is durable, measured as the store writes. */
import type { Disk } from "../../disk/disk.js";
import { throwIfAborted } from "../../async/signal.js";

/** A small write, such as votes, and a large one, such as a group of blocks. */
const SIZES = [4096, 64 * 1024] as const;
/** The bytes that are written over and over, as a segment is. */
const PROBE_BYTES = 1024 * 1024;

export interface Latency {
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Probing {
  readonly disk: Disk;
  /** A file that is not there. It is gone when resolved. */
  readonly file: string;
  readonly forMs: number;
  readonly steadyMs: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneMs: number) => void) | undefined;
}

/** Writes for `forMs`, small and large by turns; the latency of each kind. */
export async function measureLatency(
  probing: Probing,
): Promise<{ readonly small: Latency; readonly large: Latency }> {
  const { disk, file, forMs, steadyMs, signal, onProgress } = probing;
  const probe = await disk.create(file);
  try {
    await probe.writeDurable(0, [Buffer.alloc(PROBE_BYTES)]);
    const times: [number[], number[]] = [[], []];
    const beganMs = steadyMs();
    for (let turn = 0; turn < 2 || steadyMs() - beganMs < forMs; turn++) {
      throwIfAborted(signal, "the measurement");
      const kind = turn % 2 === 0 ? 0 : 1;
      const bytes = Buffer.alloc(SIZES[kind], turn);
      const at = (turn * SIZES[1]) % (PROBE_BYTES - SIZES[1]);
      const startMs = steadyMs();
      await probe.writeDurable(at - (at % SIZES[0]), [bytes]);
      times[kind].push(steadyMs() - startMs);
      onProgress?.(steadyMs() - beganMs);
    }
    return { small: latencyOf(times[0]), large: latencyOf(times[1]) };
  } finally {
    await probe.close();
    await disk.remove(file);
  }
}

export function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): number => {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  };
  return { writes: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 };
}
