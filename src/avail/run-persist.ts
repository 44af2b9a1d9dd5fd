/**
 * The loop that drains the availability state to disk.
 *
 * A new anchor goes to its A/B files first, and only behind it are lanes and road pruned. An append
 * waits for the anchor only where its lane must be reset by it; all others enter the journal's queue
 * in one step, so that one group takes them. Each lane publishes its durable cursor the moment its
 * own records are durable. A refusal stops its lane alone; a failed write poisons the store, and the
 * turn fails with the first error after all branches ended. Lanes are dropped in a turn of their own:
 * nothing of a dropped lane is on its way beside it.
 */
import { allEnded } from "../async/all-ended.js";
import type { NewBlock } from "../persist/block-persister.js";
import type { Persisters } from "../persist/persisters.js";
import { anchorStarts } from "../persist/recovery.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { isDiskFull, PersisterError } from "../types/errors.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import type { AvailabilityState } from "./availability-state.js";
import type { DropTurn, PersistTurn, WriteTurn } from "./persist-turn.js";

type Parts = Pick<Persisters, "anchor" | "blocks" | "road">;

/**
 * Persists what the state admits until the state is closed and its queues are empty. Rejects with
 * the first error that is not a refusal of one lane.
 */
export async function runPersist(state: AvailabilityState, parts: Parts): Promise<void> {
  // Truncations ride in the groups of later turns: no turn waits for them, the end does.
  const prunes = new Set<Promise<void>>();
  const failure = new AbortController();
  const note = (cause: unknown): void => failure.abort(cause);
  for (;;) {
    const turn = await nextTurn(state, failure.signal);
    if (!turn) break;
    if (turn.type === "drop") {
      await dropTurn(state, parts, turn);
      continue;
    }
    const { pruning } = await writeTurn(state, parts, turn);
    if (!pruning) continue;
    const task = pruning.catch(note).finally(() => prunes.delete(task));
    prunes.add(task);
  }
  await Promise.all(prunes);
  failure.signal.throwIfAborted();
}

/** By a signal, not by a race with a promise: what never settles would keep every turn in memory. */
async function nextTurn(
  state: AvailabilityState,
  failure: AbortSignal,
): Promise<PersistTurn | undefined> {
  try {
    return await state.nextTurn({ signal: failure });
  } catch (cause) {
    failure.throwIfAborted();
    throw cause;
  }
}

/** What a turn leaves behind at work. */
interface WrittenTurn {
  readonly pruning: Promise<void> | undefined;
}

async function writeTurn(
  state: AvailabilityState,
  parts: Parts,
  turn: WriteTurn,
): Promise<WrittenTurn> {
  if (turn.anchor) return await anchoredTurn(state, parts, turn, turn.anchor);
  const branches = [...turn.lanes].map(([lane, blocks]) => {
    return persistLane(state, parts, { lane, start: undefined, blocks }, undefined);
  });
  await allEnded([...branches, persistRoad(state, parts, turn, undefined)]);
  return { pruning: undefined };
}

async function anchoredTurn(
  state: AvailabilityState,
  parts: Parts,
  turn: WriteTurn,
  anchor: PruneAnchor,
): Promise<WrittenTurn> {
  const starts = anchorStarts(anchor);
  const anchored = persistAnchor(state, parts, anchor);
  const branches = [anchored];
  const prunes: Promise<void>[] = [];
  for (const lane of lanesOf(turn, starts)) {
    const start = starts.get(lane);
    const held = parts.blocks.lanes.get(lane)?.appendNext ?? 0n;
    const resets = start !== undefined && start > held;
    const work = { lane, start: resets ? start : undefined, blocks: turn.lanes.get(lane) ?? [] };
    branches.push(persistLane(state, parts, work, anchored));
    if (start !== undefined && !resets)
      prunes.push(pruneLane(state, parts, { lane, start }, anchored));
  }
  const road = persistRoad(state, parts, turn, anchored);
  branches.push(road);
  prunes.push(pruneRoad(state, parts, anchor.commitQC, allEnded([anchored, road])));
  const pruning = allEnded(prunes);
  try {
    await allEnded(branches);
  } catch (cause) {
    await Promise.allSettled([pruning]);
    if (!isDiskFull(cause)) throw cause;
    // The anchor's slot cannot grow: nothing was pruned, and the anchor waits with the rest.
    state.stall(cause);
  }
  return { pruning };
}

/** A full disk is told to those who asked: the lanes that could not be dropped go on as they were. */
async function dropTurn(
  state: AvailabilityState,
  { blocks }: Parts,
  { keep }: DropTurn,
): Promise<void> {
  let refusal: PersisterError | undefined;
  try {
    await blocks.retainLanes(keep);
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    refusal = cause;
  }
  state.dropEnded((lane) => keep.has(lane) || blocks.lanes.has(lane), refusal);
}

/** D3: the anchor first. Durable when resolved, and published. */
async function persistAnchor(
  state: AvailabilityState,
  parts: Parts,
  anchor: PruneAnchor,
): Promise<void> {
  await parts.anchor.write(anchor);
  state.anchorDurable(anchor);
  await liftCovered(parts.blocks, anchor.commitQC);
}

