/**
 * Makes a store of what an import gives. It grows under an unfinished name beside its place,
 * `<directory>.importing`, and is renamed when it is whole: a store with a part of the records, in the
 * place where a node looks for one, would let that node sign at numbers that it has signed at before.
 *
 * What a stop (a kill, a power cut, an error) leaves, and what the next import says:
 * - before the unfinished directory is made: nothing, and it goes on;
 * - until the rename: the unfinished directory, with no store in it, a part of one, or a whole one.
 *   The next import refuses with STORE_EXISTS and names it: to be removed, nothing in it is needed;
 * - the rename is not yet durable: after a power cut one of the two, with the whole store in it;
 * - after that: the store, and the next import refuses since the directory is not empty.
 */
import { RealDisk } from "../../../disk/real.js";
import { Lanekeeper } from "../../../node/lanekeeper.js";
import type { OpenChoices } from "../../../node/options.js";
import type { ImportItem, VerifiedVotes } from "../../../sei/import/import.js";
import { PersisterError } from "../../../types/errors.js";
import { decodePersistedInner } from "../../../wire/codec/decode.js";
import { encodePersistedInner } from "../../../wire/codec/encode.js";
import { sameBytes } from "../../../wire/hash.js";
import type { PruneAnchor } from "../../../wire/messages.js";
import { ImportTally } from "./tally.js";
import { renameDirectory, requireEmpty, requireNothing, requireReplaceable } from "../target.js";

const UNFINISHED = ".importing";

/** What the store is made of. */
export interface StoreContents {
  readonly choices: Pick<OpenChoices, "chainId" | "epochOf">;
  readonly anchor: PruneAnchor | undefined;
  readonly items: AsyncIterable<ImportItem>;
  /** What `items` must come to. */
  readonly expected: ImportTally;
  /** Called with the number of records that were handed to the store. */
  readonly onRecord: (records: number) => void;
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
 * Makes the store in `directory`, which must be missing or empty. It is durable, and was opened once
 * more and compared, when resolved.
 *
 * @throws {PersisterError} as `requireRoomForStore`; RECOVERY_MISMATCH where `items` are not what was
 * expected, or not what the store holds then; what the store refuses with: DISK_FULL, POISONED, IO.
 */
export async function makeStore(directory: string, contents: StoreContents): Promise<void> {
  await requireRoomForStore(directory);
  const disk = new RealDisk();
  const unfinished = `${directory}${UNFINISHED}`;
  // Fails where another import makes it at this moment: from here on it is ours alone.
  await disk.makeDirectory(unfinished);
  try {
    await Lanekeeper.init(unfinished, { chainId: contents.choices.chainId });
    const votes = await fill(unfinished, contents);
    await compare(unfinished, contents, votes);
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    const message = `${cause.message}; the unfinished store is ${unfinished}: remove it`;
    throw new PersisterError(cause.code, message, { file: unfinished, cause });
  }
  await renameDirectory(disk, unfinished, directory);
}

/** Durable when resolved. The anchor has a store opened for itself: its epoch judges from the next. */
async function beginAt(
  directory: string,
  choices: StoreContents["choices"],
  anchor: PruneAnchor,
): Promise<void> {
  await using keeper = await Lanekeeper.open(directory, choices);
  await keeper.pushAnchor(anchor);
  await keeper.waitForAnchor(anchor.commitQC.vote.view.index);
}

/** Puts everything in; durable when resolved. */
async function fill(
  directory: string,
  { choices, anchor, items, expected, onRecord }: StoreContents,
): Promise<VerifiedVotes | undefined> {
  if (anchor) await beginAt(directory, choices, anchor);
  const found = new ImportTally();
  let votes: VerifiedVotes | undefined;
  await using keeper = await Lanekeeper.open(directory, { ...choices, cacheBytes: 0 });
  for await (const item of items) {
    found.take(item);
    if (item.kind === "commitQC") await keeper.pushCommitQC(item.qc);
    else if (item.kind === "block") await pushBlock(keeper, item);
    else if (item.kind === "votes") votes = item;
    onRecord(found.records);
  }
  if (!found.isSameAs(expected)) {
    const message = "the directory was changed while it was read: stop the node that owns it";
    throw new PersisterError("RECOVERY_MISMATCH", message);
  }
  for (const [lane, { next }] of found.lanes) await keeper.waitForBlock(lane, next - 1n);
  if (found.road) await keeper.waitForCommitQC(found.road.next - 1n);
  if (votes) await keeper.writeVoteState(encodePersistedInner(votes.votes), votes.roadIndex);
  return votes;
}

async function pushBlock(
  keeper: Lanekeeper,
  { lane, number, block }: Extract<ImportItem, { readonly kind: "block" }>,
): Promise<void> {
  const admission = await keeper.pushBlock(block);
  if (admission.status === "admitted") return;
  const message = `lane ${lane}: ${admission.reason}`;
  throw new PersisterError("INVALID", message, { lane, blockNumber: number });
}

/** Opens the store as a node will, and asks whether it recovers all that was put in. */
async function compare(
  directory: string,
  { choices, anchor, expected }: StoreContents,
  votes: VerifiedVotes | undefined,
): Promise<void> {
  await using keeper = await Lanekeeper.open(directory, { ...choices, cacheBytes: 0 });
  const { lanes, road, anchor: found, voteState, pins, abstainThrough } = keeper.recovery;
  for (const [lane, { first, next }] of expected.lanes) {
    const held = lanes.get(lane);
    requireHeld(
      held?.first === first && held.next === next,
      `lane ${lane} is not [${first}, ${next})`,
    );
  }
  const roadNext = expected.road?.next ?? (anchor ? anchor.commitQC.vote.view.index + 1n : 0n);
  requireHeld(road.next === roadNext, `the road ends at ${road.next}, not at ${roadNext}`);
  const anchorRoad = anchor?.commitQC.vote.view.index;
  requireHeld(found?.commitQC.vote.view.index === anchorRoad, "the prune anchor is another one");
  requireHeld(sameVotes(voteState, votes), "the votes are other ones");
  requireHeld(pins.length === 0 && abstainThrough === undefined, "something was lost in flight");
}

/** The store pads the votes: they are compared as they are encoded. */
function sameVotes(stored: Uint8Array | undefined, votes: VerifiedVotes | undefined): boolean {
  if (stored === undefined || votes === undefined) return stored === votes;
  const again = encodePersistedInner(decodePersistedInner(stored));
  return sameBytes(again, encodePersistedInner(votes.votes));
}

function requireHeld(condition: boolean, what: string): void {
  if (condition) return;
  const message = `the store does not hold what was put in: ${what}`;
  throw new PersisterError("RECOVERY_MISMATCH", message);
}
