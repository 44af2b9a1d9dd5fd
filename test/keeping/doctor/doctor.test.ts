/** The examination of a machine: each doubt by itself, on a machine that has no other. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Disk, DiskFile } from "../../../src/disk/disk.js";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { checks, examine, type Judged } from "../../../src/keeping/doctor/doctor.js";
import { type Machine, realMachine } from "../../../src/keeping/doctor/machine.js";
import { mountOf } from "../../../src/keeping/doctor/mounts.js";
import { PersisterError } from "../../../src/types/errors.js";
import { call } from "../../cli/program-kit.js";

const GIB = 1024 ** 3;
const DIRECTORY = "/data/state";

const mounts = (type: string, options = "rw,relatime") =>
  `20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n30 20 8:2 / /data ${options} - ${type} /dev/sdb1 rw\n`;

const limits = (open: string) =>
  `Limit                     Soft Limit           Hard Limit           Units
Max file size             unlimited            unlimited            bytes
Max open files            ${open.padEnd(21)}1048576              files
Max file locks            unlimited            unlimited            locks
`;

const files: Readonly<Record<string, string>> = {
  "/proc/self/mountinfo": mounts("ext4"),
  "/proc/self/limits": limits("65536"),
  "/proc/self/cgroup": "0::/kube/pod\n",
  "/sys/fs/cgroup/kube/pod/memory.max": "max\n",
  "/proc/meminfo": "MemTotal:       16000000 kB\n",
};

interface Doubt {
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly freeBytes?: number;
  readonly freeFiles?: number;
  readonly mode?: number;
  readonly way?: string;
  readonly flushMs?: number;
  readonly stepMs?: number;
  readonly wallMs?: number;
  readonly fails?: "lock" | "syncDirectory" | "writeDurable";
}

/** A machine on which everything is good, but for the doubt. */
async function machineWith(doubt: Doubt): Promise<Machine> {
  const { flushMs = 1, freeBytes = 100 * GIB, freeFiles = 1_000_000 } = doubt;
  let nowMs = 0;
  let stepped = 0;
  const disk = new MemoryDisk();
  await disk.makeDirectory("/data");
  await disk.makeDirectory(DIRECTORY);
  const refuse = (call: Doubt["fails"]): void => {
    if (doubt.fails === call) throw new PersisterError("IO", `${call} is not known here`);
  };
  return {
    disk: watched(disk, {
      lock: () => refuse("lock"),
      syncDirectory: () => refuse("syncDirectory"),
      writeDurable: () => {
        refuse("writeDurable");
        nowMs += flushMs;
        stepped = doubt.stepMs ?? 0;
      },
    }),
    durability: () => doubt.way ?? "O_DSYNC",
    text: async (path) => ({ ...files, ...doubt.files })[path],
    space: async () => ({ freeBytes, sizeBytes: 200 * GIB, freeFiles, files: 2_000_000 }),
    rights: async () => 0o40000 | (doubt.mode ?? 0o700),
    place: async (path) => path,
    wallMs: () => (doubt.wallMs ?? 1_790_000_000_000) + nowMs + stepped,
    steadyMs: () => nowMs,
  };
}

interface Watch {
  readonly lock: () => void;
  readonly syncDirectory: () => void;
  readonly writeDurable: () => void;
}

/** The disk, which asks `watch` before these calls. */
function watched(disk: Disk, watch: Watch): Disk {
  const file = (made: DiskFile): DiskFile =>
    new Proxy(made, {
      get: (of, name) => {
        const held: unknown = Reflect.get(of, name, of);
        if (typeof held !== "function") return held;
        return async (...args: unknown[]) => {
          if (name === "lock" || name === "writeDurable") watch[name]();
          return (await Reflect.apply(held, of, args)) as unknown;
        };
      },
    });
  return new Proxy(disk, {
    get: (of, name) => {
      if (name === "create") return async (path: string) => file(await of.create(path));
      const held: unknown = Reflect.get(of, name, of);
      if (typeof held !== "function") return held;
      return async (...args: unknown[]) => {
        if (name === "syncDirectory") watch.syncDirectory();
        return (await Reflect.apply(held, of, args)) as unknown;
      };
    },
  });
}

async function judged(machine: Machine, directory = DIRECTORY): Promise<readonly Judged[]> {
  const found: Judged[] = [];
  for await (const each of examine(machine, directory, { forMs: 200 })) found.push(each);
  return found;
}

test("a good machine is good at everything, and nothing stays on its disk", async () => {
  const machine = await machineWith({});
  const found = await judged(machine);
  expect(found.map(({ name }) => name)).toEqual(checks.map(({ name }) => name));
  expect(found.filter(({ level }) => level !== "good")).toEqual([]);
  expect(await machine.disk.list(DIRECTORY)).toEqual([]);
});

