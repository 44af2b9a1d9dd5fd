import { hash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DiskFile } from "../../src/disk/disk.js";
import { SECTOR_BYTES, SimulatedDisk, type Step } from "../../src/testing/simulated-disk.js";

/** A write that the test never lets finish; one that fails would show in its other assertions. */
const unfinished = (write: Promise<void>): void => {
  write.catch(() => {});
};
const PATH = "/file";
const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
const sectors = (count: number, byte: number): Uint8Array => filled(count * SECTOR_BYTES, byte);

/** A disk with one durable file whose name is durable too. */
async function diskWith(content: Uint8Array): Promise<{ disk: SimulatedDisk; file: DiskFile }> {
  const disk = new SimulatedDisk();
  const file = await disk.create(PATH);
  await file.writeDurable(0, [content]);
  await disk.syncDirectory("/");
  return { disk, file };
}

/** The contents of the file that power cuts leave; `undefined` where its name is gone. */
function cuts(disk: SimulatedDisk, max = 10_000, seed = 1): (Uint8Array | undefined)[] {
  return [...disk.powerCuts(seed, max)].map((after) => {
    return after.files().some(({ path }) => path === PATH) ? after.readNow(PATH) : undefined;
  });
}

/** Starts a write that does not finish. */
function startWrite(disk: SimulatedDisk, file: DiskFile, position: number, bytes: Uint8Array) {
  disk.hold();
  unfinished(file.writeDurable(position, [bytes]));
}

describe("a write on the simulated disk", () => {
  test("is visible once started, and durable once finished", async () => {
    const { disk, file } = await diskWith(filled(4, 1));
    disk.hold();
    let resolved = false;
    const write = file.writeDurable(0, [filled(4, 2)]).then(() => {
      resolved = true;
    });
    expect(disk.readNow(PATH)).toEqual(filled(4, 2));
    expect(cuts(disk).some((bytes) => bytes?.[0] === 1)).toBe(true);
    await disk.list("/");
    expect(resolved).toBe(false);
    disk.release();
    await write;
    expect(cuts(disk)).toEqual([filled(4, 2)]);
  });

  test("by a blocking call is durable when the call returns, whatever is held", async () => {
    const { disk, file } = await diskWith(filled(4, 1));
    disk.hold();
    const write = file.writeDurable(0, [filled(4, 2)], "blocking");
    expect(cuts(disk)).toEqual([filled(4, 2)]);
    await write;
  });

  test("by a blocking call is torn like any other, where the power fails inside the call", async () => {
    const { disk, file } = await diskWith(sectors(2, 1));
    disk.crashAt(disk.steps + 2);
    let resolved = false;
    unfinished(
      file.writeDurable(0, [sectors(2, 2)], "blocking").then(() => void (resolved = true)),
    );
    await disk.stopped;
    await new Promise((resolve) => setImmediate(resolve));
    expect(resolved).toBe(false);
    const left = cuts(disk).map((bytes) => bytes && [bytes[0], bytes[SECTOR_BYTES]].join());
    expect(left).toEqual(expect.arrayContaining(["1,1", "2,1", "2,2"]));
  });

  test("that lends bytes and changes them before it is settled is a defect of its caller", async () => {
    const { disk, file } = await diskWith(filled(4, 1));
    disk.hold();
    const lent = filled(4, 2);
    const write = file.writeDurable(0, [lent]);
    lent[0] = 3;
    disk.release();
    await expect(write).rejects.toThrow("lent bytes");
  });

  test("two in flight finish in any order", async () => {
    const { disk, file } = await diskWith(filled(2, 1));
    disk.hold();
    const first = file.writeDurable(0, [filled(1, 2)]);
    const second = file.writeDurable(1, [filled(1, 3)]);
    const [, held] = disk.held;
    expect(held && disk.finish(held.step)).toBe(true);
    await second;
    for (const bytes of cuts(disk)) expect(bytes?.[1]).toBe(3);
    expect(cuts(disk).some((bytes) => bytes?.[0] === 1)).toBe(true);
    disk.release();
    await first;
    expect(cuts(disk)).toEqual([Uint8Array.of(2, 3)]);
  });

  test("that is older and unfinished cannot harm a newer finished one over the same bytes", async () => {
    const { disk, file } = await diskWith(filled(3, 1));
    disk.hold();
    unfinished(file.writeDurable(0, [filled(3, 2)]));
    const second = file.writeDurable(1, [filled(1, 3)]);
    disk.finish(disk.held[1]?.step ?? 0);
    await second;
    for (const bytes of cuts(disk)) expect(bytes?.[1]).toBe(3);
    disk.release();
    await disk.list("/");
    await disk.list("/");
    expect(cuts(disk)).toEqual([Uint8Array.of(2, 3, 2)]);
  });

  test("keeps the bytes of the call: a change of the buffer afterwards does not show", async () => {
    const { disk, file } = await diskWith(filled(2, 1));
    const buffer = filled(2, 2);
    startWrite(disk, file, 0, buffer);
    buffer.fill(9);
    expect(disk.readNow(PATH)).toEqual(filled(2, 2));
  });
});

