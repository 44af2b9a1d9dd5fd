/**
 * Reads an exported directory back and compares it with the store, record by record and byte by byte.
 * If the committees are known it also rehearses how sei-chain opens the directory.
 */
import { RealDisk } from "../../../disk/real/real.js";
import { verifyVoteState } from "../../../sei/import/vote-state.js";
import { availabilityOf } from "../../../sei/read/availability.js";
import type { LiveRun } from "../../../sei/read/live-run.js";
import { directorySource, type StateSource } from "../../../sei/read/source.js";
import { StateError } from "../../../sei/format/state-error.js";
import type { StateContents } from "../../../sei/write/write-state.js";
import { PersisterError } from "../../../types/errors.js";
import type { Epoch } from "../../../wire/committee.js";
import {
  encodeCommitQC,
  encodePersistedInner,
  encodeSignedBlock,
} from "../../../wire/codec/encode.js";
import { sameBytes } from "../../../wire/hash.js";
import { VerifyError } from "../../../wire/verify-error.js";
import type { Exported } from "./contents.js";

/**
 * `directory` holds `contents`, and nothing else.
 *
 * @throws {PersisterError} VERIFY_MISMATCH; IO.
 */
export async function compareExport(directory: string, contents: StateContents): Promise<void> {
  try {
    const source = await directorySource(new RealDisk(), directory);
    const lanes = new Map(contents.lanes);
    requireSame(source.lanes.length === lanes.size, directory, `${source.lanes.length} lanes`);
    for (const log of source.lanes) {
      const blocks = lanes.get(log.lane);
      requireSame(blocks !== undefined, log.directory, "a lane that the store does not have");
      await compareLog(await log.open(), blocks, encodeSignedBlock);
    }
    await compareLog(await source.road.open(), contents.commitQCs, encodeCommitQC);
    await compareVotes(source, contents);
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    throw new PersisterError("VERIFY_MISMATCH", cause.message, { file: directory, cause });
  }
}

/**
 * sei-chain would open `directory` with `anchor` in its block store: lanes and road by the epochs that
 * they name, the votes by the latest epoch, as it does itself.
 *
 * @throws {PersisterError} VERIFY_MISMATCH if it would refuse the directory.
 */
export async function rehearseOpening(
  directory: string,
  epochs: readonly Epoch[],
  { anchor, votes }: Pick<Exported, "anchor" | "votes">,
): Promise<void> {
  const latest = epochs.at(-1);
  if (!latest) return;
  const epochOf = (index: bigint) => epochs.find((epoch) => epoch.index === index);
  const context = { latest, epochOf, ...(anchor ? { anchor: anchor.commitQC } : {}) };
  try {
    await availabilityOf(directory, context);
    if (votes) await verifyVoteState(votes, latest);
  } catch (cause) {
    if (!(cause instanceof StateError || cause instanceof VerifyError)) throw cause;
    const part = cause instanceof VerifyError ? `the votes, by epoch ${latest.index}: ` : "";
    const message = `sei-chain would refuse what was written: ${part}${cause.message}; remove it`;
    throw new PersisterError("VERIFY_MISMATCH", message, { file: directory, cause });
  }
}

async function compareLog<T>(
  run: LiveRun<T>,
  wanted: AsyncIterable<T> | Iterable<T>,
  encode: (value: T) => Uint8Array,
): Promise<void> {
  const { directory } = run;
  requireSame(run.cuts.length === 0 && run.discarded === 0, directory, "a torn or broken log");
  const found = run.records();
  for await (const value of wanted) {
    const step = await found.next();
    requireSame(!step.done, directory, "too few records");
    const { index, value: read } = step.value;
    requireSame(sameBytes(encode(read), encode(value)), directory, `another record at ${index}`);
  }
  requireSame((await found.next()).done === true, directory, "too many records");
}

async function compareVotes({ votes }: StateSource, contents: StateContents): Promise<void> {
  const slots = await votes.open();
  const found = slots.kind === "loaded" ? slots.message : new Uint8Array(0);
  const wanted = contents.votes ? encodePersistedInner(contents.votes) : new Uint8Array(0);
  requireSame(sameBytes(found, wanted), votes.directory, "other votes");
}

function requireSame(isSame: boolean, file: string, found: string): asserts isSame {
  if (isSame) return;
  const message = `${file}: read back, it holds ${found}: remove it, check the disk, export again`;
  throw new PersisterError("VERIFY_MISMATCH", message, { file });
}
