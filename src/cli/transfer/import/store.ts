/**
 * Makes a store of what an import gives. It grows under an unfinished name beside its place,
 * `<directory>.importing`, and is renamed when it is whole. A store with a part of the records, in the
 * place where a node looks for one, would let that node sign at numbers that it has signed at before.
 *
 * A stop (a kill, a power cut, an error) leaves this, and the next import says so:
 * 1. Before the unfinished directory is made: nothing. The next import begins anew.
 *    A stop by a signal takes the unfinished directory away again; the others cannot:
 * 2. Until the rename: the unfinished directory, with no store in it, a part of one, or a whole one.
 *    The next import refuses with STORE_EXISTS and names it. Nothing in it is needed: remove it.
 * 3. After the rename, before it is durable: after a power cut one of the two, with the whole store.
 * 4. After that: the store. The next import refuses, since the directory is not empty.
 *
 * The records are written by the persisters themselves. The import has verified each block by the
 * committee of its own epoch; a node takes blocks of the newest epoch's lanes alone, and would refuse
 * those of the epochs before.
 */
import { verifyAnchor } from "../../../wire/rules/verify.js";
import { rm } from "node:fs/promises";
import { RealDisk } from "../../../disk/real/real.js";
import { realSurroundings } from "../../../disk/surroundings.js";
import { openLogMap } from "../../../log/map/level-map.js";
import { INDEX_DIRECTORY } from "../../../log/map/log-map.js";
import { Lanekeeper } from "../../../node/lanekeeper.js";
import { defaults, type OpenChoices } from "../../../node/options.js";
import { knownAnchor } from "../../../persist/anchor.js";
import { newCommitQC } from "../../../persist/commit-qc-persister.js";
import { openPersisters, type Persisters } from "../../../persist/persisters.js";
import type { ImportItem, VerifiedVotes } from "../../../sei/import/import.js";
import { PersisterError } from "../../../types/errors.js";
import { decodePersistedInner } from "../../../wire/codec/decode.js";
import { encodePersistedInner, encodeSignedBlock } from "../../../wire/codec/encode.js";
import { sameBytes } from "../../../wire/hash.js";
import type { PruneAnchor } from "../../../wire/messages.js";
import {
  renameDirectory,
  requireEmpty,
  requireNothing,
  requireReplaceable,
} from "../../store/places.js";
import { type Batch, batched } from "./batches.js";
import { type Held, heldAfter } from "./held.js";
import { ImportTally } from "./tally.js";

const UNFINISHED = ".importing";

/** The contents of the store that is made. */
export interface StoreContents {
  readonly choices: Pick<OpenChoices, "chainId" | "epochOf">;
  readonly anchor: PruneAnchor | undefined;
  readonly items: AsyncIterable<ImportItem>;
  /** The tally that `items` must come to. */
  readonly expected: ImportTally;
  /** Called with the number of records that were read. */
  readonly onRecord: (records: number) => void;
  /** Aborted when the import has to stop. */
  readonly stop: AbortSignal;
}

/**
 * Refuses where `makeStore` would, and changes nothing.
 *
 * @throws {PersisterError} STORE_EXISTS, USAGE, IO.
 */
export async function requireRoomForStore(directory: string): Promise<void> {
  const disk = new RealDisk();
  await requireEmpty(disk, directory);
  await requireReplaceable(disk, directory);
  const advice = "an import that was stopped left it; remove it, and import again";
  await requireNothing(disk, `${directory}${UNFINISHED}`, advice);
}

/**
 * Makes the store in `directory`, which must be missing or empty. When resolved it is durable, and was
 * opened once more and compared.
 *
 * @throws {PersisterError} as `requireRoomForStore`; RECOVERY_MISMATCH if `items` are not what was
 * expected, or not what the store holds in the end; what the store refuses with: DISK_FULL, POISONED, IO.
 */
export async function makeStore(directory: string, contents: StoreContents): Promise<void> {
  await requireRoomForStore(directory);
  const disk = new RealDisk();
  const unfinished = `${directory}${UNFINISHED}`;
  // Fails if another import makes it at this moment: from here on it is ours alone.
  await disk.makeDirectory(unfinished);
  try {
    await Lanekeeper.init(unfinished, { chainId: contents.choices.chainId });
    const held = heldAfter(contents.expected, contents.anchor);
    const votes = await fill(unfinished, contents, held);
    await compare(unfinished, contents, { held, votes });
  } catch (cause) {
    if (contents.stop.aborted) await rm(unfinished, { recursive: true, force: true });
    if (contents.stop.aborted || !(cause instanceof PersisterError)) throw cause;
    const message = `${cause.message}; the unfinished store is ${unfinished}: remove it`;
    throw new PersisterError(cause.code, message, { file: unfinished, cause });
  }
  await renameDirectory(disk, unfinished, directory);
}

