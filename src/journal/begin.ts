/**
 * From a recovered journal to one at work (D1):
 *
 * 1. Everything that was merely seen is written again, in place and byte for byte.
 * 2. The pins that a footer tells of go into a mark. The new head is written behind that.
 * 3. A new segment begins. Its head carries what open changes: starts that an anchor raised, drops done
 *    again, the log that the node expects.
 * 4. A mark names the new head, and only then groups begin.
 *
 * A crash at each step leaves this:
 * - while writing again: the same bytes as before wherever they were durable; bytes that were only in
 *   flight may be lost, as they might have been before;
 * - before the new head is durable: the old head, and nothing that it lists was touched;
 * - before a mark names the new head: the new head, which is durable and complete by itself. The next
 *   open begins from it, and finds no footer any more: so the pins must be in a mark by then.
 */
import { setTimeout } from "node:timers";
import type { Disk, DiskFile } from "../disk/disk.js";
import { fillHoles } from "../disk/holes.js";
import { flushParent } from "../disk/parent.js";
import type { Flush, WayOf } from "../disk/surroundings.js";
import { isDiskFull } from "../types/errors.js";
import { GROUP_LSNS_MAX } from "./form/records.js";
import { nextSegment, writeHead } from "./space/current-segment.js";
import type { RetainedSegment } from "./form/head.js";
import { LogEngine } from "./log-engine.js";
import { MARK_LAG_MS } from "./segment/mark-follower.js";
import { assert } from "../types/assert.js";
import type { Observe } from "../types/measures.js";
import type { PairNamed, Pin } from "./form/mark.js";
import { MarkFile } from "./segment/mark-file.js";
import type { Recovered } from "./recovery/recovery.js";
import { wipe, wipeHeadless } from "./space/wipe.js";
import type { ReleaseGate } from "./space/release-gate.js";
import { succession } from "./space/succession.js";
import { wantedSegmentBytes } from "./space/segment-size.js";
import { SPARE_SLOTS, Space } from "./space/slots.js";
import { encodeStore, JOURNAL_DIRECTORY, type OwnedStore } from "./form/store.js";

/** The changes that open makes in the table of logs. */
export interface Starts {
  /** New firsts by log name (D3); starts only rise, a log that is not there yet is opened. */
  readonly truncate: ReadonlyMap<string, bigint>;
}

/** The A/B sequences that the first mark names, as found on disk and proven. */
export interface NamedPairs {
  readonly anchor: PairNamed;
  readonly vote: PairNamed;
  readonly voteRoadIndex: bigint;
}

/** The place of the journal, and its needs from outside. */
export interface JournalOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytes: number;
  /** Bytes of segments that are kept for what was pruned. */
  readonly retainBytes: number;
  /** Holds back segments beyond that. */
  readonly gate?: ReleaseGate | undefined;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly whenIdle: (task: () => void) => void;
  /** Calls `task` when `MARK_LAG_MS` are over; a timer, where it is left out. */
  readonly later?: ((task: () => void) => void) | undefined;
  /** Calls `task` when `ms` are over; a timer, where it is left out. */
  readonly pace?: ((task: () => void, ms: number) => void) | undefined;
  /** How groups are written; without it always through the thread pool. */
  readonly flush?: Flush | WayOf | undefined;
  readonly observe?: Observe | undefined;
  readonly nowMs: () => number;
  /** Files of the parts above, which are looked at where they are named, as the journal's are (D8). */
  readonly files?: readonly DiskFile[] | undefined;
  /** Closes what the parts above hold, before the lock is let go. */
  readonly beforeRelease: () => Promise<void>;
}

declare const provenBrand: unique symbol;
/** A recovered journal all of whose bytes are durable. */
export type Proven = Recovered & { readonly [provenBrand]: true };

/**
 * D1: writes again what recovery saw and cannot know to be durable: the head it starts from, the
 * records above the acknowledged LSN, the newest mark slot. Must come before any other write.
 */
export async function writeAgain(
  disk: Disk,
  directory: string,
  store: OwnedStore,
  recovered: Recovered,
): Promise<Proven> {
  await storeAgain(store);
  // A name that is seen may be no more durable than a byte that is seen.
  await flushParent(disk, directory, { isOurs: false });
  await disk.syncDirectory(`${directory}/${JOURNAL_DIRECTORY}`);
  await disk.syncDirectory(directory);
  await fillHoles(recovered.markFile);
  for (const { file, offset, bytes } of recovered.unproven) {
    if (bytes.length > 0) await file.writeDurable(offset, [bytes]);
  }
  return recovered as Proven;
}

