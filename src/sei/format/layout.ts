/**
 * The parts of a state directory:
 *
 *   <state-dir>/
 *     inner_a.pb, inner_b.pb       the consensus votes
 *     commitqcs/                   one log: a record per commit QC, under its road index
 *     blocks/<lane>/               one log per lane: a record per signed block, under its number
 *
 * The name of a lane's directory is its 40 bytes in hex, in upper or lower case. The block store, which
 * has the prune anchor, lies elsewhere and is not read.
 */
import type { EntryKind } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import type { ReadableDisk } from "../../disk/readable.js";
import { VOTE_SLOTS } from "./vote-slots.js";

export const BLOCKS_NAME = "blocks";
export const COMMIT_QCS_NAME = "commitqcs";

export interface LaneDirectory {
  readonly lane: LaneId;
  readonly directory: string;
}

export interface StateLayout {
  readonly directory: string;
  readonly commitQCs: string;
  /** In the order in which sei-chain opens them: by name. */
  readonly lanes: readonly LaneDirectory[];
  /** Names that sei-chain passes over without a word, lanes of an older form included. */
  readonly foreign: readonly ForeignEntry[];
}

export interface ForeignEntry {
  readonly path: string;
  /** Whether an older revision of sei-chain wrote it. Its records are not read here. */
  readonly older: boolean;
}

/** Names of a state directory's other parts, which are not read. */
const KNOWN_NAMES = new Set([
  BLOCKS_NAME,
  COMMIT_QCS_NAME,
  `${VOTE_SLOTS}_a.pb`,
  `${VOTE_SLOTS}_b.pb`,
  "blockdb",
  "hashvault",
]);

/** A lane's directory before lanes had epochs: the key alone. */
const OLDER_LANE = /^[0-9a-fA-F]{64}$/;
/** The pair that held the prune anchor. */
const OLDER_ANCHOR = /^avail_inner_[ab]\.pb$/;

/**
 * Looks at the names in a state directory.
 *
 * @throws {PersisterError} NOT_A_STORE if there is no such directory; IO, READ_ONLY.
 */
export async function readLayout(disk: ReadableDisk, directory: string): Promise<StateLayout> {
  const top = await disk.list(directory);
  if (top === undefined) {
    const message = `no state directory: ${directory} (check the path)`;
    throw new PersisterError("NOT_A_STORE", message, { file: directory });
  }
  const lanes: LaneDirectory[] = [];
  const foreign: ForeignEntry[] = top
    .filter(({ name }) => !KNOWN_NAMES.has(name))
    .map(({ name }) => ({ path: `${directory}/${name}`, older: OLDER_ANCHOR.test(name) }));
  for (const { name, kind } of (await disk.list(`${directory}/${BLOCKS_NAME}`)) ?? []) {
    const path = `${directory}/${BLOCKS_NAME}/${name}`;
    const lane = laneOf(name, kind);
    if (lane !== undefined) lanes.push({ lane, directory: path });
    else foreign.push({ path, older: kind === "directory" && OLDER_LANE.test(name) });
  }
  return { directory, commitQCs: `${directory}/${COMMIT_QCS_NAME}`, lanes, foreign };
}

function laneOf(name: string, kind: EntryKind): LaneId | undefined {
  const lower = name.toLowerCase();
  return kind === "directory" && isLaneId(lower) ? lower : undefined;
}
