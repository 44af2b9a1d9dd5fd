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
  for (;;) {
    const turn = await state.nextTurn();
    if (!turn) return;
    await persistTurn(state, parts, turn);
  }
}

async function persistTurn(
  state: AvailabilityState,
  parts: Parts,
  turn: PersistTurn,
): Promise<void> {
  const limit = pLimit(BRANCHES_MAX);
  const starts = turn.anchor ? anchorStarts(turn.anchor) : new Map<string, bigint>();
  const anchored = turn.anchor ? persistAnchor(state, parts, turn.anchor) : undefined;
  const branches: Promise<void>[] = [];
  for (const lane of lanesOf(turn, starts)) {
    const work = { lane, start: starts.get(lane), blocks: turn.lanes.get(lane) ?? [] };
    branches.push(limit(() => persistLane(state, parts, work, anchored)));
  }
  branches.push(limit(() => persistRoad(state, parts, turn, anchored)));
  const ended = await Promise.allSettled([anchored, ...branches]);
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
  const held = blocks.lanes.get(lane)?.appendNext ?? 0n;
  const resets = start !== undefined && start > held;
  const onDurable = (next: bigint): void => state.blocksDurable(lane, next);
  // The state has dropped queued blocks below the anchor's start by then: they are dropped here too.
  const records = resets ? work.blocks.filter(({ number }) => number >= start) : work.blocks;
  try {
    if (resets) {
      await anchored;
      await blocks.write(lane, { start, blocks: records, onDurable });
      return;
    }
    await Promise.all([
      records.length > 0 ? blocks.write(lane, { blocks: records, onDurable }) : undefined,
      start === undefined ? undefined : pruneLane(blocks, lane, start, anchored),
    ]);
  } catch (cause) {
    refuseLane(state, lane, cause);
  }
}

async function pruneLane(
  blocks: Parts["blocks"],
  lane: LaneId,
  start: bigint,
  anchored: Promise<void> | undefined,
): Promise<void> {
  await anchored;
  await blocks.write(lane, { start });
}

async function persistRoad(
  state: AvailabilityState,
  { road, blocks }: Parts,
  turn: PersistTurn,
  anchored: Promise<void> | undefined,
): Promise<void> {
  const anchorQC = turn.anchor?.commitQC;
  const onDurable = (next: bigint): void => state.commitQCsDurable(next);
  const nextAfter = road.log.appendNext + BigInt(turn.commitQCs.length);
  const resets = anchorQC !== undefined && anchorQC.vote.view.index >= nextAfter;
  try {
    // Where the anchor resets the road, everything queued lies below it: the prune writes its QC.
    if (!resets) await road.append(turn.commitQCs, onDurable);
    await Promise.all(turn.commitQCs.map(({ qc }) => liftCovered(blocks, qc)));
    if (!anchorQC) return;
    await anchored;
    await road.prune(anchorQC);
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
  if (isDiskFull(cause)) {
    state.stall(cause);
    return;
  }
  const codes = ["OUT_OF_SEQUENCE", "DUPLICATE", "CONFLICT", "INVALID", "PINNED", "VERIFY_MISMATCH"];
  if (!(cause instanceof PersisterError && codes.includes(cause.code))) throw cause;
  state.refuseLane(lane, cause);
}

function lanesOf(turn: PersistTurn, starts: ReadonlyMap<string, bigint>): Set<LaneId> {
  const pruned = [...starts.keys()].filter((name) => isLaneId(name));
  return new Set([...turn.lanes.keys(), ...pruned]);
}