interface LaneWork {
  readonly lane: LaneId;
  /** Set where the anchor lies beyond all that the lane has: it is emptied and goes on there. */
  readonly start: bigint | undefined;
  readonly blocks: readonly NewBlock[];
}

async function persistLane(
  state: AvailabilityState,
  { blocks }: Parts,
  work: LaneWork,
  anchored: Promise<void> | undefined,
): Promise<void> {
  const { lane, start } = work;
  const queue = state.lanes.get(lane);
  const onDurable = (next: bigint): void => state.blocksDurable(lane, next, queue);
  try {
    if (start === undefined) {
      await blocks.write(lane, { ...gapStart(blocks, work), blocks: work.blocks, onDurable });
      return;
    }
    // The state drops queued blocks below the start once the anchor is durable; so does this turn.
    const rest = work.blocks.filter(({ number }) => number >= start);
    const after = anchored ? { after: anchored } : {};
    await blocks.write(lane, { start, blocks: rest, onDurable, ...after });
  } catch (cause) {
    refuseLane(state, lane, cause);
  }
}

/**
 * The state admits above what the lane's log holds only where a durable anchor has moved its start:
 * where that was not recorded yet (the disk was full, the lane was dropped and came back), it is now.
 */
function gapStart(blocks: Parts["blocks"], { lane, blocks: [first] }: LaneWork) {
  const held = blocks.lanes.get(lane)?.appendNext ?? 0n;
  return first && first.number > held ? { start: first.number } : {};
}

/** Nobody waits for a truncation: it verifies at once, and rides in the group of the next turn. */
async function pruneLane(
  state: AvailabilityState,
  { blocks }: Parts,
  { lane, start }: { readonly lane: LaneId; readonly start: bigint },
  anchored: Promise<void>,
): Promise<void> {
  try {
    await blocks.write(lane, { start, lazily: true, after: anchored });
  } catch (cause) {
    refuseLane(state, lane, cause);
  }
}

async function persistRoad(
  state: AvailabilityState,
  { road, blocks }: Parts,
  turn: WriteTurn,
  anchored: Promise<void> | undefined,
): Promise<void> {
  const index = turn.anchor?.commitQC.vote.view.index;
  const resets =
    index !== undefined && index >= road.log.appendNext + BigInt(turn.commitQCs.length);
  // Where the anchor resets the road, its own QC is queued first once it is durable.
  if (resets) await anchored;
  const queued = resets ? state.queuedCommitQCs : turn.commitQCs;
  try {
    const first = queued[0]?.qc.vote.view.index;
    await road.append(queued, {
      ...(first !== undefined && first > road.log.appendNext ? { start: first } : {}),
      onDurable: (next) => state.commitQCsDurable(next),
    });
    for (const { qc } of queued) await liftCovered(blocks, qc);
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    state.stall(cause);
  }
}

/**
 * Behind the turn's appends, however they ended: what is not held by then is reset by a later turn. A
 * QC that is held already is verified beside the lanes' blocks, so that one read serves them all.
 */
async function pruneRoad(
  state: AvailabilityState,
  { road }: Parts,
  anchorQC: CommitQC,
  before: Promise<void>,
): Promise<void> {
  const { index } = anchorQC.vote.view;
  // A rejection is met where it is waited for, and not before.
  before.catch(() => {});
  try {
    if (index >= road.log.next) await before;
    if (index < road.log.appendNext) await road.prune(anchorQC, { lazily: true, after: before });
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    state.stall(cause);
  }
}

/** D6: a commit QC covers every number below the next of each of its ranges. */
async function liftCovered(blocks: Parts["blocks"], qc: CommitQC): Promise<void> {
  await blocks.liftPins(qc.vote.laneRanges);
}

/** What is wrong with what one lane was given, or holds: it stops that lane alone. */
const laneRefusals: ReadonlySet<string> = new Set([
  "OUT_OF_SEQUENCE",
  "DUPLICATE",
  "CONFLICT",
  "INVALID",
  "PINNED",
  "VERIFY_MISMATCH",
]);

/** A refusal stops its lane; a full disk is backpressure (D9); anything else is about the store. */
function refuseLane(state: AvailabilityState, lane: LaneId, cause: unknown): void {
  // A truncation that was verifying as its lane was dropped: there is nothing left to truncate. An
  // error that names no lane is about the store.
  if (cause instanceof PersisterError && cause.code === "CLOSED" && cause.lane === lane) return;
  if (isDiskFull(cause)) {
    state.stall(cause);
    return;
  }
  if (!(cause instanceof PersisterError && laneRefusals.has(cause.code))) throw cause;
  state.refuseLane(lane, cause);
}

function lanesOf(turn: WriteTurn, starts: ReadonlyMap<string, bigint>): Set<LaneId> {
  const pruned = [...starts.keys()].filter((name) => isLaneId(name));
  return new Set([...turn.lanes.keys(), ...pruned]);
}
