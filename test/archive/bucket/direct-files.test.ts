import { constants } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DirectFiles, PIECE_BYTES } from "../../../src/archive/bucket/direct-files.js";
import { ObjectFiles } from "../../../src/archive/bucket/object-files.js";
import { RealDisk } from "../../../src/disk/real/real.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lanekeeper-direct-"));
});
afterEach(() => rm(root, { recursive: true }));

/** No two pieces and no two blocks of these are the same. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

/** A file system that refuses calls past the cache: at the open, or at the first write or read. */
function refusing(moment: "open" | "move", asked: string[] = []): typeof open {
  return async (path, flags, mode) => {
    asked.push(String(path));
    const refusal = Object.assign(new Error("EINVAL"), { code: "EINVAL" });
    if (moment === "open") throw refusal;
    const file = await open(path, Number(flags) & ~constants.O_DIRECT, mode);
    file.write = () => Promise.reject(refusal);
    file.read = () => Promise.reject(refusal);
    return file;
  };
}

const lengths = [
  0,
  1,
  4096,
  PIECE_BYTES,
  PIECE_BYTES + 1,
  2 * PIECE_BYTES + 4096,
  3 * PIECE_BYTES - 1,
];

test("a file is written and read byte for byte, whatever its length is", async () => {
  const files = new ObjectFiles(new RealDisk());
  const disk = new RealDisk();
  for (const length of lengths) {
    const path = join(root, String(length));
    const bytes = bytesOf(length);
    await files.write(path, bytes);
    expect((await readFile(path)).equals(bytes), `${length} bytes`).toBe(true);
    const file = await disk.openToRead(path);
    const parts: Buffer[] = [];
    const take = (piece: Uint8Array): boolean => parts.push(Buffer.from(piece)) > 0;
    expect(await file?.read(0, 1)).toEqual(bytes.subarray(0, 1));
    if (file) expect(await files.pieces(file, length, take)).toBe(true);
    expect(Buffer.concat(parts).equals(bytes), `${length} bytes`).toBe(true);
    await file?.close();
  }
});

test("a file that is there already is not written", async () => {
  const path = join(root, "x");
  await writeFile(path, "older");
  const written = new DirectFiles().write(path, bytesOf(PIECE_BYTES));
  await expect(written).rejects.toMatchObject({ code: "IO", file: path });
  expect(await readFile(path, "utf8")).toBe("older");
});

test("a file system that refuses the way past the cache is asked once, and nothing of it is left", async () => {
  for (const moment of ["open", "move"] as const) {
    const asked: string[] = [];
    const files = new DirectFiles(refusing(moment, asked));
    expect(await files.write(join(root, "x"), bytesOf(PIECE_BYTES)), moment).toBe(false);
    expect(await files.write(join(root, "y"), bytesOf(PIECE_BYTES)), moment).toBe(false);
    expect(asked).toEqual([join(root, "x")]);
    expect(await readdir(root)).toEqual([]);
  }
});

test("a read that is refused is told as such", async () => {
  await writeFile(join(root, "x"), bytesOf(PIECE_BYTES));
  const files = new DirectFiles(refusing("move"));
  expect(await files.read(join(root, "x"), PIECE_BYTES, () => true)).toBeUndefined();
});

test("a file of another length is not read as a whole", async () => {
  const path = join(root, "x");
  const files = new DirectFiles();
  await files.write(path, bytesOf(2 * PIECE_BYTES));
  expect(await files.read(path, PIECE_BYTES + 1, () => true)).toBeUndefined();
  await truncate(path, PIECE_BYTES);
  expect(await files.read(path, 2 * PIECE_BYTES, () => true)).toBeUndefined();
});