const doubts: readonly (readonly [string, Doubt, string, Judged["level"], RegExp])[] = [
  [
    "memory",
    { files: { "/proc/self/mountinfo": mounts("tmpfs") } },
    "file system",
    "bad",
    /memory/,
  ],
  ["nfs", { files: { "/proc/self/mountinfo": mounts("nfs4") } }, "file system", "bad", /locks/],
  [
    "a container's layer",
    { files: { "/proc/self/mountinfo": mounts("overlay") } },
    "file system",
    "poor",
    /volume/,
  ],
  [
    "no barriers",
    { files: { "/proc/self/mountinfo": mounts("ext4", "rw,nobarrier") } },
    "file system",
    "bad",
    /^ext4.*nobarrier/,
  ],
  [
    "read only",
    { files: { "/proc/self/mountinfo": mounts("xfs", "ro") } },
    "file system",
    "bad",
    /reading alone/,
  ],
  [
    "an unheard type",
    { files: { "/proc/self/mountinfo": mounts("newfs") } },
    "file system",
    "unknown",
    /newfs/,
  ],
  [
    "no list of mounts",
    { files: { "/proc/self/mountinfo": undefined } },
    "file system",
    "unknown",
    /mounts/,
  ],
  ["others may write", { mode: 0o777 }, "rights", "poor", /chmod 700/],
  ["no locks", { fails: "lock" }, "lock and names", "bad", /lock is not known/],
  ["names are not flushed", { fails: "syncDirectory" }, "lock and names", "bad", /syncDirectory/],
  ["a full disk", { freeBytes: GIB / 4 }, "space", "bad", /256 MiB free/],
  ["little space", { freeBytes: 20 * GIB }, "space", "poor", /10 %/],
  ["no inodes", { freeFiles: 3 }, "inodes", "bad", /3 of 2000000/],
  [
    "few files",
    { files: { "/proc/self/limits": limits("512") } },
    "limits",
    "poor",
    /open files 512/,
  ],
  ["no files", { files: { "/proc/self/limits": limits("64") } }, "limits", "bad", /open files 64/],
  [
    "a small container",
    { files: { "/sys/fs/cgroup/kube/pod/memory.max": "134217728\n" } },
    "memory",
    "bad",
    /128 MiB, the container's limit/,
  ],
  [
    "a small container, version 1",
    {
      files: {
        "/proc/self/cgroup": "5:memory:/docker/x\n",
        "/sys/fs/cgroup/kube/pod/memory.max": undefined,
        "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "402653184\n",
      },
    },
    "memory",
    "poor",
    /384 MiB/,
  ],
  ["a slow disk", { flushMs: 30 }, "flush", "poor", /p99 30 ms/],
  ["a disk that is too slow", { flushMs: 150 }, "flush", "bad", /faster disk/],
  ["a disk that is too fast", { flushMs: 0.01 }, "flush", "poor", /protected cache/],
  ["writes that fail", { fails: "writeDurable" }, "flush", "bad", /writeDurable/],
  ["no O_DSYNC", { way: "fdatasync" }, "durable writes", "poor", /fdatasync/],
  ["a clock that is set", { stepMs: 5000 }, "clock", "poor", /stepped by 5000 ms/],
  ["a clock that was never set", { wallMs: 0 }, "clock", "poor", /1970/],
];

test.each(doubts)("%s", async (_, doubt, name, level, words) => {
  const found = await judged(await machineWith(doubt));
  expect(found.filter((each) => each.level !== "good").map((each) => each.name)).toEqual([name]);
  const one = found.find((each) => each.name === name);
  expect(one?.level).toBe(level);
  expect(one?.text).toMatch(words);
});

test("the innermost mount counts, and the last of two at one point; spaces are escaped", () => {
  const lines = `${mounts("ext4")}31 20 8:3 / /data rw - xfs /dev/sdc1 rw\n32 20 8:4 / /data/st\\040ate rw - btrfs /dev/sdd1 rw\n`;
  expect(mountOf("/data/state", lines)?.type).toBe("xfs");
  expect(mountOf("/data/st ate/x", lines)?.type).toBe("btrfs");
  expect(mountOf("/database", lines)?.type).toBe("ext4");
});

test("the real machine: every check has an answer, and no file stays", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lk-doctor-"));
  try {
    const found = await judged(realMachine(), folder);
    expect(found).toHaveLength(checks.length);
    expect(found.find(({ name }) => name === "flush")?.figures["smallWrites"]).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
    const { code, stdout } = await call("doctor", folder, "--seconds", "0.1");
    expect([0, 61]).toContain(code);
    expect(stdout.trim().split("\n")).toHaveLength(checks.length + 1);
    expect(stdout).toMatch(code === 0 ? /^fit/m : /^not fit: /m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([["/nowhere"], ["/dev/null"]])("%s is no directory", async (path) => {
  expect((await call("doctor", path)).code).toBe(2);
});
