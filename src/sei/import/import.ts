/**
 * A verifying import: reads a state directory of sei-chain and gives only what verifies, in an order in
 * which a store can take it: commit QCs, then the blocks of each lane, then the votes.
 *
 * The loaders of sei-chain verify nothing but that records decode. Here every record is checked by
 * itself and against the one before it (`road-check.ts`, `lane-check.ts`). A refused record is given
 * too, with the reason. Nothing is dropped in silence.
 *
 * Look at the refusals before you sign with what an import gave. A refused block or vote may have been
 * sent before, and signing another in its place is equivocation.
 */
import { absolutePath, type PathInput } from "../../disk/path.js";
import { verifyAnchor } from "../../wire/rules/verify.js";
import { RealDisk } from "../../disk/real/real.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { EpochOf } from "../../wire/committee.js";
import { decodePersistedInner, unknownFieldOfVotes } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import type { CommitQC, PersistedInner, PruneAnchor, SignedBlock } from "../../wire/messages.js";
import { VerifyError } from "../../wire/verify-error.js";
import { importLog, type LogItem, refusedItem, refusedWhole } from "./import-log.js";
import { LaneCheck, type LaneStart, type VerifiedBlock } from "./lane-check.js";
import type { ForeignEntry } from "../format/layout.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { type RefusedRecord, refusedBy } from "./record-check.js";
import { RoadCheck, type VerifiedCommitQC } from "./road-check.js";
import { directorySource, type LaneSource, type StateSource } from "../read/source.js";
import { StateError } from "../format/state-error.js";
import type { DamagedSlot } from "../format/vote-slots.js";
import { currentView, epochIndexOf, verifyVoteState } from "./vote-state.js";

/**
 * The start of road and lanes.
 *
 * - `"zero"`: at 0, as without an anchor. A log that starts higher has lost records.
 * - an anchor: the road right above it; a lane anywhere in the anchor's range of it, since sei-chain
 *   prunes whole files up to the end of that range; at 0 if the anchor has no range of it. Records
 *   below are passed over.
 * - `"any"`: wherever they do. The caller has to know what is missing.
 */
export type ImportStart = "zero" | "any" | PruneAnchor;

export interface ImportOptions {
  readonly epochOf: EpochOf;
  /** @defaultValue `"zero"` */
  readonly start?: ImportStart;
}

/** Consensus votes that verify. */
export interface VerifiedVotes {
  readonly kind: "votes";
  readonly votes: PersistedInner;
  /** The bytes that they were decoded from. */
  readonly message: Uint8Array;
  /** The road index that the node votes on. */
  readonly roadIndex: bigint;
  /** A slot that is damaged beside the one that counts. */
  readonly damaged: DamagedSlot | undefined;
}

export type ImportItem =
  | LogItem<VerifiedCommitQC | VerifiedBlock>
  | VerifiedVotes
  /** A name that was passed over. */
  | { readonly kind: "foreign"; readonly entry: ForeignEntry };

type Items = AsyncGenerator<ImportItem, void, void>;

/**
 * Imports the state directory `directory`, which is never changed. One file is in memory at a time,
 * besides what the caller keeps.
 *
 * @throws {PersisterError} INVALID if the anchor does not verify; NOT_A_STORE, IO, READ_ONLY.
 */
export function importSeiDirectory(
  directory: PathInput,
  options: ImportOptions,
): AsyncGenerator<ImportItem, void, void> {
  return importSeiDirectoryOn(new RealDisk(), absolutePath(directory), options);
}

/** `importSeiDirectory` on a disk of the caller's. */
export async function* importSeiDirectoryOn(
  disk: ReadableDisk,
  directory: string,
  options: ImportOptions,
): Items {
  yield* importFrom(await directorySource(disk, directory), options);
}