/** Bytes of records, head and mark that `writeAgain` writes. */
export function unprovenBytes({ unproven }: Recovered): number {
  return unproven.reduce((sum, each) => sum + each.bytes.length, 0);
}

/** STORE too may have been seen in the page cache of an init that was killed. */
async function storeAgain(store: OwnedStore): Promise<void> {
  await store.file.writeDurable(0, [encodeStore(store.identity)]);
}

/**
 * Begins a new segment behind what was recovered and returns the journal, open for entries. The
 * starts and drops are durable when resolved.
 *
 * @throws {PersisterError} DISK_FULL where no slot is free and none can be made: nothing was harmed.
 */
export async function beginJournal(
  options: JournalOptions,
  store: OwnedStore,
  proven: Proven,
  opening: { readonly starts: Starts; readonly named: NamedPairs },
): Promise<LogEngine> {
  const { mark, table, places, seals } = proven;
  applyOpening(proven, opening.starts);
  const markFile = new MarkFile(proven.markFile, mark, options.observe);
  await notePins(markFile, proven, opening.named);
  const space = spaceOf(options, proven);
  const retained = await makeRoom(space, proven.retained);
  const { randomBytes, whenIdle, retainBytes, gate } = options;
  const held = succession({ table, places, space, retainBytes, gate }, proven.segments, retained);
  await wipeBeforeSealing(space, proven);
  const generation = mark.generation + 1n;
  const { storeId } = store.identity;
  const slot = space.take(sizeAtOpen(options.segmentBytes, places.liveBytes));
  if (seals.isForeign(slot.slot)) await wipe(slot, seals);
  const parts = { storeId, seals, table, randomBytes };
  const next = nextSegment(parts, {
    slot,
    generation,
    sequence: proven.highestSequence + 1n,
    firstLsn: nextFirstLsn(proven.highestLsn),
    anchorSeq: opening.named.anchor.acked,
    voteSeq: opening.named.vote.acked,
    ...held,
  });
  const { current } = next;
  await writeHead(next);
  await markFile.write({
    generation,
    headSequence: current.sequence,
    acked: current.firstLsn - 1n,
    ...opening.named,
    origin: await store.file.origin(),
    pins: standingPins(proven),
  });
  for (const { slot: freed } of held.freed) space.release(freed);
  await growSpares(space);
  const ownFiles = [store.file, proven.markFile, ...(options.files ?? [])];
  const journal = new LogEngine({
    storeId,
    seals,
    table,
    places,
    space,
    markFile,
    current,
    sealed: held.sealed,
    retained: held.retained,
    retainBytes,
    gate,
    randomBytes,
    whenIdle,
    flush: options.flush,
    pace: options.pace ?? ((task, ms) => void setTimeout(task, ms).unref()),
    observe: options.observe,
    later: options.later ?? ((task) => void setTimeout(task, MARK_LAG_MS)),
    ownFiles,
    nowMs: options.nowMs,
    disk: options.disk,
    warnings: await warningsOf(space, ownFiles),
    release: () => release(options, store, proven),
  });
  await journal.tidyAtOpen();
  return journal;
}

/**
 * D11: with its first sealed head a journal leaves the time behind in which a group may lie in a slot without a head.
 * Until that head is durable, each open looks again.
 */
async function wipeBeforeSealing(space: Space, { head, seals }: Proven): Promise<void> {
  if (head.seal || seals.writing === undefined) return;
  for (const { slot } of space.free) {
    if (seals.contentOf(slot) === undefined) await wipeHeadless(space.slot(slot), seals);
  }
}

/**
 * The LSN that a segment begins with: above every one that is seen, and two of the largest group beyond.
 * LSNs are never used twice, also where a group was begun without a trace: 1. The last record of group 7
 * is on disk, and not its footer. 2. A record of group 6 is damaged, and recovery ends there. 3. One group
 * beyond that would be an LSN of group 7.
 */
function nextFirstLsn(highestLsn: bigint): bigint {
  return highestLsn + 1n + 2n * BigInt(GROUP_LSNS_MAX);
}

/**
 * D6: pins that a footer tells of go into a mark before the new head: 1. Open pins block 5. 2. It writes
 * its head, and is killed. 3. The next open begins from that head, where no footer tells of block 5.
 */
