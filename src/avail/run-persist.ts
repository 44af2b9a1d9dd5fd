/**
 * The loop that drains the availability state to disk. Each turn:
 *
 * 1. It waits for work.
 * 2. It writes lanes and road concurrently, all of a turn in one group of the journal.
 * 3. Each lane publishes its durable cursor the moment its own records are durable.
 * 4. It sends a new anchor on its way to its A/B files, one at a time. No turn waits for it.
 * 5. When the anchor is durable, capacity is freed and lanes and road are pruned, each behind the
 *    reading of the record that becomes its first (D3, D4).
 *
 * A lane that the anchor must reset waits for it by itself: the state admits no block at or above such
 * a start before the anchor is durable. So a crash that loses the anchor leaves lanes that go on under
 * the anchor before it, and one that keeps it finds them whole, to be pruned by it.
 *
 * Nobody waits for prunes but, in one case, the next anchor: `pending-prunes.ts`.
 *
 * A refusal stops its lane alone. A failed write poisons the store: the loop ends with the first error,
 * after all branches of the turn have ended. Lanes are dropped in a turn of their own.
 */
import pLimit, { type LimitFunction } from "p-limit";
import { allEnded } from "../async/all-ended.js";
import type { KnownAnchor } from "../persist/anchor.js";
import type { Persisters } from "../persist/persisters.js";
import { hasCode, type PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { CommitQC } from "../wire/messages.js";
import type { AvailabilityState } from "./availability-state.js";
import { Background } from "../async/background.js";
import type { Inner } from "./inner.js";
import { PendingPrunes } from "./pending-prunes.js";
import type { DropTurn, LaneWork, PersistTurn, WriteTurn } from "./persist-turn.js";

type Parts = Pick<Persisters, "journal" | "anchor" | "blocks" | "road">;

/** Whether a prune may wait for the group of a later turn. */
type Lazily = () => boolean;

/** Branches of a turn that run at once. More would not fit one group of the journal. */
const BRANCHES_MAX = 1024;

/**
 * Persists what the state admits until the state is closed and its queues are empty. Rejects with
 * the first error that is not a refusal of one lane.
 */
export async function runPersist(state: AvailabilityState, parts: Parts): Promise<void> {
  // Anchors and truncations: no turn waits for them, the end does.
  const background = new Background();
  const prunes = new PendingPrunes();
  const limit = pLimit(BRANCHES_MAX);
  for (;;) {
    const turn = await nextTurn(state, background.failure);
    if (!turn) break;
    if (turn.kind === "drop") await dropTurn(state.inner, parts, turn);
    else {
      await writeTurn(state.inner, parts, turn, limit);
      // Behind the group, which so has the disk for itself; the turns that follow do not wait for it.
      const { anchor } = turn;
      if (anchor) background.add(persistAnchor(state.inner, parts, { anchor, prunes }));
    }
  }
  await background.ended();
}

/** By a signal, not by a race with a promise: one that never settles would keep every turn in memory. */
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

async function writeTurn(
  inner: Inner,
  parts: Parts,
  turn: WriteTurn,
  limit: LimitFunction,
): Promise<void> {
  const lanes = turn.lanes.map((work) => limit(() => persistLane(inner, parts, work)));
  await allEnded([...lanes, limit(() => persistRoad(inner, parts, turn))]);
}

/** A full disk is told to those who asked: the lanes that could not be dropped go on as they were. */
async function dropTurn(inner: Inner, { blocks }: Parts, { keep }: DropTurn): Promise<void> {
  let refusal: PersisterError | undefined;
  try {
    await blocks.dropLanesExcept(keep);
  } catch (cause) {
    if (!hasCode(cause, "DISK_FULL")) throw cause;
    refusal = cause;
  }
  inner.dropEnded((lane) => keep.has(lane) || blocks.lanes.has(lane), refusal);
}

/** D3: the anchor is durable before anything is pruned by it. */
async function persistAnchor(
  inner: Inner,
  parts: Parts,
  { anchor, prunes }: { readonly anchor: KnownAnchor; readonly prunes: PendingPrunes },
): Promise<void> {
  const { lanes } = anchor.starts;
  await prunes.endedBefore(lanes, () => parts.journal.hurry());
  try {
    await parts.anchor.write(anchor);
  } catch (cause) {
    // The anchor's slot cannot grow: nothing was pruned, and the anchor waits.
    if (!hasCode(cause, "DISK_FULL")) throw cause;
    inner.anchorStalled(anchor, cause);
    return;
  }
  inner.anchorDurable(anchor);
  const { commitQC } = anchor.anchor;
  const lazily = (): boolean => prunes.mayWait;
  const pruned = allEnded([
    ...[...lanes].map(([lane, start]) => pruneLane(inner, parts, { lane, start, lazily })),
    pruneRoad(inner, parts, { anchorQC: commitQC, lazily }),
    liftCovered(parts.blocks, commitQC),
  ]);
  await prunes.add(lanes, pruned);
}

/**
 * Writes the blocks of one lane. Up to the submission it runs in one step, so that the log cannot
 * change below it.
 */
async function persistLane(inner: Inner, { blocks }: Parts, work: LaneWork): Promise<void> {
  const { lane, queue } = work;
  const held = blocks.lanes.get(lane)?.appendNext ?? 0n;
  // An anchor that became durable since the turn was taken may have reset the lane.
  const rest = work.blocks.filter(({ number }) => number >= held);
  const [first] = rest;
  if (!first) return;
  try {
    await blocks.write(lane, {
      // Admitted above the end of the log: a durable anchor has moved the start, and the log does not
      // say so yet (the disk was full, or the lane was dropped and came back). Now it does.
      ...(first.number > held ? { start: first.number } : {}),
      blocks: rest,
      onDurable: (next) => inner.blocksDurable(lane, next, queue),
    });
  } catch (cause) {
    refuseLane(inner, lane, cause);
  }
}

async function persistRoad(inner: Inner, { road, blocks }: Parts, turn: WriteTurn): Promise<void> {
  const held = road.log.appendNext;
  const commitQCs = turn.commitQCs.filter(({ number }) => number >= held);
  const [first] = commitQCs;
  if (!first) return;
  try {
    await road.append(commitQCs, {
      // As for a lane: a durable anchor has moved the start past the end of the log.
      ...(first.number > held ? { start: first.number } : {}),
      onDurable: (next) => inner.commitQCsDurable(next),
    });
  } catch (cause) {
    stallWhenFull(inner, cause);
    return;
  }
  for (const { qc } of commitQCs) await liftCovered(blocks, qc);
}

async function pruneLane(
  inner: Inner,
  { blocks }: Parts,
  { lane, ...turn }: { readonly lane: LaneId; readonly start: bigint; readonly lazily: Lazily },
): Promise<void> {
  try {
    await untilThereIsRoom(inner, turn.lazily, (lazily) => blocks.write(lane, { ...turn, lazily }));
  } catch (cause) {
    refuseLane(inner, lane, cause);
  }
}

/** As for a lane. An anchor beyond the road empties it; its commit QC is the next one that is written. */
async function pruneRoad(
  inner: Inner,
  { road }: Parts,
  turn: { readonly anchorQC: CommitQC; readonly lazily: Lazily },
): Promise<void> {
  try {
    await untilThereIsRoom(inner, turn.lazily, (lazily) => road.prune(turn.anchorQC, { lazily }));
  } catch (cause) {
    stallWhenFull(inner, cause);
  }
}

/** A truncation that a full disk refuses waits for the group that has room for it. */
async function untilThereIsRoom(
  inner: Inner,
  lazily: Lazily,
  prune: (lazily: Lazily) => Promise<void>,
): Promise<void> {
  try {
    await prune(lazily);
  } catch (cause) {
    if (!hasCode(cause, "DISK_FULL")) throw cause;
    inner.stall(cause);
    await prune(() => true);
  }
}

/** D6: a commit QC covers every number below the next of each of its ranges. */
async function liftCovered(blocks: Parts["blocks"], qc: CommitQC): Promise<void> {
  await blocks.liftPins(qc.vote.laneRanges);
}

/** A refusal of one lane is about the records that the lane was given, or holds: it stops that lane alone. */
const laneRefusals = [
  "OUT_OF_SEQUENCE",
  "DUPLICATE",
  "CONFLICT",
  "INVALID",
  "PINNED",
  "VERIFY_MISMATCH",
  "TOO_MANY_LANES",
] as const;

/** A refusal stops its lane; a full disk is backpressure (D9); anything else is about the store. */
function refuseLane(inner: Inner, lane: LaneId, cause: unknown): void {
  // A truncation that was verifying as its lane was dropped: there is nothing left to truncate. An
  // error that names no lane is about the store.
  if (hasCode(cause, "CLOSED") && cause.lane === lane) return;
  if (hasCode(cause, ...laneRefusals) && cause.lane === lane) inner.refuseLane(lane, cause);
  else stallWhenFull(inner, cause);
}

/** D9: what is queued waits for space. The heads of segments may be full, as well as the disk. */
function stallWhenFull(inner: Inner, cause: unknown): void {
  if (!hasCode(cause, "DISK_FULL", "TOO_MANY_LANES")) throw cause;
  inner.stall(cause);
}
