/**
 * A disk whose unacknowledged writes can be taken back: it is a disk, and it takes back just those.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cutPower, forgetUndo } from "../../../../src/devnet/network/power-cut.js";
import { UndoDisk } from "../../../../src/devnet/validator/store/undo-disk.js";
import type { Disk, DiskFile } from "../../../../src/disk/disk.js";
import { RealDisk } from "../../../../src/disk/real/real.js";
import { diskContract } from "../../../disk/contract.js";

const made: string[] = [];
async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lanekeeper-undo-"));
  made.push(directory);
  return directory;
}
afterAll(async () => {
  await Promise.all(made.map((directory) => rm(directory, { recursive: true })));
});

diskContract("undo disk", async () => {
  const directory = await newDirectory();
  return { disk: new UndoDisk(new RealDisk(), join(await newDirectory(), "undo")), directory };
});

/** A real disk on which writes happen and are never told to be durable. */
class DyingDisk extends RealDisk {
  override async openToWrite(path: string): Promise<DiskFile | undefined> {
    const file = await super.openToWrite(path);
    if (file === undefined) return undefined;
    const writeDurable = async (position: number, buffers: readonly Uint8Array[]) => {
      await file.writeDurable(position, buffers);
      this.written();
      await new Promise(() => undefined);
    };
    return new Proxy(file, {
      get: (target, name) => {
        if (name === "writeDurable") return writeDurable;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
  written: () => void = () => undefined;
}

const SECTORS = 4;
const old = Buffer.alloc(SECTORS * 512, "o");

/** A file of four sectors, of which the middle is being overwritten when the process dies. */
async function dyingWrite(position: number, bytes: Uint8Array) {
  const directory = await newDirectory();
  const undo = join(directory, "undo");
  const path = join(directory, "file");
  await writeFile(path, old);
  const dying = new DyingDisk();
  const disk: Disk = new UndoDisk(dying, undo);
  const file = await disk.openToWrite(path);
  const written = new Promise<void>((resolve) => {
    dying.written = resolve;
  });
  file!.writeDurable(position, [bytes]).catch(() => undefined);
  await written;
  return { path, undo };
}

const fixed = (fraction: number) => () => fraction;
const LOST = 0;
const KEPT = 0.99;

describe("a power cut", () => {
  test("takes back a write that was not acknowledged", async () => {
    const { path, undo } = await dyingWrite(512, Buffer.alloc(1024, "n"));
    expect((await readFile(path)).subarray(512, 1536).toString()).toBe("n".repeat(1024));
    expect(await cutPower(undo, fixed(LOST))).toEqual({ lost: 1, torn: 0, kept: 0 });
    expect(await readFile(path)).toEqual(old);
    expect(await cutPower(undo, fixed(LOST))).toEqual({ lost: 0, torn: 0, kept: 0 });
  });

  test("takes back a write that made the file longer", async () => {
    const { path, undo } = await dyingWrite(1500, Buffer.alloc(3000, "n"));
    await cutPower(undo, fixed(LOST));
    expect(await readFile(path)).toEqual(old);
  });

  test("may keep it", async () => {
    const { path, undo } = await dyingWrite(512, Buffer.alloc(1024, "n"));
    expect(await cutPower(undo, fixed(KEPT))).toEqual({ lost: 0, torn: 0, kept: 1 });
    expect((await readFile(path)).subarray(512, 1536).toString()).toBe("n".repeat(1024));
  });

  test("may tear it, at sectors only", async () => {
    const { path, undo } = await dyingWrite(300, Buffer.alloc(1200, "n"));
    const draws = [0.5, 0.9, 0.1, 0.9, 0.1];
    expect(await cutPower(undo, () => draws.shift() ?? 0)).toEqual({ lost: 0, torn: 1, kept: 0 });
    const text = (await readFile(path)).toString();
    expect(text).toBe(
      "o".repeat(300) + "n".repeat(212) + "o".repeat(512) + "n".repeat(476) + "o".repeat(548),
    );
  });

  test("touches nothing that was acknowledged", async () => {
    const directory = await newDirectory();
    const undo = join(directory, "undo");
    const disk = new UndoDisk(new RealDisk(), undo);
    const file = await disk.create(join(directory, "file"));
    await file.writeDurable(0, [Buffer.from("durable")]);
    await disk.syncDirectory(directory);
    await file.close();
    expect(await readdir(undo)).toEqual([]);
    expect(await cutPower(undo, fixed(LOST))).toEqual({ lost: 0, torn: 0, kept: 0 });
    expect((await readFile(join(directory, "file"))).toString()).toBe("durable");
  });

  test("forgets names whose directory was not flushed", async () => {
    const directory = await newDirectory();
    const undo = join(directory, "undo");
    await writeFile(join(directory, "gone"), "was here");
    const disk = new UndoDisk(new RealDisk(), undo);
    await (await disk.create(join(directory, "made"))).close();
    await disk.remove(join(directory, "gone"));
    expect(await disk.kind(join(directory, "gone"))).toBeUndefined();
    expect(await cutPower(undo, fixed(LOST))).toEqual({ lost: 2, torn: 0, kept: 0 });
    expect(await readdir(directory)).toEqual(["gone"]);
    expect((await readFile(join(directory, "gone"))).toString()).toBe("was here");
  });

  test("a kill alone takes nothing back", async () => {
    const { path, undo } = await dyingWrite(512, Buffer.alloc(1024, "n"));
    forgetUndo(undo);
    expect((await readFile(path)).subarray(512, 1536).toString()).toBe("n".repeat(1024));
  });
});
