/** The checks of the disk: where it is, whether it keeps what it says, and how fast. */
import { type Latency, measureLatency } from "./latency.js";
import type { Machine } from "./machine.js";
import { judgeMount, mountOf } from "./mounts.js";
import { type Examined, mib, ms, needs, type Outcome, unknown } from "./outcome.js";

export async function lookAtFileSystem({ machine, directory }: Examined): Promise<Outcome> {
  const mounts = await machine.text("/proc/self/mountinfo");
  const mount = mounts === undefined ? undefined : mountOf(await machine.place(directory), mounts);
  if (!mount) return unknown("this system does not list its mounts");
  const { type, source, point, options } = mount;
  const { level, say } = judgeMount(mount);
  const what = `${type} on ${source}, mounted at ${point}`;
  const figures = { type, source, point, options: [...new Set(options)].join(",") };
  return { level, text: say === "" ? what : `${what}: ${say}`, figures };
}

export async function lookAtRights({ machine, directory }: Examined): Promise<Outcome> {
  const mode = (await machine.rights(directory)) & 0o777;
  const digits = mode.toString(8).padStart(3, "0");
  const isOpen = (mode & 0o022) !== 0;
  const text = isOpen ? `mode ${digits}: others may write into it: chmod 700` : `mode ${digits}`;
  return { level: isOpen ? "poor" : "good", text, figures: { mode: digits } };
}

/**
 * As init does it: a file system that has no locks, or does not flush names, is refused there.
 *
 * @throws {PersisterError} STORE_LOCKED, READ_ONLY, DISK_FULL, IO.
 */
export async function lookAtLock({ machine, directory }: Examined): Promise<Outcome> {
  const { disk } = machine;
  const path = probeIn(directory);
  await removeProbe(machine, path);
  const file = await disk.create(path);
  try {
    await file.lock();
    await disk.syncDirectory(directory);
  } finally {
    await file.close();
    await disk.remove(path);
  }
  return { level: "good", text: "a file can be locked, and its name flushed", figures: {} };
}

export async function lookAtSpace({ machine, directory }: Examined): Promise<Outcome> {
  const { freeBytes, sizeBytes } = await machine.space(directory);
  const share = freeBytes / Math.max(1, sizeBytes);
  const text = `${mib(freeBytes)} free of ${mib(sizeBytes)}, ${(share * 100).toFixed(0)} %`;
  const figures = { freeBytes, sizeBytes };
  if (freeBytes < needs.freeBytes || share < needs.badFreeShare) {
    const need = `a store wants ${mib(needs.freeBytes)}, and ${needs.badFreeShare * 100} % of the disk`;
    return { level: "bad", text: `${text}: ${need}`, figures };
  }
  const isPoor = share < needs.poorFreeShare;
  const warned = `${text}: a running store warns below ${needs.poorFreeShare * 100} %`;
  return { level: isPoor ? "poor" : "good", text: isPoor ? warned : text, figures };
}

export async function lookAtNames({ machine, directory }: Examined): Promise<Outcome> {
  const { freeFiles, files } = await machine.space(directory);
  const figures = { freeFiles, files };
  if (files === 0) return { level: "good", text: "the file system counts none", figures };
  const isFew = freeFiles < needs.freeFiles;
  const text = `${freeFiles} of ${files} inodes free`;
  return { level: isFew ? "bad" : "good", text: isFew ? `${text}: remove files` : text, figures };
}

export async function lookAtFlush(examined: Examined): Promise<Outcome> {
  const { machine, directory, forMs, signal, onProgress } = examined;
  const { disk, steadyMs } = machine;
  const file = probeIn(directory);
  await removeProbe(machine, file);
  const measured = await measureLatency({ disk, file, forMs, steadyMs, signal, onProgress });
  const { small, large } = measured;
  const p99Ms = Math.max(small.p99Ms, large.p99Ms);
  const perRoad = `a road index waits for ${needs.flushesOfARoad} of them: ${ms(needs.flushesOfARoad * small.p50Ms)}`;
  const text = `4 KiB ${latencyText(small)}; 64 KiB ${latencyText(large)}; ${perRoad}`;
  const figures = { ...figuresOf("small", small), ...figuresOf("large", large) };
  if (p99Ms > needs.poorFlushMs) {
    return {
      level: "bad",
      text: `${text}; p99 above ${needs.poorFlushMs} ms: use a faster disk`,
      figures,
    };
  }
  if (p99Ms > needs.goodFlushMs) {
    return { level: "poor", text: `${text}; p99 should be below ${needs.goodFlushMs} ms`, figures };
  }
  if (small.p50Ms < needs.doubtfulFlushMs) {
    const doubt =
      "so fast is a disk with a protected cache alone: make sure that its cache outlives a power cut";
    return { level: "poor", text: `${text}; ${doubt}`, figures };
  }
  return { level: "good", text, figures };
}

/** Asked behind the measurement: a file was opened for writing then, and its flags were read back. */
export async function lookAtDurability({ machine }: Examined): Promise<Outcome> {
  const way = machine.durability();
  const figures = { way };
  if (way === "O_DSYNC")
    return { level: "good", text: "by O_DSYNC, which the open file has", figures };
  const text = `by ${way} behind each write: this system does not take O_DSYNC`;
  return { level: "poor", text, figures };
}

function figuresOf(name: string, { writes, p50Ms, p99Ms, maxMs }: Latency) {
  return {
    [`${name}Writes`]: writes,
    [`${name}P50Ms`]: rounded(p50Ms),
    [`${name}P99Ms`]: rounded(p99Ms),
    [`${name}MaxMs`]: rounded(maxMs),
  };
}

function latencyText({ writes, p50Ms, p99Ms, maxMs }: Latency): string {
  return `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, max ${ms(maxMs)} of ${writes}`;
}

/** The file that is written to, and gone at the end. One that a kill left is removed. */
function probeIn(directory: string): string {
  return `${directory}/doctor.probe`;
}

async function removeProbe({ disk }: Machine, path: string): Promise<void> {
  if ((await disk.kind(path)) === "file") await disk.remove(path);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