/** Puts everything in; durable when resolved. */
async function fill(
  directory: string,
  { choices, anchor, items, expected, onRecord, stop }: StoreContents,
  held: Held,
): Promise<VerifiedVotes | undefined> {
  const persisters = await openedIn(directory, choices);
  try {
    if (anchor) await beginAt(persisters, anchor, held);
    const found = new ImportTally();
    let votes: VerifiedVotes | undefined;
    for await (const batch of batched(counted(items, found))) {
      if (batch.kind === "votes") votes = batch.votes;
      else await write(persisters, batch, held);
      onRecord(found.records);
      stop.throwIfAborted();
    }
    if (!found.isSameAs(expected)) {
      const message = "the directory was changed while it was read: stop the node that owns it";
      throw new PersisterError("RECOVERY_MISMATCH", message);
    }
    if (votes) await persisters.votes.write(votes.message, votes.roadIndex);
    return votes;
  } finally {
    await persisters.close();
  }
}

async function* counted(items: AsyncIterable<ImportItem>, found: ImportTally) {
  for await (const item of items) {
    found.take(item);
    yield item;
  }
}

function openedIn(
  directory: string,
  { chainId, epochOf }: StoreContents["choices"],
): Promise<Persisters> {
  const surroundings = realSurroundings();
  return openPersisters({
    ...surroundings,
    directory,
    chainId,
    segmentBytes: defaults.segmentBytes,
    retainBytes: 0,
    moved: false,
    verifyAnchor: (anchor) => verifyAnchor(anchor, epochOf),
    openMap: (end) => openLogMap(surroundings.disk, `${directory}/${INDEX_DIRECTORY}`, end),
  });
}

/** D3: the anchor is durable before it lets any log start above 0. */
async function beginAt(
  { anchor: anchors, road, blocks }: Persisters,
  anchor: PruneAnchor,
  held: Held,
): Promise<void> {
  await anchors.write(knownAnchor(anchor));
  await road.startAt(anchor.commitQC);
  for (const [lane, { first }] of held.lanes) {
    if (first > 0n) await blocks.write(lane, { start: first });
  }
}

async function write(
  { road, blocks }: Persisters,
  batch: Exclude<Batch, { readonly kind: "votes" }>,
  held: Held,
): Promise<void> {
  if (batch.kind === "commitQCs") {
    await road.append(batch.records.map(({ qc }) => newCommitQC(qc)));
    return;
  }
  const first = held.lanes.get(batch.lane)?.first ?? 0n;
  const fresh = batch.records.filter(({ number }) => number >= first);
  await blocks.write(batch.lane, {
    blocks: fresh.map(({ number, block, headerHash }) => {
      const { parentHash } = block.msg.header;
      return { number, payload: encodeSignedBlock(block), hash: headerHash, parentHash };
    }),
  });
}

/** Opens the store as a node will, and asks whether it recovers all that was put in. */
async function compare(
  directory: string,
  { choices, anchor }: StoreContents,
  { held, votes }: { readonly held: Held; readonly votes: VerifiedVotes | undefined },
): Promise<void> {
  await using keeper = await Lanekeeper.open(directory, { ...choices, cacheBytes: 0 });
  const { lanes, road, anchor: found, voteState, pins, abstainThrough } = keeper.recovery;
  for (const [lane, { first, next }] of held.lanes) {
    const range = lanes.get(lane);
    const isHeld = range?.first === first && range.next === next;
    requireHeld(isHeld || (range === undefined && next === 0n), `lane ${lane} [${first}, ${next})`);
  }
  const { first, next } = held.road;
  requireHeld(road.first === first && road.next === next, `the road [${first}, ${next})`);
  const anchorRoad = anchor?.commitQC.vote.view.index;
  requireHeld(found?.commitQC.vote.view.index === anchorRoad, "this prune anchor");
  requireHeld(sameVotes(voteState, votes), "these votes");
  const isSettled = pins.length === 0 && abstainThrough === undefined;
  requireHeld(isSettled, "everything: something was lost in flight");
}

/** The store pads the votes, so they are compared as they are encoded. */
function sameVotes(stored: Uint8Array | undefined, votes: VerifiedVotes | undefined): boolean {
  if (stored === undefined || votes === undefined) return stored === votes;
  const again = encodePersistedInner(decodePersistedInner(stored));
  return sameBytes(again, encodePersistedInner(votes.votes));
}

function requireHeld(isHeld: boolean, what: string): void {
  if (isHeld) return;
  const message = `the store that was made does not hold what was put in: ${what}; check the disk`;
  throw new PersisterError("RECOVERY_MISMATCH", message);
}