async function notePins(markFile: MarkFile, proven: Proven, named: NamedPairs): Promise<void> {
  if (!proven.torn) return;
  const last = proven.segments.at(-1);
  assert(last !== undefined, "the newest segment was recovered");
  await markFile.write({
    headSequence: proven.head.sequence,
    acked: last.nextLsn - 1n,
    ...named,
    pins: standingPins(proven),
  });
}

function spaceOf(options: JournalOptions, { slots, segments, retained }: Proven): Space {
  const directory = `${options.directory}/${JOURNAL_DIRECTORY}`;
  const inUse = new Set([...segments, ...retained].map(({ slot }) => slot));
  return new Space({ ...options, directory, slots, inUse });
}

function sizeAtOpen(leastBytes: number, liveBytes: number): number {
  return wantedSegmentBytes({ leastBytes, nowBytes: leastBytes, liveBytes, groupBytes: 0 });
}

/** Lets go of all but the slots: of the keys, and of the lock last. */
async function release(options: JournalOptions, store: OwnedStore, proven: Proven): Promise<void> {
  try {
    await options.beforeRelease();
    await proven.markFile.close();
  } finally {
    proven.seals.close();
    await store.file.close();
  }
}

/** The parts of a recovered journal that open changes. */
type Opened = Pick<Recovered, "table" | "places" | "torn">;

/** Does the drop of a torn last group again, and raises the starts that the anchor has raised. */
export function applyOpening(recovered: Opened, starts: Starts): void {
  redoDrops(recovered);
  raiseStarts(recovered, starts);
}

/** D6: a drop in a group that is not whole is done again, unless its log is gone. */
function redoDrops({ table, places, torn }: Opened): void {
  for (const { name, log } of torn?.dropped ?? []) {
    if (!table.byLog(log)) continue;
    table.drop(log);
    places.drop(name);
  }
}

function raiseStarts({ table, places }: Opened, starts: Starts): void {
  for (const [name, first] of starts.truncate) {
    const state = table.byName(name);
    if (state) table.truncate(state.log, first);
    else if (first > 0n) table.open(table.nextLog, name, first);
    places.truncate(name, first);
  }
}

/**
 * D6: the appends of a torn last group that recovery did not find are pinned, beside the pins that the
 * mark names. A pin stands while its number is not below the log's next, and binds by its number alone.
 */
export function standingPins({
  table,
  mark,
  torn,
}: Pick<Recovered, "table" | "mark" | "torn">): readonly Pin[] {
  const pins = new Map<string, Pin>();
  for (const pin of [...mark.pins, ...(torn?.appends ?? [])]) {
    const next = table.byName(pin.name)?.next ?? 0n;
    if (pin.number >= next) pins.set(`${pin.name} ${pin.number}`, pin);
  }
  return [...pins.values()];
}

/**
 * One slot for the new head must be there; more are made if the disk has room. If it has none,
 * the oldest of what is retained yields: if we stop while the new head is written into its slot, the
 * old head lists a retained segment that is not there, which costs a warning. That comes before the
 * archive, too: a store that does not open archives nothing. Returns what stays.
 */
async function makeRoom(
  space: Space,
  retained: readonly RetainedSegment[],
): Promise<readonly RetainedSegment[]> {
  let stays = retained;
  while (space.freeCount === 0) {
    try {
      await space.ensureFree(1);
    } catch (error) {
      const [oldest, ...rest] = stays;
      if (!oldest || !isDiskFull(error)) throw error;
      space.release(oldest.slot);
      stays = rest;
    }
  }
  return stays;
}

/** D9: two spares for the next open. If the disk is full, relocation makes them. */
async function growSpares(space: Space): Promise<void> {
  try {
    await space.ensureFree(SPARE_SLOTS);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

/** Dangers in the files as they are, though nothing is wrong with them now. */
async function warningsOf(space: Space, files: readonly DiskFile[]): Promise<readonly string[]> {
  const warnings: string[] = [];
  const linked: string[] = [];
  for (const file of files) if ((await file.facts()).names > 1) linked.push(file.path);
  linked.push(...space.linked);
  const [first] = linked;
  if (first !== undefined) {
    warnings.push(
      `${linked.length} files have a second name, as hard-link backups make (${first}): such a ` +
        "backup changes with this store, and must never be opened",
    );
  }
  if (!space.keepsRoom) {
    warnings.push(
      "this file system keeps no room for what a file will hold (it compresses, or writes elsewhere " +
        "each time): a full disk may stop this store in the middle of a write; leave space free",
    );
  }
  return warnings;
}