describe("a power cut on the simulated disk", () => {
  test("leaves first nothing of what is pending, then all of it", async () => {
    const { disk, file } = await diskWith(sectors(4, 1));
    startWrite(disk, file, 0, sectors(4, 2));
    const states = cuts(disk, 2);
    expect(states).toEqual([sectors(4, 1), sectors(4, 2)]);
  });

  test("without anything pending leaves one disk", async () => {
    const { disk } = await diskWith(sectors(1, 1));
    expect(cuts(disk)).toHaveLength(1);
  });

  test("cuts at every sector boundary and at odd bytes, with old bytes, zeros and junk behind", async () => {
    const { disk, file } = await diskWith(sectors(3, 1));
    startWrite(disk, file, 0, sectors(3, 2));
    const states = cuts(disk);
    const seen = new Set(
      states.map((bytes) => {
        const at = bytes?.findIndex((byte) => byte !== 2) ?? 0;
        const next = bytes?.[at];
        return `${at % SECTOR_BYTES === 0 ? at : "odd"}:${next === 1 ? "old" : next === 0 ? "zeros" : "junk"}`;
      }),
    );
    for (const at of ["512", "1024", "odd"]) {
      for (const fill of ["old", "zeros", "junk"]) expect(seen).toContain(`${at}:${fill}`);
    }
  });

  test("never touches bytes that were rewritten byte-identical in place", async () => {
    const { disk, file } = await diskWith(sectors(8, 1));
    startWrite(disk, file, 0, sectors(8, 1));
    expect(cuts(disk)).toEqual([sectors(8, 1)]);
  });

  test("harms differing sectors inside of the written range only", async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 2000 });
    const property = fc.asyncProperty(
      bytes,
      fc.nat(3000),
      fc.array(fc.nat(1999), { maxLength: 3 }),
      fc.nat(),
      async (written, position, kept, seed) => {
        const before = Uint8Array.from({ length: 4000 }, (_, index) => (index * 7) % 251);
        const { disk, file } = await diskWith(before);
        const next = before.slice(position, position + written.length);
        for (const index of kept) if (index < written.length) next[index] = written[index] ?? 0;
        startWrite(disk, file, position, next);
        for (const after of cuts(disk, 40, seed)) {
          expect(after).toHaveLength(before.length);
          for (let sector = 0; sector < before.length; sector += SECTOR_BYTES) {
            const from = Math.max(sector, position);
            const end = Math.min(sector + SECTOR_BYTES, position + next.length);
            const same = before
              .slice(from, end)
              .every((byte, i) => byte === next[from - position + i]);
            const changed: number[] = [];
            for (let index = sector; index < Math.min(sector + SECTOR_BYTES, 4000); index++) {
              const mayChange = !same && index >= from && index < end;
              if (!mayChange && after?.[index] !== before[index]) changed.push(index);
            }
            expect(changed).toEqual([]);
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test("reorders: the later of two writes may be there without the earlier", async () => {
    const { disk, file } = await diskWith(filled(1024, 1));
    disk.hold();
    unfinished(file.writeDurable(0, [filled(1, 2)]));
    unfinished(file.writeDurable(1000, [filled(1, 3)]));
    const seen = new Set(cuts(disk).map((bytes) => `${bytes?.[0]},${bytes?.[1000]}`));
    for (const pair of ["1,1", "2,1", "1,3", "2,3"]) expect(seen).toContain(pair);
  });

  test("may leave a grown file short, or long with zeros in it", async () => {
    const { disk, file } = await diskWith(sectors(1, 1));
    startWrite(disk, file, SECTOR_BYTES, sectors(2, 2));
    const lengths = new Set(cuts(disk).map((bytes) => bytes?.length));
    for (const length of [512, 1024, 1536]) expect(lengths).toContain(length);
    expect(cuts(disk).some((bytes) => bytes?.length === 1536 && bytes[1535] === 0)).toBe(true);
  });

  test("gives the same disks for the same seed, and no more than asked for", async () => {
    const { disk, file } = await diskWith(sectors(40, 1));
    startWrite(disk, file, 0, sectors(40, 2));
    unfinished(file.writeDurable(10_000, [sectors(9, 3)]));
    const hashes = (seed: number): readonly (string | undefined)[] =>
      cuts(disk, 50, seed).map((bytes) => bytes && hash("sha256", bytes));
    const states = hashes(7);
    expect(states).toHaveLength(50);
    expect(hashes(7)).toEqual(states);
    expect(hashes(8)).not.toEqual(states);
  });

  test("sees the disk as it was when asked, whatever happens later", async () => {
    const { disk, file } = await diskWith(filled(2, 1));
    startWrite(disk, file, 0, filled(2, 2));
    const later = disk.powerCuts(1, 10);
    disk.release();
    await disk.list("/");
    expect([...later].some((after) => after.readNow(PATH)[0] === 1)).toBe(true);
  });

  test("leaves a disk on which all that is there is durable", async () => {
    const { disk, file } = await diskWith(sectors(2, 1));
    startWrite(disk, file, 0, sectors(2, 2));
    for (const after of disk.powerCuts(1, 100)) {
      expect([...after.powerCuts(2, 100)].map((again) => again.readNow(PATH))).toEqual([
        after.readNow(PATH),
      ]);
    }
  });
});

describe("names on the simulated disk", () => {
  test("a new file may vanish although its bytes were flushed, until its directory is", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.create(PATH);
    await file.writeDurable(0, [filled(3, 1)]);
    expect(cuts(disk)).toEqual([undefined, filled(3, 1)]);
    await disk.syncDirectory("/");
    expect(cuts(disk)).toEqual([filled(3, 1)]);
  });

  test("a directory flush settles names, not the bytes of the files", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.create(PATH);
    disk.hold(({ change }) => change === "write");
    unfinished(file.writeDurable(0, [filled(3, 1)]));
    await disk.syncDirectory("/");
    expect(cuts(disk)[0]).toEqual(new Uint8Array(0));
  });

  test("a removed file may come back until its directory is flushed", async () => {
    const { disk } = await diskWith(filled(3, 1));
    await disk.remove(PATH);
    expect(cuts(disk)).toEqual([filled(3, 1), undefined]);
    await disk.syncDirectory("/");
    expect(cuts(disk)).toEqual([undefined]);
  });

  test("a file removed and made again under its name is the old, none, or the new", async () => {
    const { disk } = await diskWith(filled(3, 1));
    await disk.remove(PATH);
    await (await disk.create(PATH)).writeDurable(0, [filled(2, 2)]);
    const states = cuts(disk);
    expect(states).toHaveLength(3);
    expect(states).toEqual(expect.arrayContaining([filled(3, 1), undefined, filled(2, 2)]));
  });

  test("a directory may vanish with flushed entries in it, until its parent is flushed", async () => {
    const disk = new SimulatedDisk();
    await disk.makeDirectory("/sub");
    await (await disk.create("/sub/file")).close();
    await disk.syncDirectory("/sub");
    expect([...disk.powerCuts(1, 10)].map((after) => after.files().length)).toEqual([0, 1]);
  });

  test("a change made while a directory is flushed is not covered by that flush", async () => {
    const disk = new SimulatedDisk();
    await disk.create("/before");
    disk.hold();
    const flush = disk.syncDirectory("/");
    await disk.create("/after");
    disk.release();
    await flush;
    const names = [...disk.powerCuts(1, 10)].map((after) => after.files().map(({ path }) => path));
    expect(names).toEqual([["/before"], ["/after", "/before"]]);
  });
});

describe("a kill on the simulated disk", () => {
  test("leaves what was started visible and not durable, until it is written again", async () => {
    const { disk, file } = await diskWith(sectors(1, 1));
    startWrite(disk, file, 0, sectors(1, 2));
    const after = disk.kill();
    expect(after.readNow(PATH)).toEqual(sectors(1, 2));
    expect(cuts(after)[0]).toEqual(sectors(1, 1));
    const again = await after.openToWrite(PATH);
    await again?.writeDurable(0, [sectors(1, 2)]);
    expect(cuts(after)).toEqual([sectors(1, 2)]);
  });

  test("drops locks, and shares nothing with the disk that it came from", async () => {
    const { disk, file } = await diskWith(filled(1, 1));
    await file.lock();
    const after = disk.kill();
    const again = await after.openToWrite(PATH);
    await again?.lock();
    await again?.writeDurable(0, [filled(1, 9)]);
    expect(disk.readNow(PATH)).toEqual(filled(1, 1));
  });

  test("a world stopped before step n has made n - 1 steps, and nothing settles after", async () => {
    const steps: Step[] = [];
    const program = async (disk: SimulatedDisk): Promise<void> => {
      const file = await disk.create(PATH);
      await file.writeDurable(0, [filled(2, 1)]);
      await disk.syncDirectory("/");
      await file.close();
    };
    const whole = new SimulatedDisk({ onStep: (step) => steps.push(step) });
    await program(whole);
    expect(steps.map(({ change, phase }) => `${change} ${phase}`)).toEqual([
      "create whole",
      "write started",
      "write finished",
      "syncDirectory started",
      "syncDirectory finished",
    ]);
    for (let step = 1; step <= whole.steps; step++) {
      const disk = new SimulatedDisk();
      disk.crashAt(step);
      const end = await Promise.race([program(disk), disk.stopped.then(() => "stopped")]);
      expect(end).toBe("stopped");
      expect(disk.steps).toBe(step - 1);
      expect(disk.kill().files()).toHaveLength(step === 1 ? 0 : 1);
    }
  });
});

describe("faults of the simulated disk", () => {
  test("a failed flush leaves bytes visible that no other write makes durable", async () => {
    const { disk, file } = await diskWith(sectors(4, 1));
    disk.fail({ operation: "write", error: "EIO", effect: "visible-not-durable" });
    await expect(file.writeDurable(0, [sectors(1, 2)])).rejects.toMatchObject({ code: "IO" });
    expect(disk.readNow(PATH)[0]).toBe(2);
    await file.writeDurable(1024, [sectors(1, 3)]);
    await disk.syncDirectory("/");
    expect(cuts(disk)[0]?.[0]).toBe(1);
    expect(cuts(disk)[0]?.[1024]).toBe(3);
    await file.writeDurable(0, [sectors(1, 2)]);
    for (const bytes of cuts(disk)) expect(bytes?.[0]).toBe(2);
  });

  test("effects: nothing of the write, or its first half", async () => {
    const { disk, file } = await diskWith(filled(4, 1));
    disk.fail({ operation: "write", effect: "nothing" });
    await expect(file.writeDurable(0, [filled(4, 2)])).rejects.toThrow();
    expect(disk.readNow(PATH)).toEqual(filled(4, 1));
    disk.fail({ operation: "write", effect: "torn" });
    await expect(file.writeDurable(0, [filled(4, 2)])).rejects.toThrow();
    expect(disk.readNow(PATH)).toEqual(Uint8Array.of(2, 2, 1, 1));
  });

  test("the n-th matching call fails, once or from then on, by path", async () => {
    const { disk, file } = await diskWith(filled(1, 1));
    disk.fail({ operation: "read", nth: 2, path: "file" });
    disk.fail({ operation: "read", path: "other" });
    await file.read(0, 1);
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: "IO", file: PATH });
    await file.read(0, 1);
    disk.fail({ operation: "read", nth: 2, mode: "from-then-on" });
    await file.read(0, 1);
    await expect(file.read(0, 1)).rejects.toThrow();
    await expect(file.read(0, 1)).rejects.toThrow();
    disk.heal();
    await file.read(0, 1);
  });

  test.each([
    ["ENOSPC", "DISK_FULL"],
    ["EROFS", "READ_ONLY"],
    ["EACCES", "READ_ONLY"],
    ["EMFILE", "IO"],
    ["EIO", "IO"],
  ] as const)("%s is told as %s", async (error, code) => {
    const disk = new SimulatedDisk();
    disk.fail({ operation: "create", error });
    await expect(disk.create(PATH)).rejects.toMatchObject({ code, file: PATH });
    expect(disk.files()).toEqual([]);
  });

  test("a failed directory flush leaves names that may be lost", async () => {
    const disk = new SimulatedDisk();
    await disk.create(PATH);
    disk.fail({ operation: "syncDirectory" });
    await expect(disk.syncDirectory("/")).rejects.toMatchObject({ code: "IO" });
    expect(cuts(disk)[0]).toBeUndefined();
  });

  test("a full disk refuses to grow a file, takes what fits, and still overwrites in place", async () => {
    const { disk, file } = await diskWith(filled(100, 1));
    disk.capacityBytes = 110;
    await expect(file.writeDurable(100, [filled(20, 2)])).rejects.toMatchObject({
      code: "DISK_FULL",
    });
    expect(await file.size()).toBe(110);
    await file.writeDurable(0, [filled(100, 3)]);
    await disk.remove(PATH);
    expect(disk.usedBytes).toBe(0);
  });

  test("damage is durable", async () => {
    const { disk } = await diskWith(filled(4, 1));
    disk.damage(PATH, 2, filled(1, 9));
    expect(cuts(disk)).toEqual([Uint8Array.of(1, 1, 9, 1)]);
    disk.shorten(PATH, 3);
    expect(cuts(disk)).toEqual([Uint8Array.of(1, 1, 9)]);
  });
});

