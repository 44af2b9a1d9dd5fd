/** The checks of the machine beside its disk: limits, memory, clock. */
import type { Machine } from "./machine.js";
import { type Examined, mib, ms, needs, type Outcome, unknown } from "./outcome.js";

export async function lookAtLimits({ machine }: Examined): Promise<Outcome> {
  const limits = await machine.text("/proc/self/limits");
  if (limits === undefined) return unknown("this system does not tell its limits");
  const openFiles = limitIn(limits, "Max open files");
  const fileBytes = limitIn(limits, "Max file size");
  const locks = limitIn(limits, "Max file locks");
  const figures = { openFiles: shown(openFiles), fileBytes: shown(fileBytes), locks: shown(locks) };
  const text = `open files ${shown(openFiles)}, file size ${shown(fileBytes)}, locks ${shown(locks)}`;
  if (openFiles < needs.openFilesLeast || fileBytes < needs.fileBytes || locks < 1) {
    const wanted = `open files ${needs.openFiles}, file size ${needs.fileBytes} and a lock`;
    return { level: "bad", text: `${text}: a store wants ${wanted}`, figures };
  }
  const isPoor = openFiles < needs.openFiles;
  const more = `${text}: give ${needs.openFiles} open files, for many lanes and connections`;
  return { level: isPoor ? "poor" : "good", text: isPoor ? more : text, figures };
}

export async function lookAtMemory({ machine }: Examined): Promise<Outcome> {
  const limit = await memoryLimit(machine);
  const whole = /^MemTotal:\s+(\d+) kB/m.exec((await machine.text("/proc/meminfo")) ?? "");
  const total = whole?.[1] === undefined ? undefined : Number(whole[1]) * 1024;
  const bytes = Math.min(limit ?? Number.POSITIVE_INFINITY, total ?? Number.POSITIVE_INFINITY);
  if (!Number.isFinite(bytes)) return unknown("this system does not tell its memory");
  const of = limit !== undefined && limit === bytes ? "the container's limit" : "the machine's";
  const text = `${mib(bytes)}, ${of}`;
  const figures = { bytes, ...(limit === undefined ? {} : { limit }) };
  const wants = `${text}: a store and its service want ${mib(needs.memoryBytes)}`;
  if (bytes < needs.memoryBytesLeast) return { level: "bad", text: wants, figures };
  return bytes < needs.memoryBytes
    ? { level: "poor", text: wants, figures }
    : { level: "good", text, figures };
}

/** The limit of the control group: of version 2, else of version 1. `undefined`: there is none. */
async function memoryLimit({ text }: Machine): Promise<number | undefined> {
  const groups = (await text("/proc/self/cgroup")) ?? "";
  const own = /^0::(.*)$/m.exec(groups)?.[1] ?? "/";
  const before = /^\d+:memory:(.*)$/m.exec(groups)?.[1] ?? "/";
  // In a container its own group is often shown as the root.
  const files = [
    `/sys/fs/cgroup${own}/memory.max`,
    "/sys/fs/cgroup/memory.max",
    `/sys/fs/cgroup/memory${before}/memory.limit_in_bytes`,
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
  ];
  for (const file of files) {
    const found = (await text(file.replaceAll("//", "/")))?.trim();
    if (found === undefined) continue;
    const bytes = found === "max" ? Number.POSITIVE_INFINITY : Number(found);
    // Version 1 writes its largest number where there is no limit.
    return bytes < Number.MAX_SAFE_INTEGER ? bytes : undefined;
  }
  return undefined;
}

/** Asked last: a clock that was set meanwhile has gone another way than the steady one. */
export async function lookAtClock({ machine, clockAtBeginMs }: Examined): Promise<Outcome> {
  const wallMs = machine.wallMs();
  const source = (
    await machine.text("/sys/devices/system/clocksource/clocksource0/current_clocksource")
  )?.trim();
  const stepMs = Math.abs(wallMs - machine.steadyMs() - clockAtBeginMs);
  const told = source === undefined ? "" : `, source ${source}`;
  const text = `${new Date(wallMs).toISOString()}${told}`;
  const figures = { wallMs, ...(source === undefined ? {} : { source }) };
  if (wallMs < needs.wallMsLeast) {
    return { level: "poor", text: `${text}: set it: records and logs carry its time`, figures };
  }
  const isStepped = stepMs > needs.clockStepMs;
  return isStepped
    ? { level: "poor", text: `${text}: it was stepped by ${ms(stepMs)} just now`, figures }
    : { level: "good", text, figures };
}

/** The soft limit, as the kernel prints it: the name, then the soft limit, then the hard one. */
function limitIn(limits: string, name: string): number {
  const line = limits.split("\n").find((each) => each.startsWith(name));
  const [soft = "unlimited"] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

function shown(limit: number): string | number {
  return Number.isFinite(limit) ? limit : "unlimited";
}
