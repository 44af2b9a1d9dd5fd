/**
 * The bytes that a power cut may leave of one write. A device writes sectors, so damage is confined to the
 * sectors of the write's range whose new bytes differ from the durable ones: to write durable bytes
 * again, byte-identical and in place, never changes anything, and bytes outside of the range never
 * change.
 *
 *   range     |  same  |  differs  |  same  |  differs   |
 *   runs               |== run 0 ==|        |== run 1 ===|
 *   cut at 7           |new new new|        |new|  fill  |
 */
import { bytesOf, type Content, withBytes } from "./content.js";
import { type Random, seededRandom } from "./random.js";
import type { Fragment, PendingWrite } from "./world.js";

/** The unit that a device writes whole. */
export const SECTOR_BYTES = 512;

/** The bytes behind the cut: those that were durable, zeros, or anything. */
const fills = ["old", "zeros", "junk"] as const;
type Fill = (typeof fills)[number];

/** `at` counts the bytes of all runs together. */
export type Tear =
  | { readonly kind: "dropped" }
  | { readonly kind: "there" }
  | { readonly kind: "cut"; readonly at: number; readonly fill: Fill; readonly seed: number }
  | { readonly kind: "scattered"; readonly seed: number };

/** A pending write with the parts of it that a power cut can harm. */
export interface Tearable {
  readonly write: PendingWrite;
  readonly runs: readonly Fragment[];
  readonly length: number;
}

export function tearable(durable: Content, write: PendingWrite): Tearable {
  const runs = write.fragments.flatMap((fragment) => differing(durable, fragment));
  return { write, runs, length: runs.reduce((sum, run) => sum + run.bytes.length, 0) };
}

/** How many tears `allTears` gives, at most, without making them. */
export function tearCountMax(target: Tearable): number {
  return 2 + 6 * (sectorsOf(target.runs).length + 1);
}

/** Dropped, there, and every cut at a sector boundary and at one odd byte in every sector. */
export function allTears(target: Tearable, seed: number): readonly Tear[] {
  const tears: Tear[] = [{ kind: "dropped" }, { kind: "there" }];
  let at = 0;
  for (const sector of sectorsOf(target.runs)) {
    for (const fill of fills) {
      if (at > 0 || fill !== "old") tears.push({ kind: "cut", at, fill, seed });
      const odd = at + Math.min(sector.bytes.length - 1, 1 + ((seed + at) % 510));
      if (odd > at) tears.push({ kind: "cut", at: odd, fill, seed });
    }
    at += sector.bytes.length;
  }
  return tears;
}

/** One tear, chosen by `random`. */
export function someTear(target: Tearable, random: Random): Tear {
  const dice = random.below(20);
  const seed = random.below(2 ** 31);
  if (dice < 5) return { kind: "dropped" };
  if (dice < 10) return { kind: "there" };
  if (dice < 12) return { kind: "scattered", seed };
  const fill = fills[random.below(fills.length)] ?? "old";
  const at = random.below(target.length);
  return { kind: "cut", at: dice < 16 ? sectorCut(target.runs, at) : at, fill, seed };
}

/** `content` after the power cut; `durable` is what lay there before any pending write. */
export function applyTear(
  content: Content,
  durable: Content,
  target: Tearable,
  tear: Tear,
): Content {
  if (tear.kind === "dropped") return content;
  if (tear.kind === "there") return put(content, target.write.fragments);
  const random = seededRandom(tear.seed);
  if (tear.kind === "scattered") {
    return put(
      content,
      sectorsOf(target.runs).flatMap((sector) => scattered(sector, random)),
    );
  }
  let left = tear.at;
  let next = content;
  for (const run of target.runs) {
    const kept = Math.min(left, run.bytes.length);
    next = put(next, [{ position: run.position, bytes: run.bytes.subarray(0, kept) }]);
    const behind = part(run, kept, run.bytes.length);
    next = put(next, [filled(durable, behind, tear.fill, random)]);
    left -= kept;
  }
  return next;
}

function scattered(sector: Fragment, random: Random): readonly Fragment[] {
  const dice = random.below(6);
  if (dice < 2) return [];
  if (dice < 4) return [sector];
  const bytes =
    dice === 4 ? new Uint8Array(sector.bytes.length) : junk(sector.bytes.length, random);
  return [{ position: sector.position, bytes }];
}

/** The range of `written`, with what the fill puts there instead. */
function filled(durable: Content, written: Fragment, fill: Fill, random: Random): Fragment {
  const { position } = written;
  const { length } = written.bytes;
  if (fill === "old") return { position, bytes: bytesOf(durable, position, length) };
  return { position, bytes: fill === "zeros" ? new Uint8Array(length) : junk(length, random) };
}

function put(content: Content, fragments: readonly Fragment[]): Content {
  return fragments.reduce((next, { position, bytes }) => withBytes(next, position, bytes), content);
}

/** The parts of a fragment in sectors that differ from `durable`, neighbours joined. */
function differing(durable: Content, fragment: Fragment): Fragment[] {
  const held = bytesOf(durable, fragment.position, fragment.bytes.length);
  const runs: { from: number; end: number }[] = [];
  for (const { from, end } of sectorRanges(fragment)) {
    const past = end > held.length; // Also zeros are news where the file ended before.
    const same =
      !past && Buffer.compare(fragment.bytes.subarray(from, end), held.subarray(from, end)) === 0;
    if (same) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.end === from) last.end = end;
    else runs.push({ from, end });
  }
  return runs.map(({ from, end }) => part(fragment, from, end));
}

function sectorsOf(runs: readonly Fragment[]): Fragment[] {
  return runs.flatMap((run) => sectorRanges(run).map(({ from, end }) => part(run, from, end)));
}

/** The fragment's sectors (aligned in the file, not in the fragment), as offsets in its bytes. */
function sectorRanges({ position, bytes }: Fragment): { from: number; end: number }[] {
  const ranges: { from: number; end: number }[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = Math.min(bytes.length, from + SECTOR_BYTES - ((position + from) % SECTOR_BYTES));
    ranges.push({ from, end });
    from = end;
  }
  return ranges;
}

function part({ position, bytes }: Fragment, from: number, end: number): Fragment {
  return { position: position + from, bytes: bytes.subarray(from, end) };
}

/** The last sector boundary of the runs at or below `at`. */
function sectorCut(runs: readonly Fragment[], at: number): number {
  let before = 0;
  for (const run of runs) {
    if (at < before + run.bytes.length) {
      const position = run.position + at - before;
      return before + Math.max(0, position - (position % SECTOR_BYTES) - run.position);
    }
    before += run.bytes.length;
  }
  return before;
}

function junk(length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  const start = random.below(2 ** 31);
  for (let index = 0; index < length; index++) {
    bytes[index] = Math.imul(start + index, 0x9e3779b1) >>> 24;
  }
  return bytes;
}
