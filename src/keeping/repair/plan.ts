/**
 * Decides what of a damaged store is kept: each log as `logs.ts` says, the newest anchor that the committees prove, and
 * the newest votes.
 *
 * An anchor of a peer is proven by the committees alone, as a running store takes one from anybody. It is asked for only
 * where ours is lost: it prunes what ours kept, and nobody can tell whether it is as new as the lost one.
 */
import { proveAnchor, startsOf } from "../../persist/anchor.js";
import { isNoteLog } from "../../persist/note-forms.js";
import { hasCode } from "../../types/errors.js";
import { isLaneId } from "../../types/lane.js";
import type { Epoch } from "../../wire/committee.js";
import type { PruneAnchor } from "../../wire/messages.js";
import { verifyAnchor } from "../../wire/rules/verify.js";
import { type KeptLog, LogPlanner, NOWHERE_ELSE } from "./logs.js";
import type { SalvagedLog } from "./salvage.js";
import type { RepairSources } from "./sources.js";

export interface RepairPlan {
  readonly logs: readonly KeptLog[];
  readonly anchor: PruneAnchor | undefined;
  readonly vote: Uint8Array | undefined;
  /** An anchor, or votes, that the mark names as acknowledged and that nobody has. */
  readonly isAnchorLost: boolean;
  readonly isVoteLost: boolean;
  /** Nobody can tell what was acknowledged behind the records that are kept. */
  readonly isEndUnknown: boolean;
}

export async function planRepair(sources: RepairSources): Promise<RepairPlan> {
  const { store, backup, isEndUnknown } = sources;
  const { mark } = store;
  const isAnchorLost = (mark?.anchor.acked ?? 0n) > (store.anchors[0]?.sequence ?? 0n);
  const isNone = store.anchors.length === 0 && mark === undefined;
  const anchor = await newestAnchor(sources, isAnchorLost || isNone);
  const starts = anchor && startsOf(anchor);
  const planner = new LogPlanner(sources);
  const names = new Set([...store.logs.keys(), ...(starts?.lanes.keys() ?? [])]);
  // The record that made a log may be lost with all that followed it.
  if (isEndUnknown) for (const name of backup?.logs.keys() ?? []) names.add(name);
  const logs: KeptLog[] = [];
  const road = await planner.road(starts?.road ?? 0n);
  for (const name of names) {
    if (isNoteLog(name)) logs.push(keptNotes(store.logs.get(name) ?? backup?.logs.get(name)));
    else if (isLaneId(name)) {
      const least = anchor ? (store.logs.get(name)?.first ?? 0n) : 0n;
      logs.push(await planner.lane(name, starts?.lanes.get(name) ?? least, road));
    }
  }
  const [vote] = store.votes;
  const newest = vote ?? backup?.votes[0];
  return {
    logs: [road, ...logs],
    anchor,
    vote: newest?.message,
    isAnchorLost,
    isVoteLost: (mark?.vote.acked ?? 0n) > (vote?.sequence ?? 0n),
    isEndUnknown,
  };
}

/** The newest anchor that the committees prove. */
async function newestAnchor(
  { store, backup, peers, epochs }: RepairSources,
  isLost: boolean,
): Promise<PruneAnchor | undefined> {
  const epochOf = (index: bigint): Epoch | undefined => epochs.find((each) => each.index === index);
  let best: PruneAnchor | undefined;
  const asked = isLost ? await peers.anchor?.() : undefined;
  const ofPeers = asked ? [{ message: asked, file: "the anchor of a peer" }] : [];
  for (const { message, file } of [...store.anchors, ...(backup?.anchors ?? []), ...ofPeers]) {
    try {
      const anchor = await proveAnchor(message, file, (read) => verifyAnchor(read, epochOf));
      const { index } = anchor.commitQC.vote.view;
      if (!best || index > best.commitQC.vote.view.index) best = anchor;
    } catch (cause) {
      // Another slot, or another source, may have one that is right.
      if (!hasCode(cause, "ANCHOR_CORRUPT")) throw cause;
    }
  }
  return best;
}

/** The notes behind the last one that is lost: their numbers only rise, also where all are lost. */
function keptNotes(log: SalvagedLog | undefined): KeptLog {
  const { name = "", first = 0n, next = 0n, records = new Map<bigint, Uint8Array>() } = log ?? {};
  let from = next;
  while (from > first && records.has(from - 1n)) from -= 1n;
  const kept: Uint8Array[] = [];
  for (let number = from; number < next; number++) kept.push(records.get(number) ?? NOTHING);
  const lost = from > first ? { first, next: from } : undefined;
  return { name, first: from, records: kept, ...NOWHERE_ELSE, lost };
}

const NOTHING = new Uint8Array(0);