test("5000 crash states of a 4 MiB file are made and read in a few seconds of processor time", async () => {
  const { disk, file } = await diskWith(filled(4 * 1024 * 1024, 1));
  disk.hold();
  for (let index = 0; index < 8; index++) {
    unfinished(file.writeDurable(index * 20_000, [filled(9000, 2)]));
  }
  const began = process.cpuUsage();
  let states = 0;
  for (const after of disk.powerCuts(3, 5000)) {
    const reader = await after.openToRead(PATH);
    await reader?.read(0, 160_000);
    states++;
  }
  expect(states).toBe(5000);
  const { user, system } = process.cpuUsage(began);
  expect(user + system).toBeLessThan(30_000_000);
});

test("a directory is renamed in one step: a power cut leaves both names as they were, or both changed", async () => {
  const disk = new SimulatedDisk();
  for (const name of ["a", "other"]) await disk.makeDirectory(name);
  await disk.syncDirectory("");
  await disk.rename("a", "b");
  await disk.makeDirectory("c");
  const left = new Set<string>();
  for (const cut of disk.powerCuts(1, 20)) {
    left.add(((await cut.list("")) ?? []).map(({ name }) => name).join(" "));
  }
  expect([...left].sort()).toEqual(["a c other", "a other", "b c other", "b other"]);
  await expect(disk.rename("b", "other")).rejects.toThrow("EEXIST");
  await disk.syncDirectory("");
  for (const cut of disk.powerCuts(1, 20)) expect(await cut.kind("a")).toBeUndefined();
});
