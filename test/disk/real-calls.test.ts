/**
 * The flushes that the real disk asks of the system. Without one of them a file reads the same until the
 * power goes, so that no other test misses it.
 */
import * as fs from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hasSyncFlag } from "../../src/disk/real/flush.js";
import type * as ofDisk from "../../src/disk/real/real.js";
import type * as ofFile from "../../src/disk/real/real-file.js";

const flushes = ["fdatasync", "fdatasyncSync"] as const;
type Flush = (fd: number, done?: (cause: Error | null) => void) => unknown;

/** The flushes that have ended: the call, and the path behind its descriptor. */
let ended: string[] = [];
let folder = "";
let RealDisk: typeof ofDisk.RealDisk;
let RealFile: typeof ofFile.RealFile;

/** `flush`, which notes its end some milliseconds after the system has ended it. */
function noted(name: string, flush: Flush): Flush {
  return (fd, done) => {
    const note = `${name} ${fs.readlinkSync(`/proc/self/fd/${fd}`)}`;
    if (done === undefined) {
      flush(fd);
      return ended.push(note);
    }
    return flush(fd, (cause) => {
      setTimeout(() => {
        ended.push(note);
        done(cause);
      }, 5);
    });
  };
}

const system = createRequire(import.meta.url)("node:fs") as Record<string, Flush>;
const kept = flushes.map((name) => [name, system[name] as Flush] as const);
/** The methods of each handle, and its flush. */
let handles: FileHandle;
let flushHandle: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lanekeeper-flushes-"));
  const handle = await open(folder);
  handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  flushHandle = Reflect.get(handles, "sync");
  handles.sync = async function (this: FileHandle) {
    const path = fs.readlinkSync(`/proc/self/fd/${this.fd}`);
    await flushHandle.call(this);
    await sleep(5);
    ended.push(`fsync ${path}`);
  };
  for (const [name, flush] of kept) system[name] = noted(name, flush);
  syncBuiltinESMExports();
  // Instances of their own: modules take most calls of the system when they are loaded.
  const own = (name: string): Promise<unknown> => import(`../../src/disk/real/${name}.ts?flushes`);
  ({ RealDisk } = (await own("real")) as typeof ofDisk);
  ({ RealFile } = (await own("real-file")) as typeof ofFile);
});
afterAll(async () => {
  for (const [name, flush] of kept) system[name] = flush;
  syncBuiltinESMExports();
  handles.sync = flushHandle;
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  ended = [];
});

test("a directory is flushed when the call resolves", async () => {
  await new RealDisk().syncDirectory(folder);
  expect(ended).toEqual([`fsync ${folder}`]);
});

test.each(["pool", "blocking"] as const)(
  "where no write is durable by itself, it is flushed when the call resolves (%s)",
  async (way) => {
    const path = join(folder, `flushed-${way}`);
    const file = new RealFile(path, fs.openSync(path, "w+"), "fdatasync");
    await file.writeDurable(0, [Uint8Array.of(1, 2, 3)], way);
    expect(ended).toEqual([`${way === "pool" ? "fdatasync" : "fdatasyncSync"} ${path}`]);
    await file.close();
  },
);

test("a file that is made, and one that is opened to write, have durable writes", async () => {
  const disk = new RealDisk();
  const path = join(folder, "synced");
  for (const file of [await disk.create(path), await disk.openToWrite(path)]) {
    const [fd] = fs
      .readdirSync("/proc/self/fd")
      .filter((each) => fs.existsSync(`/proc/self/fd/${each}`))
      .filter((each) => fs.readlinkSync(`/proc/self/fd/${each}`) === path);
    expect(hasSyncFlag(Number(fd))).toBe(disk.durability === "O_DSYNC");
    await file?.close();
  }
});
