/**
 * The loop that drains the availability state to disk.
 *
 * A new anchor goes to its A/B files first, and only behind it are lanes and road pruned. An append
 * waits for the anchor only where its lane must be reset by it. Each lane publishes its durable
 * cursor the moment its own records are durable. A refusal stops its lane alone; a failed write
 * poisons the store, and the turn fails with the first error after all branches ended.
 */
import pLimit from "p-limit";
import type { NewBlock } from "../persist/block-persister.js";
import type { Persisters } from "../persist/persisters.js";
import { anchorStarts } from "../persist/recovery.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { PersisterError } from "../types/errors.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import type { AvailabilityState, PersistTurn } from "./availability-state.js";

/** Branches of a turn that are at work at once: their flushes are shared, their reads are not. */
const BRANCHES_MAX = 32;

type Parts = Pick<Persisters, "anchor" | "blocks" | "road">;

/**
 * Persists what the state admits until the state is closed and its queues are empty. Rejects with
 * the first error that is not a refusal of one lane.
 */
export async function runPersist(state: AvailabilityState, parts: Parts): Promise<void> {
  // Truncations ride in the groups of later turns: no turn waits for them, the end does.
  const prunes = new Set<Promise<void>>();
  let fail: (cause: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  for (;;) {
    const turn = await Promise.race([state.nextTurn(), failure]);
    if (!turn) break;
    const { pruning } = await persistTurn(state, parts, turn);
    const task = pruning.catch(fail).finally(() => prunes.delete(task));
    prunes.add(task);
  }
  await Promise.race([Promise.all(prunes), failure]);
}

async function persistTurn(
  state: AvailabilityState,
  parts: Parts,
  turn: PersistTurn,
): Promise<{ readonly pruning: Promise<void> }> {
  const limit = pLimit(BRANCHES_MAX);
  const starts = turn.anchor ? anchorStarts(turn.anchor) : new Map<string, bigint>();
  const anchored = turn.anchor ? persistAnchor(state, parts, turn.anchor) : undefined;
  const branches: Promise<void>[] = [];
  const prunes: Promise<void>[] = [];
  for (const lane of lanesOf(turn, starts)) {
    const start = starts.get(lane);
    const held = parts.blocks.lanes.get(lane)?.appendNext ?? 0n;
    const resets = start !== undefined && start > held;
    const work = { lane, start: resets ? start : undefined, blocks: turn.lanes.get(lane) ?? [] };
    branches.push(limit(() => persistLane(state, parts, work, anchored)));
    if (start !== undefined && !resets)
      prunes.push(pruneLane(state, parts, { lane, start }, anchored));
  }
  const road = limit(() => persistRoad(state, parts, turn, anchored));
  branches.push(road);
  if (turn.anchor) prunes.push(pruneRoad(state, parts, turn.anchor.commitQC, [anchored, road]));
  const pruning = firstFailure(prunes);
  try {
    await firstFailure([...branches, ...(anchored ? [anchored] : [])]);
  } catch (cause) {
    await Promise.allSettled([pruning]);
    if (!isDiskFull(cause)) throw cause;
    // The anchor's slot cannot grow: nothing was pruned, and the anchor waits with the rest.
    state.stall(cause);
  }
  return { pruning };
}

/** Resolves when all ended well; else rejects with the first error after all have ended. */
async function firstFailure(branches: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(branches);
  const failed = ended.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
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
  anchored: Promise<void> | undefined,
): Promise<void> {
  try {
    await blocks.write(lane, { start, lazily: true, ...(anchored ? { after: anchored } : {}) });
  } catch (cause) {
    refuseLane(state, lane, cause);
  }
}

async function persistRoad(
  state: AvailabilityState,
  { road, blocks }: Parts,
  turn: PersistTurn,
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

/** Behind the turn's appends, however they ended: what is not held by then is reset by a later turn. */
async function pruneRoad(
  state: AvailabilityState,
  { road }: Parts,
  anchorQC: CommitQC,
  before: readonly (Promise<void> | undefined)[],
): Promise<void> {
  try {
    for (const each of before) await each;
    if (anchorQC.vote.view.index < road.log.appendNext)
      await road.prune(anchorQC, { lazily: true });
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    state.stall(cause);
  }
}

/** D6: a commit QC covers every number below the next of each of its ranges. */
async function liftCovered(blocks: Parts["blocks"], qc: CommitQC): Promise<void> {
  for (const { lane, next } of qc.vote.laneRanges) await blocks.liftPins(lane, next);
}

function isDiskFull(cause: unknown): cause is PersisterError {
  return cause instanceof PersisterError && cause.code === "DISK_FULL";
}

/** A refusal stops its lane; a full disk is backpressure (D9); anything else is about the store. */
function refuseLane(state: AvailabilityState, lane: LaneId, cause: unknown): void {
  // Dropped under way: there is nothing left to persist, and who waited was told by the drop. An error
  // that names no lane is about the store.
  if (cause instanceof PersisterError && cause.code === "CLOSED" && cause.lane === lane) return;
  if (isDiskFull(cause)) {
    state.stall(cause);
    return;
  }
  const codes = [
    "OUT_OF_SEQUENCE",
    "DUPLICATE",
    "CONFLICT",
    "INVALID",
    "PINNED",
    "VERIFY_MISMATCH",
  ];
  if (!(cause instanceof PersisterError && codes.includes(cause.code))) throw cause;
  state.refuseLane(lane, cause);
}

function lanesOf(turn: PersistTurn, starts: ReadonlyMap<string, bigint>): Set<LaneId> {
  const pruned = [...starts.keys()].filter((name) => isLaneId(name));
  return new Set([...turn.lanes.keys(), ...pruned]);
}
