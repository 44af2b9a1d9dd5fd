/**
 * `lanekeeper import`: makes a store of a state directory of sei-chain.
 *
 * The directory is read twice. The first pass verifies all of it and makes nothing. If anything is
 * refused, no store is made: a refused block or vote may have been sent before, and a node that does
 * not know of it would sign another in its place. The second pass verifies all of it again while the
 * store is made (`store.ts`).
 */
import { RealDisk } from "../../../disk/real/real.js";
import { type ImportItem, importSeiDirectory } from "../../../sei/import/import.js";
import { COMMIT_QCS_NAME } from "../../../sei/format/layout.js";
import { errorCodes, PersisterError } from "../../../types/errors.js";
import type { EpochOf } from "../../../wire/committee.js";
import type { PruneAnchor } from "../../../wire/messages.js";
import { readCommittees } from "../../../inspect/committee-file.js";
import { anchorFileOf, readAnchorFile } from "../anchor-file.js";
import { heldAfter } from "./held.js";
import { importOptions } from "../options.js";
import { showWork } from "../../terminal/progress.js";
import { type Stage, workOf } from "../progress.js";
import { importWriter } from "./report.js";
import { makeStore, requireRoomForStore } from "./store.js";
import { ImportTally, type Objection } from "./tally.js";
import { placeOf } from "../../store/places.js";
import type { CliPort } from "../../terminal/port.js";

/** The directory that is imported, and what it is verified by. */
interface Source {
  readonly from: string;
  readonly epochOf: EpochOf;
  readonly anchor: PruneAnchor | undefined;
}

/**
 * Imports into `target`; returns the exit code.
 *
 * @throws {PersisterError} USAGE, NOT_A_STORE, STORE_EXISTS, INVALID for the anchor, and what
 * `makeStore` throws.
 */
export async function importCommand(
  target: string,
  parsed: object,
  port: CliPort,
): Promise<number> {
  const { stdout, stop } = port;
  const options = importOptions(target, parsed);
  const from = await placeOf(options.fromSei);
  const directory = await placeOf(options.store);
  const epochs = await readCommittees(options.committee);
  const epochOf: EpochOf = (index) => epochs.find((epoch) => epoch.index === index);
  await requireRoomForStore(directory);
  await requireSei(from);
  const { anchor, anchorFile } = await anchorBeside(from, options.anchor);
  const source = { from, epochOf, anchor };
  const write = importWriter(stdout, options.json);
  const stage: Stage = { name: "reading and verifying", records: 0, total: undefined };
  const view = showWork(() => workOf(stage), port);
  try {
    const tally = await tallyOf(source, stage, async (objection) => {
      view.erase();
      await write.objection(objection);
    });
    stop.throwIfAborted();
    const held = heldAfter(tally, anchor);
    const isRight = tally.refused === 0 || options.partial;
    const { chainId, dryRun } = options;
    const stored = isRight && !dryRun;
    if (stored) {
      Object.assign(stage, { name: "storing", records: 0, total: tally.records });
      const onRecord = (records: number): void => void (stage.records = records);
      const again = { items: itemsOf(source), expected: tally, onRecord, stop };
      await makeStore(directory, { choices: { chainId, epochOf }, anchor, ...again });
    }
    view.erase();
    const exitCode = isRight ? 0 : errorCodes.INVALID.exit;
    const ends = { stored, dryRun, exitCode };
    await write.summary({ from, directory, chainId, anchor, anchorFile, tally, held, ...ends });
    return exitCode;
  } catch (cause) {
    view.erase();
    return await write.failed(cause);
  } finally {
    view.stop();
  }
}

/** Verifies everything, and makes nothing. */
async function tallyOf(
  source: Source,
  stage: Stage,
  onObjection: (objection: Objection) => Promise<void>,
): Promise<ImportTally> {
  const tally = new ImportTally();
  for await (const item of itemsOf(source)) {
    const objection = tally.take(item);
    stage.records = tally.records;
    if (objection) await onObjection(objection);
  }
  return tally;
}

function itemsOf({ from, epochOf, anchor }: Source): AsyncIterable<ImportItem> {
  return importSeiDirectory(from, { epochOf, start: anchor ?? "zero" });
}

/** D10: without this check any other directory would become an empty store. */
async function requireSei(from: string): Promise<void> {
  const disk = new RealDisk();
  if ((await disk.kind(`${from}/${COMMIT_QCS_NAME}`)) === "directory") return;
  const message = `no state directory of sei-chain: ${from} has no ${COMMIT_QCS_NAME}/ in it`;
  throw new PersisterError("NOT_A_STORE", message, { file: from });
}

/** The anchor in the file that was named, or beside the directory. A named file must be there. */
async function anchorBeside(from: string, named: string | undefined) {
  const file = named ?? anchorFileOf(from);
  const anchor = await readAnchorFile(new RealDisk(), file);
  if (anchor === undefined && named !== undefined) {
    throw new PersisterError("USAGE", `--anchor ${named}: there is no such file`, { file: named });
  }
  return { anchor, anchorFile: anchor === undefined ? undefined : file };
}
