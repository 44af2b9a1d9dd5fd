/**
 * Damage behind a store's back, as data: which bytes of which file, and what lies there instead. Every
 * harm is a disk of its own, made from a whole one.
 */
import {
  bytesOf,
  type Content,
  emptyContent,
  withBytes,
} from "../../../src/testing/simulated/content.js";
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { SECTOR_BYTES } from "../../../src/testing/simulated-disk.js";
import {
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  recordsStart,
} from "../../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { directoryIn, filesOf } from "../history/worlds.js";

/** The purpose of a file. */
export type FileClass = "journal" | "mark" | "anchor" | "vote" | "store";

export const harmKinds = [
  "bit",
  "byte",
  "zero sector",
  "junk sector",
  "cut",
  "duplicate",
  "swap",
  "stale",
  "missing",
  "emptied",
  "renamed",
  "copied over another",
] as const;
export type HarmKind = (typeof harmKinds)[number];

/** One disk with one harm in it. */
export interface Harm {
  readonly file: FileClass;
  readonly kind: HarmKind;
  readonly path: string;
  readonly words: string;
  readonly world: World;
}

const forms: readonly (readonly [RegExp, FileClass])[] = [
  [/\.seg$/, "journal"],
  [/\/mark$/, "mark"],
  [/prune_anchor_[ab]\.pb$/, "anchor"],
  [/consensus_[ab]\.pb$/, "vote"],
  [/\/STORE$/, "store"],
];

export function classOf(path: string): FileClass {
  const found = forms.find(([form]) => form.test(path));
  if (!found) throw new Error(`${path} is no file of a store`);
  return found[1];
}

/** How many harms of each kind are drawn, at most, and from what. */
export interface HarmPlan {
  readonly whole: World;
  /** The same store at an earlier moment. */
  readonly older: World;
  readonly seed: number;
  readonly perKind: number;
}

/** Harms of every kind, over every file: many of each where there are many places. */
export function* harmsOf({ whole, older, seed, perKind }: HarmPlan): Generator<Harm> {
  const random = seededRandom(seed);
  const files = [...filesOf(whole)].map(([path, { visible }]) => ({ path, content: visible }));
  for (const kind of ["bit", "byte"] as const) {
    for (let draw = 0; draw < perKind; draw++) yield flipped(whole, files, kind, random);
  }
  for (const { path, content } of files) {
    yield* sectors(whole, path, content, random);
    yield* cuts(whole, path, content, random);
    if (path.endsWith(".seg")) yield* records(whole, path, content);
    const before = filesOf(older).get(path)?.visible;
    if (before) yield harm(whole, "stale", path, before, "an older copy of it");
    yield harm(whole, "emptied", path, emptyContent, "emptied");
    yield renamed(whole, "missing", path);
    for (const other of files) {
      if (other.path === path) continue;
      const words = `a copy of ${other.path} over it`;
      yield harm(whole, "copied over another", path, other.content, words);
    }
    yield renamed(whole, "renamed", path, freeNameFor(whole, path));
  }
}

/** Every byte of a file, one bit of each flipped, each a disk of its own. */
export function* everyByteOf(whole: World, path: string, end: number): Generator<Harm> {
  const content = contentAt(whole, path);
  for (let at = 0; at < end; at++) {
    const [byte = 0] = bytesOf(content, at, 1);
    const flip = Uint8Array.of(byte ^ (1 << (at % 8)));
    yield harm(whole, "bit", path, withBytes(content, at, flip), `bit ${at % 8} of byte ${at}`);
  }
}

/** The offset at which the records of a segment end. */
export function recordsEndOf(whole: World, path: string): number {
  return recordsIn(contentAt(whole, path)).at(-1)?.end ?? 0;
}

interface NamedContent {
  readonly path: string;
  readonly content: Content;
}

/** Mostly where something is written: most of a store is zeros. */
function flipped(
  whole: World,
  files: readonly NamedContent[],
  kind: "bit" | "byte",
  random: Random,
): Harm {
  for (;;) {
    const { path, content } = files[random.below(files.length)]!;
    if (content.size === 0) continue;
    const at = random.below(content.size);
    const [byte = 0] = bytesOf(content, at, 1);
    if (byte === 0 && random.below(30) > 0) continue;
    const mask = kind === "bit" ? 1 << random.below(8) : 1 + random.below(255);
    const words = `byte ${at}: ${byte} to ${byte ^ mask}`;
    const harmed = withBytes(content, at, Uint8Array.of(byte ^ mask));
    return harm(whole, kind, path, harmed, words);
  }
}

