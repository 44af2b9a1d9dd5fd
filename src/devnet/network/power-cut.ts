/** A power cut, done to the files of a validator after its process was killed (`undo-disk.ts`). */
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Entry, entrySchema } from "../validator/store/undo-disk.js";

const SECTOR_BYTES = 512;

/** The fate of the writes that were not acknowledged before a power cut. */
export interface PowerCut {
  readonly lost: number;
  readonly torn: number;
  readonly kept: number;
}

/**
 * Does to the files what a power cut may do, after their process is gone: every write that was not
 * acknowledged is lost, torn at sectors, or kept, as `fraction` (draws from `[0, 1)`) decides.
 */
export async function cutPower(undoDirectory: string, fraction: () => number): Promise<PowerCut> {
  const counts = { lost: 0, torn: 0, kept: 0 };
  for (const name of undoNames(undoDirectory).toReversed()) {
    const undo = join(undoDirectory, name);
    const bytes = readFileSync(undo);
    const end = bytes.indexOf("\n");
    // The process died while it wrote the undo file: the write itself had not begun.
    if (end >= 0 && isWhole(bytes, end)) {
      const outcome = outcomeOf(fraction());
      counts[outcome] += 1;
      if (outcome !== "kept")
        await undoOne(undo, bytes, { end, isTorn: outcome === "torn", fraction });
    }
    unlinkSync(undo);
  }
  forgetUndo(undoDirectory);
  return counts;
}

/** Leaves all writes as they are: the process was killed, and the machine went on. */
export function forgetUndo(undoDirectory: string): void {
  rmSync(undoDirectory, { recursive: true, force: true });
}

function undoNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d+$/.test(name))
      .sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cause;
  }
}

function outcomeOf(fraction: number): keyof PowerCut {
  if (fraction < 0.4) return "lost";
  return fraction < 0.75 ? "torn" : "kept";
}

function entryOf(bytes: Buffer, end: number): Entry {
  return entrySchema.parse(JSON.parse(bytes.toString("utf8", 0, end)));
}

function isWhole(bytes: Buffer, end: number): boolean {
  const { position, size, length } = entryOf(bytes, end);
  return bytes.length - end - 1 === Math.min(length, Math.max(0, size - position));
}

interface Undoing {
  readonly end: number;
  readonly isTorn: boolean;
  readonly fraction: () => number;
}

async function undoOne(undo: string, bytes: Buffer, { end, isTorn, fraction }: Undoing) {
  const { kind, path, position, size, length } = entryOf(bytes, end);
  if (kind === "create") return rmSync(path, { force: true });
  if (kind === "remove") {
    if (existsSync(`${undo}.gone`)) renameSync(`${undo}.gone`, path);
    return;
  }
  const old = Buffer.alloc(length);
  bytes.copy(old, 0, end + 1);
  const file = await open(path, "r+");
  try {
    for (let at = 0; at < length; ) {
      const next = Math.min(length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
      if (!isTorn || fraction() < 0.5) await file.write(old, at, next - at, position + at);
      at = next;
    }
  } finally {
    await file.close();
  }
  if (!isTorn && position + length > size) truncateSync(path, size);
}
