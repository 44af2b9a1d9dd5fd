/**
 * Verifying a state that was read: every record against the older revision's rules for admitting it,
 * which that revision did not apply again when it loaded one, and the logs against the anchor, as it
 * did before it started.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { sameBytes } from "../../wire/hash.js";
import { VerifyError, type VerifyErrorClass } from "../../wire/verify-error.js";
import type { OlderCommittee } from "./committee.js";
import { headerHash } from "./hash.js";
import type { LoadedLog } from "./log.js";
import {
  type CommitQC,
  firstOfLane,
  type LaneKey,
  type PruneAnchor,
  type SignedBlock,
} from "./messages.js";
import type { OlderRefusalReason } from "./refusal.js";
import type { OlderState, Reading } from "./state.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyCommitQC,
  verifySignedBlock,
} from "./verify.js";
import { verifyInner } from "./verify-inner.js";

/** The most blocks of a lane that the older revision starts with. */
const LANE_BLOCKS_MAX = 30;

/**
 * An `OlderRefusalReason` is about a part that cannot be opened. `wrong_lane`: the block lies in
 * another lane's log. `parent_hash`: it is not on the block before it. `road_gap`, `lane_gap`: the log
 * begins above where the anchor ends. `over_capacity`: too many blocks of a lane above the anchor.
 */
export type RefusedReason =
  | VerifyErrorClass
  | OlderRefusalReason
  | "wrong_lane"
  | "parent_hash"
  | "road_gap"
  | "lane_gap"
  | "over_capacity";

export interface RefusedRecord {
  readonly part: "inner" | "anchor" | "road" | "lane";
  /** The lane in whose log it is. */
  readonly lane: LaneKey | undefined;
  /** A block number or a road index; undefined where it is about the whole part. */
  readonly number: bigint | undefined;
  readonly reason: RefusedReason;
  readonly detail: string;
}

type Place = Pick<RefusedRecord, "part" | "lane" | "number">;

/** Everything in `state` that is refused, each with the first reason; nothing where all is well. */
export async function verifyOlderState(
  state: OlderState,
  committee: OlderCommittee,
): Promise<readonly RefusedRecord[]> {
  const refused: RefusedRecord[] = [];
  const note: Note = (place, reason, detail) => void refused.push({ ...place, reason, detail });
  const inner = contentOf(state.inner, whole("inner"), note);
  if (inner !== undefined) {
    await noting(whole("inner"), note, () => verifyInner(inner, committee));
  }
  const anchor = contentOf(state.anchor, whole("anchor"), note);
  if (anchor !== undefined) {
    await noting(whole("anchor"), note, () => verifyAnchor(anchor, committee));
  }
  // Where an anchor was lost, nothing says where the logs should begin.
  const startsKnown = state.anchor.status === "read";
  const road = contentOf(state.road, whole("road"), note);
  if (road !== undefined) {
    await noteRoad(road, committee, note);
    if (startsKnown) noteRoadStart(road, anchor, note);
  }
  for (const { lane, log } of state.lanes) {
    const loaded = contentOf(log, { ...whole("lane"), lane }, note);
    if (loaded === undefined) continue;
    await noteLane({ lane, log: loaded }, committee, note);
    if (startsKnown && committee.has(lane)) noteLaneStart({ lane, log: loaded }, anchor, note);
  }
  return refused;
}

type Note = (place: Place, reason: RefusedReason, detail: string) => void;

interface Lane {
  readonly lane: LaneKey;
  readonly log: LoadedLog<SignedBlock>;
}

function whole(part: RefusedRecord["part"]): Place {
  return { part, lane: undefined, number: undefined };
}

function contentOf<T>(reading: Reading<T>, place: Place, note: Note): T | undefined {
  if (reading.status === "read") return reading.content;
  note(place, reading.refusal.reason, reading.refusal.message);
  return undefined;
}

/** Runs `verify` and notes what it refuses. */
async function noting(place: Place, note: Note, verify: () => Promise<void> | void): Promise<void> {
  try {
    await verify();
  } catch (cause) {
    if (!(cause instanceof VerifyError)) throw cause;
    note(place, cause.errorClass, cause.message);
  }
}

async function verifyAnchor(anchor: PruneAnchor, committee: OlderCommittee): Promise<void> {
  await verifyAppQC(anchor.appQC, committee);
  await verifyCommitQC(anchor.commitQC, committee);
  verifyAppAgainstCommit(anchor.appQC.vote, anchor.commitQC);
}

async function noteRoad(
  road: LoadedLog<CommitQC>,
  committee: OlderCommittee,
  note: Note,
): Promise<void> {
  for (const qc of road.records) {
    const place = { ...whole("road"), number: qc.vote.view.index };
    await noting(place, note, () => verifyCommitQC(qc, committee));
  }
}

/** The parent of a log's first block cannot be checked: what was before it is gone. */
async function noteLane({ lane, log }: Lane, committee: OlderCommittee, note: Note): Promise<void> {
  let parent: Uint8Array | undefined;
  for (const signed of log.records) {
    const { header } = signed.msg;
    const place: Place = { part: "lane", lane, number: header.blockNumber };
    if (header.lane !== lane) {
      note(place, "wrong_lane", `the block is of lane ${header.lane}`);
    } else if (parent !== undefined && !sameBytes(header.parentHash, parent)) {
      note(place, "parent_hash", "the block is not on the one before it");
    } else {
      await noting(place, note, () => verifySignedBlock(signed, committee));
    }
    parent = headerHash(header);
    await nextTurn();
  }
}

/** The anchor brings its own commit QC: the log goes on behind that, or begins at or below it. */
function noteRoadStart(
  road: LoadedLog<CommitQC>,
  anchor: PruneAnchor | undefined,
  note: Note,
): void {
  const start = anchor === undefined ? 0n : anchor.commitQC.vote.view.index + 1n;
  const first = road.records[0]?.vote.view.index;
  if (first === undefined || first <= start) return;
  note({ ...whole("road"), number: first }, "road_gap", `the log must not begin above ${start}`);
}

function noteLaneStart({ lane, log }: Lane, anchor: PruneAnchor | undefined, note: Note): void {
  const start = anchor === undefined ? 0n : firstOfLane(anchor.commitQC.vote, lane);
  const kept = log.records.filter(({ msg }) => msg.header.blockNumber >= start);
  const first = kept[0]?.msg.header.blockNumber;
  if (first === undefined) return;
  const place: Place = { part: "lane", lane, number: first };
  if (first > start) note(place, "lane_gap", `the log must not begin above ${start}`);
  if (kept.length > LANE_BLOCKS_MAX) {
    note(place, "over_capacity", `${kept.length} blocks, at most ${LANE_BLOCKS_MAX}`);
  }
}