function* sectors(whole: World, path: string, content: Content, random: Random): Generator<Harm> {
  const zeros = new Uint8Array(SECTOR_BYTES);
  for (let at = 0; at < content.size; at += SECTOR_BYTES) {
    const held = bytesOf(content, at, SECTOR_BYTES);
    const isZero = Buffer.compare(held, zeros.subarray(0, held.length)) === 0;
    // A megabyte of zeros has little to lose: some of them.
    if (isZero && random.below(16) > 0) continue;
    const junk = held.map(() => random.below(256));
    const words = `sector at ${at}`;
    yield harm(whole, "junk sector", path, withBytes(content, at, junk), words);
    if (isZero) continue;
    const blank = withBytes(content, at, zeros.subarray(0, held.length));
    yield harm(whole, "zero sector", path, blank, words);
    if (at === 0 || held.length < SECTOR_BYTES) continue;
    const before = bytesOf(content, at - SECTOR_BYTES, SECTOR_BYTES);
    yield harm(whole, "duplicate", path, withBytes(content, at, before), `${words} as before it`);
    const swapped = withBytes(withBytes(content, at, before), at - SECTOR_BYTES, held);
    yield harm(whole, "swap", path, swapped, `${words} and the one before it`);
  }
}

/** Shorter by a byte, by a sector, and at places that are drawn. */
function* cuts(whole: World, path: string, content: Content, random: Random): Generator<Harm> {
  const drawn = Array.from({ length: 40 }, () => random.below(Math.max(1, content.size)));
  for (const size of new Set([content.size - 1, content.size - SECTOR_BYTES, ...drawn])) {
    if (size < 0) continue;
    const cut = withBytes(emptyContent, 0, bytesOf(content, 0, size));
    yield harm(whole, "cut", path, cut, `cut to ${size} of ${content.size} bytes`);
  }
}

/** A record of a segment, and where it lies. */
export interface Extent {
  readonly from: number;
  readonly end: number;
  readonly header: RecordHeader;
}

/** Two records that stand in each other's place; one record twice. */
function* records(whole: World, path: string, content: Content): Generator<Harm> {
  const found = recordsIn(content);
  for (const [at, one] of found.entries()) {
    const next = found[at + 1];
    if (!next) continue;
    const [first, second] = [one, next].map(({ from, end }) => bytesOf(content, from, end - from));
    const swapped = withBytes(content, one.from, Buffer.concat([second!, first!]));
    yield harm(whole, "swap", path, swapped, `the records at ${one.from} and ${next.from}`);
    const twice = withBytes(content, next.from, first!);
    yield harm(whole, "duplicate", path, twice, `the record at ${one.from} again at ${next.from}`);
  }
}

/** The records of a segment, by their own lengths, as far as their LSNs follow. */
export function recordsIn(content: Content): Extent[] {
  const bytes = Buffer.from(bytesOf(content, 0, content.size));
  const headBytes = claimedHeadBytes(bytes) ?? 0;
  const found = decodeHead(bytes.subarray(0, headBytes));
  if (found.status !== "head") return [];
  const extents: Extent[] = [];
  let from = recordsStart(headBytes);
  let lsn = found.head.firstLsn;
  while (from + RECORD_HEADER_BYTES <= bytes.length) {
    const header = readRecordHeader(bytes, from);
    if (header.lsn !== lsn) break;
    const end = from + RECORD_HEADER_BYTES + header.payloadLength;
    extents.push({ from, end, header });
    from = end;
    lsn += 1n;
  }
  return extents;
}

/** A name of the same kind that is not taken: the next slot, or one that is not ours. */
function freeNameFor(world: World, path: string): string {
  if (!path.endsWith(".seg")) return `${path}.old`;
  const slots = [...filesOf(world).keys()].filter((each) => each.endsWith(".seg"));
  return path.replace(/\d+\.seg$/, `${String(slots.length + 2).padStart(4, "0")}.seg`);
}

function contentAt(world: World, path: string): Content {
  return filesOf(world).get(path)?.visible ?? emptyContent;
}

function harm(whole: World, kind: HarmKind, path: string, content: Content, what: string): Harm {
  const world = copyWorld(whole);
  const file = filesOf(world).get(path);
  if (file) Object.assign(file, { visible: content, durable: content, pending: [] });
  return { file: classOf(path), kind, path, words: `${path}: ${kind}: ${what}`, world };
}

function renamed(whole: World, kind: HarmKind, path: string, name?: string): Harm {
  const world = copyWorld(whole);
  const directory = directoryIn(world, path.slice(0, path.lastIndexOf("/")));
  const entries = new Map(directory?.visible);
  const node = entries.get(path.slice(path.lastIndexOf("/") + 1));
  entries.delete(path.slice(path.lastIndexOf("/") + 1));
  if (name !== undefined && node !== undefined) {
    entries.set(name.slice(name.lastIndexOf("/") + 1), node);
  }
  if (directory) Object.assign(directory, { visible: entries, durable: entries, pending: [] });
  const what = name === undefined ? "not there" : `is now ${name}`;
  return { file: classOf(path), kind, path, words: `${path}: ${kind}: ${what}`, world };
}

/** The state directory, as paths of a disk begin. */
export const STORE_PATH = `/${DIRECTORY}`;
