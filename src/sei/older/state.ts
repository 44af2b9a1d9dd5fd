/**
 * A whole state directory of sei's older revision, read and not touched.
 *
 *   inner_{a,b}.pb          the consensus votes        blocks/<key hex>/   one log per lane
 *   avail_inner_{a,b}.pb    the prune anchor           commitqcs/          the road's log
 *
 * This reads history; it is no way to carry it on. The older messages lack the lane's epoch, the
 * view's epoch and the global number, and their payloads have other fields. A block of the older
 * revision has no counterpart with the same hash in the newer one, so neither parents nor signatures
 * nor certificates survive a translation, and none is offered.
 *
 * Its owner must be stopped: nothing in these directories can be locked.
 */
import { RealDisk } from "../../disk/real.js";
import { PersisterError } from "../../types/errors.js";
import type { ReadableDisk } from "../readable-disk.js";
import { StateError } from "../state-error.js";
import { decodePersistedInner, decodePruneAnchor } from "./decode.js";
import { decodedOf, type LoadedLog, loadLane, loadRoad } from "./log.js";
import {
  type CommitQC,
  type LaneKey,
  laneKeyOf,
  type PersistedInner,
  type PruneAnchor,
  type SignedBlock,
} from "./messages.js";
import { OlderRefusal } from "./refusal.js";
import * as schemas from "./schema.js";
import { loadSlots } from "./slots.js";

/** What opening one part gives: its content, or the reason why the older revision would not start. */
export type Reading<T> =
  | { readonly status: "read"; readonly content: T }
  | { readonly status: "refused"; readonly refusal: OlderRefusal };

export interface OlderLane {
  readonly lane: LaneKey;
  readonly log: Reading<LoadedLog<SignedBlock>>;
}

export interface OlderState {
  /** The content is undefined where nothing was ever kept. */
  readonly inner: Reading<PersistedInner | undefined>;
  /** As `inner`. */
  readonly anchor: Reading<PruneAnchor | undefined>;
  /** One for each lane directory, in the order of their names. */
  readonly lanes: readonly OlderLane[];
  readonly road: Reading<LoadedLog<CommitQC>>;
  /** What else is in `blocks/`, by name; the older revision passes over it. */
  readonly skipped: readonly string[];
}

const laneDirectoryForm = /^[0-9a-fA-F]{64}$/;

/**
 * Reads everything in `directory` into memory, a part that is refused beside those that are not.
 *
 * @throws {PersisterError} NOT_A_STORE when `directory` is none; IO, READ_ONLY.
 */
export async function readOlderState(
  directory: string,
  { disk = new RealDisk() }: { readonly disk?: ReadableDisk } = {},
): Promise<OlderState> {
  if ((await disk.list(directory)) === undefined) {
    const message = `${directory} is not a directory: name the state directory of a stopped node`;
    throw new PersisterError("NOT_A_STORE", message, { file: directory });
  }
  const [blocks, road] = [`${directory}/blocks`, `${directory}/commitqcs`];
  const lanes: OlderLane[] = [];
  const skipped: string[] = [];
  for (const { name, kind } of (await disk.list(blocks)) ?? []) {
    if (kind === "directory" && laneDirectoryForm.test(name)) {
      const lane = laneKeyOf(Buffer.from(name, "hex"));
      const path = `${blocks}/${name}`;
      lanes.push({ lane, log: await reading(path, loadLane(disk, path)) });
    } else {
      skipped.push(name);
    }
  }
  return {
    inner: await reading(directory, readInner(disk, directory)),
    anchor: await reading(directory, readAnchor(disk, directory)),
    lanes,
    road: await reading(road, loadRoad(disk, road)),
    skipped,
  };
}

async function reading<T>(path: string, content: Promise<T>): Promise<Reading<T>> {
  try {
    return { status: "read", content: await content };
  } catch (cause) {
    if (cause instanceof OlderRefusal) return { status: "refused", refusal: cause };
    if (!(cause instanceof StateError)) throw cause;
    const refusal = new OlderRefusal("corrupt", cause.file ?? path, cause.message, cause);
    return { status: "refused", refusal };
  }
}

async function readInner(
  disk: ReadableDisk,
  directory: string,
): Promise<PersistedInner | undefined> {
  const kept = await loadSlots(disk, directory, "inner");
  if (kept?.message === undefined) return undefined;
  return decodedOf(kept.message, {
    path: `${directory}/inner_${kept.slot}.pb`,
    what: "the consensus votes",
    schema: schemas.PersistedInner,
    decode: decodePersistedInner,
  });
}

async function readAnchor(disk: ReadableDisk, directory: string): Promise<PruneAnchor | undefined> {
  const kept = await loadSlots(disk, directory, "avail_inner");
  if (kept?.message === undefined) return undefined;
  return decodedOf(kept.message, {
    path: `${directory}/avail_inner_${kept.slot}.pb`,
    what: "the prune anchor",
    schema: schemas.PersistedAvailPruneAnchor,
    decode: decodePruneAnchor,
  });
}
