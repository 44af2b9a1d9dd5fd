/**
 * Birth and opening of a journal's directory: a store of the engine with one log in it, which begins
 * at LSN 1. The order is the engine's: nothing is written before everything was read and checked (D5),
 * and records that were only seen are written again before anything else is (D1).
 *
 * A journal is no validator's store, and a validator's store is no journal: a store names its chain, and
 * a journal has a name there that no chain can have.
 */
import type { Disk } from "../disk/disk.js";
import { flushIn, type Surroundings } from "../disk/surroundings.js";
import { beginJournal, type Proven, unprovenBytes, writeAgain } from "../journal/begin.js";
import { endUnfinishedInit, initStore } from "../journal/init.js";
import type { LogEngine } from "../journal/log-engine.js";
import { Opening } from "../journal/recovery/opening.js";
import { recoverJournal } from "../journal/recovery/recovery.js";
import { forgetRestored, readRestored } from "../journal/form/restored.js";
import { type OwnedStore, ownStore, RECORDS_CHAIN, soughtIn } from "../journal/form/store.js";
import { ringOf } from "../keys/ring.js";
import { assert } from "../types/assert.js";
import { PersisterError, hasCode } from "../types/errors.js";
import { withJson } from "../types/json.js";
import type { JournalInitSettings, JournalSettings } from "./options.js";
import type { OpenedLog } from "./log/record-log.js";
import { FIRST_LSN, placeOf, RecordCheck, RECORDS_LOG } from "./log/record-check.js";

/** The findings of an open. `JSON.stringify` gives bigints as decimal strings. */
export interface JournalRecovery {
  /** Records that are held; all of them were read and checked. */
  readonly records: number;
  /** How often the journal was opened. */
  readonly generation: bigint;
  readonly warnings: readonly string[];
  /** Names in the journal's folder that are not the journal's. They are left alone. */
  readonly foreign: readonly string[];
  readonly durationMs: number;
}

/** A journal at work, as far as it is the engine's. */
export interface OpenedRecords extends OpenedLog {
  /** The LSN that the last checkpoint record names. */
  readonly checkpoint: bigint | undefined;
  readonly recovery: JournalRecovery;
}

/** Makes a journal in a directory that is missing or empty (D10); durable when resolved. */
export async function initRecords(
  surroundings: Surroundings,
  directory: string,
  { segmentBytes }: JournalInitSettings,
): Promise<void> {
  const { disk, randomBytes } = surroundings;
  const nowMs = BigInt(Math.floor(surroundings.nowMs()));
  await initStore(
    { disk, directory, chainId: RECORDS_CHAIN, segmentBytes, nowMs, randomBytes },
    { files: [], make: () => Promise.resolve() },
  );
}

/**
 * Opens the journal in `directory`.
 *
 * @throws {PersisterError} as `ownStore`, `recoverJournal`, `RecordCheck` and `Opening` say; DISK_FULL, IO.
 */
export async function openRecords(
  surroundings: Surroundings,
  directory: string,
  settings: JournalSettings,
): Promise<OpenedRecords> {
  const began = surroundings.nowMs();
  const { disk } = surroundings;
  const opening = new Opening(settings);
  opening.begin("own");
  const store = await ownJournal(disk, directory);
  let close = (): Promise<void> => store.file.close();
  try {
    const check = new RecordCheck(new Set(settings.types));
    const ring = settings.keys && (await ringOf(settings.keys, settings.signal));
    close = async () => {
      ring?.close();
      await store.file.close();
    };
    opening.end();
    opening.begin("judge");
    const restored = await readRestored(disk, directory);
    const moved = settings.moved || restored !== undefined;
    const { passed } = opening;
    const sought = { ...(await soughtIn(store, { moved, ring })), passed };
    const recovered = await recoverJournal(disk, directory, sought, check.visit);
    close = async () => {
      await Promise.allSettled([recovered.close(), store.file.close()]);
    };
    opening.end();
    opening.begin("write again", unprovenBytes(recovered));
    const proven = await writeAgain(disk, directory, store, recovered);
    opening.end();
    opening.begin("begin");
    const engine = await begun(surroundings, directory, settings, { store, proven });
    close = () => engine.close();
    opening.end();
    await endUnfinishedInit(disk, directory);
    if (restored) await forgetRestored(disk, directory);
    const state = recovered.table.byName(RECORDS_LOG);
    assert(state !== undefined, "the engine has opened the log of records");
    const first = placeOf(state.first);
    check.labels.truncateBefore(first);
    return {
      engine,
      labels: check.labels,
      first,
      next: placeOf(state.next),
      checkpoint: check.checkpoint?.lsn,
      recovery: withJson({
        records: check.count,
        generation: engine.mark.generation,
        warnings: [...recovered.warnings, ...engine.warnings],
        foreign: recovered.foreign,
        durationMs: surroundings.nowMs() - began,
      }),
    };
  } catch (cause) {
    // The open failed for this cause. A close that fails, too, adds nothing.
    await close().catch(() => {});
    throw cause;
  }
}

/** The engine at work; the log of records begins at LSN 1. */
async function begun(
  surroundings: Surroundings,
  directory: string,
  settings: JournalSettings,
  { store, proven }: { readonly store: OwnedStore; readonly proven: Proven },
): Promise<LogEngine> {
  const none = { acked: 0n, inFlight: 0n };
  const options = {
    ...surroundings,
    directory,
    segmentBytes: settings.segmentBytes,
    flush: flushIn(surroundings, settings.flush),
    retainBytes: 0,
    beforeRelease: () => Promise.resolve(),
  };
  return await beginJournal(options, store, proven, {
    starts: { truncate: new Map([[RECORDS_LOG, FIRST_LSN]]) },
    named: { anchor: none, vote: none, voteRoadIndex: 0n },
  });
}

async function ownJournal(disk: Disk, directory: string): Promise<OwnedStore> {
  try {
    return await ownStore(disk, directory, { chainId: RECORDS_CHAIN });
  } catch (cause) {
    if (!hasCode(cause, "WRONG_CHAIN")) throw cause;
    throw new PersisterError(
      "NOT_A_STORE",
      `${directory}: it holds the store of a validator, not a journal of records; check the path`,
      { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
    );
  }
}
