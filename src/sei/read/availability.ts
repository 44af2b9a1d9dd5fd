/**
 * The road and the lanes that sei-chain's availability layer would hold after opening a state directory,
 * each from its start under the anchor. That layer asks that road and lanes have no gap, that blocks are
 * linked to each other, and that no lane exceeds its capacity. It verifies no signature.
 */
import type { LaneId } from "../../types/lane.js";
import { type Epoch, type EpochOf, isLaneClosed } from "../../wire/committee.js";
import { decodeCommitQC, decodeSignedBlock } from "../../wire/codec/decode.js";
import { headerHash, sameBytes } from "../../wire/hash.js";
import { type CommitQC, LANE_BLOCKS_MAX, type SignedBlock } from "../../wire/messages.js";
import { BLOCKS_NAME, readLayout, type StateLayout } from "../format/layout.js";
import { type LiveRun, liveRunOf } from "./live-run.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { absolutePath, type PathInput } from "../../disk/path.js";
import { RealDisk } from "../../disk/real/real.js";
import { StateError } from "../format/state-error.js";

export interface AvailabilityContext {
  /** The newest epoch that the node knows: its lanes are there, empty or not. */
  readonly latest: Epoch;
  readonly epochOf: EpochOf;
  /** The anchor's commit QC, from the block store. It is not verified here. */
  readonly anchor?: CommitQC;
}

/** The numbers [first, next) that are held. */
export interface HeldRange {
  readonly first: bigint;
  readonly next: bigint;
}

export interface Availability {
  readonly road: HeldRange;
  /** The last of the road, or the anchor's if the road is empty. */
  readonly latestCommitQC: CommitQC | undefined;
  readonly lanes: ReadonlyMap<LaneId, HeldRange>;
  /** The names left in `blocks/`. Opening deletes the directories of closed lanes. */
  readonly names: readonly string[];
}

interface Loaded {
  readonly layout: StateLayout;
  readonly lanes: ReadonlyMap<LaneId, LiveRun<SignedBlock>>;
  readonly road: LiveRun<CommitQC>;
}

/**
 * Opens the state directory as sei-chain does, and changes nothing.
 *
 * @throws {StateError} as opening and reading a log do; `epoch`, `road_gap`, `lane_gap`, `parent_hash`,
 * `over_capacity`.
 * @throws {PersisterError} NOT_A_STORE, IO, READ_ONLY.
 */
export async function availabilityOf(
  directory: PathInput,
  context: AvailabilityContext,
): Promise<Availability> {
  return await availabilityOn(new RealDisk(), absolutePath(directory), context);
}

/** `availabilityOf` on a disk of the caller's. */
export async function availabilityOn(
  disk: ReadableDisk,
  directory: string,
  context: AvailabilityContext,
): Promise<Availability> {
  const loaded = await load(disk, directory);
  const { anchor, latest } = context;
  const anchorEpoch = anchor && requireEpoch(anchor, context.epochOf);
  const road = await openRoad(loaded.road, context);
  const lanes = new Map<LaneId, HeldRange>();
  const members = latest.committee.members.map(({ lane }) => lane);
  const closed = (lane: LaneId): boolean =>
    anchorEpoch !== undefined && isLaneClosed(lane, anchorEpoch.index, anchorEpoch.committee);
  for (const lane of new Set([...members, ...loaded.lanes.keys()])) {
    if (closed(lane)) continue;
    const start = anchor?.vote.laneRanges.find((range) => range.lane === lane)?.next ?? 0n;
    lanes.set(lane, await openLane(lane, start, loaded.lanes.get(lane)));
  }
  const names = await namesLeft(disk, loaded.layout, lanes);
  return { ...road, lanes, names };
}

/** Reads and decodes every log, in sei-chain's order: the first that is refused decides. */
async function load(disk: ReadableDisk, directory: string): Promise<Loaded> {
  const layout = await readLayout(disk, directory);
  const lanes = new Map<LaneId, LiveRun<SignedBlock>>();
  for (const { lane, directory: path } of layout.lanes) {
    const run = await liveRunOf(disk, path, decodeSignedBlock);
    // Of two directories of one lane the later one that holds anything counts.
    if (run.count > 0) lanes.set(lane, run);
  }
  const road = await liveRunOf(disk, layout.commitQCs, decodeCommitQC);
  return { layout, lanes, road };
}

async function openRoad(
  run: LiveRun<CommitQC>,
  { anchor, epochOf }: AvailabilityContext,
): Promise<Pick<Availability, "road" | "latestCommitQC">> {
  const first = anchor === undefined ? 0n : anchor.vote.view.index + 1n;
  let next = first;
  let latestCommitQC = anchor;
  for await (const { value, file, offset } of run.records()) {
    const { index } = value.vote.view;
    if (index < next) continue;
    if (index > next) {
      const detail = `the commit QC of road ${index} follows, and ${next} is missing`;
      throw new StateError("road_gap", detail, { file, offset, number: next });
    }
    requireEpoch(value, epochOf);
    latestCommitQC = value;
    next += 1n;
  }
  return { road: { first, next }, latestCommitQC };
}

function requireEpoch(qc: CommitQC, epochOf: EpochOf): Epoch {
  const { epochIndex, index } = qc.vote.view;
  const epoch = epochOf(epochIndex);
  if (epoch) return epoch;
  const detail = `the commit QC of road ${index} is of epoch ${epochIndex}, which is not known`;
  throw new StateError("epoch", detail, { number: index });
}

async function openLane(
  lane: LaneId,
  first: bigint,
  run: LiveRun<SignedBlock> | undefined,
): Promise<HeldRange> {
  let next = first;
  let tip: Uint8Array | undefined;
  for await (const { value, file, offset } of run?.records() ?? []) {
    const { header } = value.msg;
    const number = header.blockNumber;
    const facts = { file, offset, lane, number };
    if (next - first >= LANE_BLOCKS_MAX) {
      const detail = `lane ${lane} holds more than ${LANE_BLOCKS_MAX} blocks from ${first} on`;
      throw new StateError("over_capacity", detail, facts);
    }
    if (number < next) continue;
    if (number > next) {
      const detail = `block ${number} of lane ${lane} follows, and ${next} is missing`;
      throw new StateError("lane_gap", detail, { ...facts, number: next });
    }
    if (tip && !sameBytes(tip, header.parentHash)) {
      const detail = `block ${number} of lane ${lane} names another parent than ${number - 1n}`;
      throw new StateError("parent_hash", detail, facts);
    }
    tip = headerHash(header);
    next += 1n;
  }
  return { first, next };
}

/** sei-chain deletes a dropped lane's directory by the lane's own name, in lower case. */
async function namesLeft(
  disk: ReadableDisk,
  { directory, lanes }: StateLayout,
  kept: ReadonlyMap<LaneId, HeldRange>,
): Promise<readonly string[]> {
  const dropped = new Set<string>(lanes.map(({ lane }) => lane).filter((lane) => !kept.has(lane)));
  const entries = (await disk.list(`${directory}/${BLOCKS_NAME}`)) ?? [];
  return entries.map(({ name }) => name).filter((name) => !dropped.has(name));
}
