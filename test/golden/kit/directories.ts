/**
 * Golden directories as disks. They are looked at where they lie through a disk that can do nothing
 * else, or copied into memory and changed there.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { z } from "zod";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { RealDisk } from "../../../src/disk/real/real.js";
import type { ReadableDisk } from "../../../src/disk/readable.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { sha256 } from "../../../src/wire/hash.js";
import { toHex } from "../../wire/bytes.js";
import { decimal, hexText } from "./cases.js";
import { member, weighted } from "./committees.js";
import { goldenDirectory } from "./golden.js";

const roads = z.strictObject({ first: decimal, next: decimal });
/** An epoch as golden files of directories write it, beside its members. */
export const epochShape = z.strictObject({
  index: decimal,
  roads,
  firstBlock: decimal,
  firstTimestamp: z.strictObject({ seconds: decimal, nanos: z.number() }),
});
export const committeeShape = z.object({ members: z.array(member).min(1), epoch: epochShape });

/** The epoch of a golden file, after `before` where that is given. */
export function epochOf({ members, epoch }: z.infer<typeof committeeShape>, before?: Epoch): Epoch {
  const { index } = epoch;
  const weights = weighted(members);
  return {
    index,
    firstRoad: epoch.roads.first,
    nextRoad: epoch.roads.next,
    committee: before ? before.committee.after(index, weights) : Committee.genesis(weights),
  };
}

const place = { file: z.string() };
/** A damage that a derived case does to a copy. */
export const changeShape = z.discriminatedUnion("op", [
  z.strictObject({ ...place, op: z.literal("truncate"), length: z.number() }),
  z.strictObject({ ...place, op: z.literal("flip"), byte: z.number(), bit: z.number() }),
  z.strictObject({ ...place, op: z.literal("zero") }),
  z.strictObject({ ...place, op: z.literal("remove") }),
]);
export type Change = z.infer<typeof changeShape>;

/** The contents of a directory, as its case lists them. The path of a directory ends with a slash. */
export const filesShape = z.array(
  z.strictObject({
    path: z.string(),
    size: z.number().optional(),
    sha256: hexText.optional(),
  }),
);

/** The golden directory holds what it is listed with, and nothing else. */
export function expectPristine(path: string, files: z.infer<typeof filesShape>): void {
  expect(namesUnder(path)).toEqual(files.map((file) => file.path).toSorted());
  for (const { path: name, size, sha256: digest } of files) {
    if (size === undefined) continue;
    const bytes = readFileSync(join(goldenDirectory, path, name));
    expect([name, bytes.length, toHex(sha256(bytes))]).toEqual([name, size, digest]);
  }
}

/** The part of `disk` that changes nothing, and no more, whatever a caller's types say. */
export function lookingOnly(disk: ReadableDisk): ReadableDisk {
  return {
    kind: (path) => disk.kind(path),
    list: (path) => disk.list(path),
    openToRead: async (path) => {
      const file = await disk.openToRead(path);
      return (
        file && {
          read: (position, length) => file.read(position, length),
          size: () => file.size(),
          close: () => file.close(),
        }
      );
    },
  };
}

export interface DirectoryOnDisk {
  readonly disk: ReadableDisk;
  readonly directory: string;
}

/**
 * Runs `check` on a golden directory where it lies. git keeps no empty directories: one that is
 * missing is an empty one, made for the time of the check.
 */
export async function inPlace(
  path: string,
  check: (found: DirectoryOnDisk) => Promise<void>,
): Promise<void> {
  const disk = lookingOnly(new RealDisk());
  const directory = join(goldenDirectory, path);
  if (existsSync(directory)) return await check({ disk, directory });
  const empty = mkdtempSync(join(tmpdir(), "golden-"));
  try {
    await check({ disk, directory: empty });
  } finally {
    rmSync(empty, { recursive: true });
  }
}

/** A copy of a golden directory in memory, at `target`, its parents included. */
export async function copied(path: string, target: string, disk = new MemoryDisk()) {
  const parents = target.split("/").slice(1);
  for (const at of parents.keys()) {
    const parent = `/${parents.slice(0, at + 1).join("/")}`;
    if ((await disk.kind(parent)) === undefined) await disk.makeDirectory(parent);
  }
  await copyInto(disk, join(goldenDirectory, path), target);
  return disk;
}

async function copyInto(disk: MemoryDisk, from: string, to: string): Promise<void> {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory()) {
      await disk.makeDirectory(target);
      await copyInto(disk, join(from, entry.name), target);
    } else {
      await putFile(disk, target, readFileSync(join(from, entry.name)));
    }
  }
}

export async function putFile(disk: MemoryDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.create(path);
  await file.writeDurable(0, [bytes]);
  await file.close();
}

/** A copy of a golden directory with one change, at `/copy`. */
export async function changed(path: string, change: Change): Promise<DirectoryOnDisk> {
  const directory = "/copy";
  const disk = await copied(path, directory);
  const target = `${directory}/${change.file}`;
  const file = await disk.openToRead(target);
  if (!file) throw new Error(`${path} has no file ${change.file}`);
  const bytes = await file.read(0, await file.size());
  await disk.remove(target);
  if (change.op !== "remove") await putFile(disk, target, damaged(bytes, change));
  return { disk: lookingOnly(disk), directory };
}

function damaged(bytes: Uint8Array, change: Change): Uint8Array {
  if (change.op === "truncate") return bytes.subarray(0, change.length);
  if (change.op !== "flip") return new Uint8Array(bytes.length);
  const flipped = Uint8Array.from(bytes);
  flipped[change.byte] = (flipped[change.byte] as number) ^ (1 << change.bit);
  return flipped;
}

/** The names under a golden directory, sorted; directories end with a slash. */
export function namesUnder(path: string, prefix = ""): readonly string[] {
  const directory = join(goldenDirectory, path);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${prefix}${entry.name}`;
      if (!entry.isDirectory()) return [name];
      return [`${name}/`, ...namesUnder(join(path, entry.name), `${name}/`)];
    })
    .toSorted();
}
