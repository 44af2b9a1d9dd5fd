/**
 * Opens a store for a rotation alone: a validator's, a journal of records, whose types nobody needs to name, or a
 * store of jobs.
 */
import { join } from "node:path";
import type { WaitOptions } from "../../async/signal.js";
import { RealDisk } from "../../disk/real/real.js";
import { JobStore } from "../../jobs/job-store.js";
import { JOURNAL_FOLDER } from "../../jobs/journal/job-journal.js";
import { RECORDS_CHAIN } from "../../journal/form/store.js";
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import type { KeyChoices } from "../../keys/source.js";
import { Journal } from "../../records/journal.js";
import { REQUIRED_TYPE } from "../../records/log/envelope.js";
import { type BareChoices, openBare, segmentBytesIn } from "./bare.js";
import { identityIn } from "./identity.js";

/** The types of callers: they have 14 bits. */
const TYPES = 0x4000;

export interface RotationChoices extends BareChoices {
  readonly keys: KeyChoices;
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
  return chainId === RECORDS_CHAIN ? await journalIn(choices) : await keeperIn(choices);
}

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

async function journalIn({ directory, ...choices }: RotationChoices): Promise<OpenRotation> {
  const segmentBytes = await segmentBytesIn(directory);
  const types = everyRequiredType();
  const journal = await Journal.open(directory, { types, segmentBytes, ...choices });
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

async function keeperIn(settings: RotationChoices): Promise<OpenRotation> {
  const opened = await openBare(settings);
  const { rekeyer } = opened.journal;
  return {
    uses: () => rekeyer.uses,
    finished: (options) => rekeyer.finished(options),
    close: () => opened.close(),
  };
}
