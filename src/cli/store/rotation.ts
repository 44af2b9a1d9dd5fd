/**
 * Opens a store for a rotation alone: a validator's, a journal of records, or a store of jobs. Nothing is read from it by the
 * protocol, so it needs neither committees nor types. Everything that it retains stays.
 */
import { join } from "node:path";
import { RealDisk } from "../../disk/real/real.js";
import { JOURNAL_DIRECTORY, RECORDS_CHAIN } from "../../journal/form/store.js";
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import { JobStore } from "../../jobs/job-store.js";
import { JOURNAL_FOLDER } from "../../jobs/journal/job-journal.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeyChoices } from "../../keys/source.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import { defaults, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN } from "../../node/options.js";
import { realSurroundings } from "../../node/surroundings.js";
import { openPersisters } from "../../persist/persisters.js";
import { Journal } from "../../records/journal.js";
import { REQUIRED_TYPE } from "../../records/log/envelope.js";
import type { WaitOptions } from "../../async/signal.js";
import { identityIn } from "./identity.js";

/** The types of callers: they have 14 bits. */
const TYPES = 0x4000;

export interface RotationChoices {
  readonly directory: string;
  readonly keys: KeyChoices;
  readonly moved: boolean;
}

/** A store whose payloads move to the key that writes. */
export interface OpenRotation {
  /** The keys whose bytes lie on disk. */
  readonly uses: () => readonly KeyUse[];
  /** Resolves when no payload on disk needs another key than the one that writes. */
  readonly finished: (options: WaitOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * @throws {PersisterError} as `Lanekeeper.open`, `Journal.open` and `JobStore.open`; no committee and no type is asked
 * for.
 */
export async function openForRotation(choices: RotationChoices): Promise<OpenRotation> {
  if (await holdsJobs(choices.directory)) return await jobsIn(choices);
  const { chainId } = await identityIn(choices.directory);
  const segmentBytes = await segmentBytesIn(choices.directory);
  const settings = { ...choices, segmentBytes };
  return chainId === RECORDS_CHAIN ? await journalIn(settings) : await keeperIn(settings, chainId);
}

type Settings = RotationChoices & { readonly segmentBytes: number };

/** Whether a folder is the root of a store of jobs. */
export async function holdsJobs(directory: string): Promise<boolean> {
  return (await new RealDisk().kind(join(directory, JOURNAL_FOLDER))) === "directory";
}

async function jobsIn({ directory, keys, moved }: RotationChoices): Promise<OpenRotation> {
  const store = await JobStore.open(directory, { keys, moved });
  return {
    uses: () => store.keys,
    finished: (options) => store.waitForRotation(options),
    close: () => store.close(),
  };
}

async function journalIn({ directory, ...choices }: Settings): Promise<OpenRotation> {
  const journal = await Journal.open(directory, { types: everyRequiredType(), ...choices });
  return {
    uses: () => journal.keys,
    finished: (options) => journal.waitForRotation(options),
    close: () => journal.close(),
  };
}

/** No record is read by its type: each may stay that the program which owns the journal understands. */
function everyRequiredType(): number[] {
  return Array.from({ length: TYPES }, (_, type) => REQUIRED_TYPE | type);
}

async function keeperIn(
  { directory, keys, moved, segmentBytes }: Settings,
  chainId: string,
): Promise<OpenRotation> {
  const surroundings = realSurroundings();
  const opened = await openPersisters({
    ...surroundings,
    directory,
    chainId,
    segmentBytes,
    moved,
    ring: await KeyRing.from(keys),
    retainBytes: Number.MAX_SAFE_INTEGER,
    // The store has proven its anchor before it wrote it, and nothing is published here.
    verifyAnchor: () => Promise.resolve(),
    openMap: (end) => surroundings.openMap(`${directory}/${INDEX_DIRECTORY}`, end),
  });
  const { rekeyer } = opened.journal;
  return {
    uses: () => rekeyer.uses,
    finished: (options) => rekeyer.finished(options),
    close: () => opened.close(),
  };
}

/** The size of the largest segment: every record of the store fits one of that size. */
async function segmentBytesIn(directory: string): Promise<number> {
  const disk = new RealDisk();
  const journal = `${directory}/${JOURNAL_DIRECTORY}`;
  let largest = 0;
  for (const { name, kind } of (await disk.list(journal)) ?? []) {
    if (kind !== "file") continue;
    const file = await disk.openToRead(`${journal}/${name}`);
    largest = Math.max(largest, (await file?.size()) ?? 0);
    await file?.close();
  }
  if (largest === 0) return defaults.segmentBytes;
  return Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, largest));
}