/** As `importSeiDirectory`, from any source. */
export async function* importFrom(source: StateSource, options: ImportOptions): Items {
  const { epochOf, start = "zero" } = options;
  const anchor = typeof start === "string" ? undefined : await proven(start, epochOf);
  for (const entry of source.foreign) yield { kind: "foreign", entry };
  const roadStart = anchor ? anchor.vote.view.index + 1n : start === "any" ? undefined : 0n;
  const road = new RoadCheck({ epochOf, start: roadStart, anchor });
  const roadLog = {
    ...source.road,
    lane: undefined,
    numberOf: (qc: CommitQC) => qc.vote.view.index,
  };
  yield* importLog(roadLog, (record) => road.check(record));
  for (const lane of source.lanes) {
    if (hasTwin(lane, source)) yield twoDirectories(lane);
    else yield* importLane(lane, road, laneStartOf(lane.lane, start));
  }
  yield* importVotes(source, epochOf);
}

async function proven(anchor: PruneAnchor, epochOf: EpochOf): Promise<CommitQC> {
  try {
    await verifyAnchor(anchor, epochOf);
    return anchor.commitQC;
  } catch (cause) {
    if (!(cause instanceof VerifyError)) throw cause;
    const { index } = anchor.commitQC.vote.view;
    const message = `prune anchor ${index} is refused: ${cause.message}`;
    throw new PersisterError("INVALID", message, { roadIndex: index, cause });
  }
}

function laneStartOf(lane: LaneId, start: ImportStart): LaneStart | undefined {
  if (start === "any") return undefined;
  const ranges = start === "zero" ? [] : start.commitQC.vote.laneRanges;
  const range = ranges.find((each) => each.lane === lane);
  return { lowest: range?.first ?? 0n, highest: range?.next ?? 0n };
}

function hasTwin({ lane, directory }: LaneSource, source: StateSource): boolean {
  return source.lanes.some((other) => other.lane === lane && other.directory !== directory);
}

/** Nobody can tell which of the two the node went on with, so neither is taken. */
function twoDirectories(place: LaneSource): ImportItem {
  const detail = "another directory is called by the same lane";
  return refusedItem(place, { reason: "two_directories", detail });
}

async function* importLane(
  source: LaneSource,
  { epochs, newestEpoch }: RoadCheck,
  start: LaneStart | undefined,
): Items {
  const { lane } = source;
  const epoch = epochs.find(({ committee }) => committee.memberOfLane(lane) !== undefined);
  const isPast =
    epoch !== undefined && newestEpoch !== undefined && epoch.index < newestEpoch.index;
  const check = new LaneCheck({ lane, committee: epoch?.committee, start });
  const pastEpoch = isPast ? epoch.index : undefined;
  const numberOf = (block: SignedBlock): bigint => block.msg.header.blockNumber;
  const log = { ...source, pastEpoch, numberOf };
  yield* importLog(log, (record) => check.check(record));
}

async function* importVotes({ votes: source }: StateSource, epochOf: EpochOf): Items {
  const place = { lane: undefined, directory: source.directory };
  try {
    const slots = await source.open();
    if (slots.kind === "fresh") return;
    const { message, damaged } = slots;
    const unknown = unknownFieldOfVotes(message);
    if (unknown !== undefined) {
      const detail = `field ${unknown} is not known here, and may be a vote: it cannot be left out`;
      yield refusedItem(place, { reason: "unknown_field", detail });
      return;
    }
    const votes = decodePersistedInner(message);
    const roadIndex = await verifiedRoad(votes, epochOf);
    yield { kind: "votes", votes, message, roadIndex, damaged };
  } catch (cause) {
    if (cause instanceof StateError) yield refusedWhole(place, cause);
    else yield refusedItem(place, refusedVotes(cause));
  }
}

function refusedVotes(cause: unknown): RefusedRecord {
  if (!(cause instanceof DecodeError)) return refusedBy(cause);
  const reason = "record_does_not_decode";
  return { kind: "refused", reason, detail: cause.message, cause };
}

/** The road index that the votes are about, once they are verified. An empty state is about road 0. */
async function verifiedRoad(votes: PersistedInner, epochOf: EpochOf): Promise<bigint> {
  const epochIndex = epochIndexOf(votes);
  if (epochIndex === undefined) return 0n;
  const epoch = epochOf(epochIndex);
  if (!epoch) throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
  await verifyVoteState(votes, epoch);
  return currentView(votes, epochIndex).index;
}
