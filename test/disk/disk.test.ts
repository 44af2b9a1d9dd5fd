import * as fs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { diskError, osError } from "../../src/disk/failure.js";
import { durabilityOf, hasSyncFlag } from "../../src/disk/real/flush.js";
import {
  BUFFERS_PER_CALL_MAX,
  readFully,
  writeFully,
  writeFullyBlocking,
} from "../../src/disk/real/positional.js";
import { MemoryDisk } from "../../src/disk/memory.js";
import { RealDisk } from "../../src/disk/real/real.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { diskContract } from "./contract.js";

const made: string[] = [];
const newDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "lanekeeper-disk-"));
  made.push(directory);
  return directory;
};
afterAll(async () => {
  await Promise.all(made.map((directory) => rm(directory, { recursive: true })));
});

diskContract("simulated disk", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("/state");
  return { disk, directory: "/state" };
});
diskContract("disk in memory", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("state");
  return { disk, directory: "state" };
});
diskContract("real disk", async () => ({ disk: new RealDisk(), directory: await newDirectory() }));
diskContract("real disk with fdatasync", async () => {
  return { disk: new RealDisk({ durability: "fdatasync" }), directory: await newDirectory() };
});

describe("real disk", () => {
  test.each(["O_DSYNC", "fdatasync"] as const)(
    "a blocking write is over when the call returns (%s)",
    async (durability) => {
      const path = join(await newDirectory(), "file");
      const file = await new RealDisk({ durability }).create(path);
      let isSettled = false;
      const write = file.writeDurable(0, [Buffer.from("abc")], "blocking").then(() => {
        isSettled = true;
      });
      expect(fs.readFileSync(path, "utf8")).toBe("abc");
      await Promise.race([write, new Promise((resolve) => setImmediate(resolve))]);
      expect(isSettled).toBe(true);
      await file.close();
    },
  );

  test("durability is O_DSYNC where the system has it, and macOS flushes apart", () => {
    expect(durabilityOf("linux")).toBe(fs.constants.O_DSYNC ? "O_DSYNC" : "fdatasync");
    expect(durabilityOf("darwin")).toBe("fdatasync");
  });

  test.runIf(process.platform === "linux")(
    "O_DSYNC is seen on the descriptor, or its lack",
    async () => {
      const path = join(await newDirectory(), "file");
      const synced = fs.openSync(
        path,
        fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_DSYNC,
      );
      const plain = fs.openSync(path, fs.constants.O_RDWR);
      expect(hasSyncFlag(synced)).toBe(true);
      expect(hasSyncFlag(plain)).toBe(false);
      fs.closeSync(synced);
      fs.closeSync(plain);
    },
  );

  test("a lock held by another process is refused, and goes with that process", async () => {
    const path = join(await newDirectory(), "STORE");
    const disk = new RealDisk();
    const file = await disk.create(path);
    const holder = spawn(process.execPath, ["-e", lockAndWait, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    await expect(file.lock()).rejects.toMatchObject({ code: "STORE_LOCKED", file: path });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await file.lock();
    await file.close();
  });

  test("a symbolic link is what it leads to; one to nowhere, or in a circle, is something else", async () => {
    const directory = await newDirectory();
    const disk = new RealDisk();
    fs.mkdirSync(join(directory, "folder"));
    fs.writeFileSync(join(directory, "plain"), "text");
    const targets = { a: "folder", b: "plain", c: "nowhere", d: "d" };
    for (const [name, target] of Object.entries(targets)) {
      fs.symlinkSync(target, join(directory, name));
    }
    const listed = await disk.list(directory);
    expect(listed?.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      "a directory",
      "b file",
      "c other",
      "d other",
      "folder directory",
      "plain file",
    ]);
    for (const [name, kind] of [
      ["a", "directory"],
      ["b", "file"],
      ["c", "other"],
    ] as const) {
      expect(await disk.kind(join(directory, name))).toBe(kind);
    }
    await expect(disk.kind(join(directory, "d"))).rejects.toMatchObject({ code: "IO" });
    expect(await disk.list(join(directory, "a"))).toEqual([]);
    await disk.syncDirectory(join(directory, "a"));
  });

  test("holes and second names of a file are told", async () => {
    const path = join(await newDirectory(), "file");
    const file = await new RealDisk().create(path);
    await file.writeDurable(0, [new Uint8Array(64 * 1024)]);
    const { sizeBytes, heldBytes, names } = await file.facts();
    expect({ sizeBytes, names, isHeld: heldBytes >= sizeBytes }).toEqual({
      sizeBytes: 64 * 1024,
      names: 1,
      isHeld: true,
    });
    fs.linkSync(path, `${path}-too`);
    fs.truncateSync(path, 128 * 1024);
    const later = await file.facts();
    expect(later.names).toBe(2);
    expect(later.heldBytes).toBeLessThan(later.sizeBytes);
    await file.close();
  });
});

test("a file has another origin than its copy, and the same in every handle", async () => {
  const path = join(await newDirectory(), "file");
  const disk = new RealDisk();
  const file = await disk.create(path);
  await file.writeDurable(0, [Buffer.from("text")]);
  fs.copyFileSync(path, `${path}-copy`);
  const copy = await disk.openToRead(`${path}-copy`);
  const again = await disk.openToRead(path);
  const origin = await file.origin();
  expect(origin.inode).toBeGreaterThan(0n);
  expect(await again?.origin()).toEqual(origin);
  expect(await copy?.origin()).not.toEqual(origin);
  await Promise.all([file.close(), copy?.close(), again?.close()]);
});

test("the origin of a file is the same from its first moment on, whatever changes", async () => {
  const directory = await newDirectory();
  // The clock of a file system ticks some milliseconds apart, and each of these may be made within one tick.
  for (const name of ["a", "b", "c", "d", "e"]) {
    const file = await new RealDisk().create(join(directory, name));
    const origin = await file.origin();
    await expect.poll(() => changedLater(file.path)).toBe(true);
    expect(await file.origin()).toEqual(origin);
    await file.close();
  }
});

/** Changes a file; whether its file system tells this time from its birth. A birth of 0 is one that is not kept. */
function changedLater(path: string): boolean {
  fs.chmodSync(path, 0o600);
  const { birthtimeNs, ctimeNs } = fs.statSync(path, { bigint: true });
  return birthtimeNs !== ctimeNs;
}

describe("what the system refuses", () => {
  const told = (action: string, error: Error) => diskError(action, "there", error);

  test("each errno that an operator can do something about has its advice", () => {
    const advised = "ENOSPC EDQUOT EROFS EACCES EPERM EMFILE ENFILE EIO EFBIG ENOLCK ELOOP ESTALE";
    for (const code of [...advised.split(" "), "ERR_ACCESS_DENIED"]) {
      expect(told("write", osError(code)).message).not.toContain("see the cause");
    }
  });

  test("a file system that cannot flush a directory, or lock, is named as what it is", () => {
    for (const code of ["EINVAL", "ENOTSUP", "ENOSYS"]) {
      expect(told("flush a directory", osError(code)).message).toContain(
        "does not flush directories",
      );
      expect(told("lock the file", osError(code)).message).toContain("has no locks");
      expect(told("write 3 bytes", osError(code)).message).toContain("see the cause");
    }
  });

  test("a flush that Node's permission model forbids is told as that: no right would allow it", () => {
    const { code, message } = told("flush a directory", osError("ERR_ACCESS_DENIED"));
    expect([code, message]).toEqual(["IO", expect.stringContaining("forbids each flush")]);
    expect(told("create a file", osError("ERR_ACCESS_DENIED")).code).toBe("READ_ONLY");
  });

  test("an errno that Node knows by number alone is named", () => {
    const unknown = osError(`Unknown system error -${constants.errno.ENOLCK}`);
    expect(told("lock the file", unknown).message).toMatch(/: ENOLCK \(.*no locks/);
  });
});

const lockAndWait = `
  const fd = require("node:fs").openSync(process.argv[1], "r+");
  if (!require("fs-native-extensions").tryLock(fd)) process.exit(1);
  console.log("locked");
  setInterval(() => {}, 1000);
`;

describe("positional reads and writes", () => {
  test("short writes go on until all is written, whatever the system takes at a time", async () => {
    const buffers = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(buffers, fc.array(fc.integer({ min: 1, max: 30 })), async (given, takes) => {
        const target = Buffer.alloc(1000);
        let call = 0;
        const writev = ((_fd: number, list: Uint8Array[], position: number, done: WritevDone) => {
          const take = takes[call++ % Math.max(1, takes.length)] ?? 7;
          const part = Buffer.concat(list).subarray(0, take);
          target.set(part, position);
          done(null, part.length);
        }) as typeof fs.writev;
        const writevSync = (_fd: number, list: readonly NodeJS.ArrayBufferView[], at?: unknown) => {
          let written = 0;
          writev(0, list, Number(at), (_cause, count) => (written = count));
          return written;
        };
        const all = Buffer.concat(given);
        await writeFully({ writev }, 0, 10, given);
        expect(target.subarray(10, 10 + all.length).equals(all)).toBe(true);
        writeFullyBlocking({ writevSync }, 0, 500, given);
        expect(target.subarray(500, 500 + all.length).equals(all)).toBe(true);
      }),
    );
  });

  test("no call gets more buffers than the system takes", async () => {
    const counts: number[] = [];
    const writev = ((_fd: number, list: Uint8Array[], _position: number, done: WritevDone) => {
      counts.push(list.length);
      queueMicrotask(() => done(null, list.length));
    }) as typeof fs.writev;
    await writeFully(
      { writev },
      0,
      0,
      Array.from({ length: 2500 }, () => Uint8Array.of(1)),
    );
    expect(counts).toEqual([BUFFERS_PER_CALL_MAX, BUFFERS_PER_CALL_MAX, 452]);
  });

  test("a write that takes nothing fails instead of going round for ever", async () => {
    const writev = ((_fd: number, _list: Uint8Array[], _position: number, done: WritevDone) => {
      queueMicrotask(() => done(null, 0));
    }) as typeof fs.writev;
    await expect(writeFully({ writev }, 0, 0, [Uint8Array.of(1)])).rejects.toThrow("wrote nothing");
    const blocking = () => writeFullyBlocking({ writevSync: () => 0 }, 0, 0, [Uint8Array.of(1)]);
    expect(blocking).toThrow("wrote nothing");
  });

  test("short reads go on until the end of the file", async () => {
    const source = Uint8Array.from({ length: 50 }, (_, index) => index);
    const read = ((
      _fd: number,
      into: Uint8Array,
      offset: number,
      length: number,
      position: number,
      done: (cause: null, count: number) => void,
    ) => {
      const part = source.subarray(position, position + Math.min(length, 3));
      into.set(part, offset);
      queueMicrotask(() => done(null, part.length));
    }) as typeof fs.read;
    expect(await readFully({ read }, 0, 5, new Uint8Array(100))).toEqual(source.subarray(5));
    expect(await readFully({ read }, 0, 5, new Uint8Array(10))).toEqual(source.subarray(5, 15));
  });
});

type WritevDone = (cause: null, written: number) => void;
