/**
 * `lanekeeper export`: writes what a store holds as a state directory that sei-chain can open.
 *
 * Such a directory has no place for the prune anchor. The anchor is written first, as a file beside the
 * directory, so that a directory that can be opened never stands there without the anchor that it
 * needs. A stop leaves one of these:
 * 1. Nothing.
 * 2. The anchor's file.
 * 3. The anchor's file, and a directory that neither sei-chain nor `import` opens.
 * 4. All of it, durable.
 * The next export refuses what is there, and names it: remove it.
 *
 * The store is opened with its lock. It keeps all that it has, retained records too.
 */
import { rm } from "node:fs/promises";
import { RealDisk } from "../../../disk/real/real.js";
import { Lanekeeper } from "../../../node/lanekeeper.js";
import { writeSeiDirectoryOn } from "../../../sei/write/write-state.js";
import { PersisterError, hasCode } from "../../../types/errors.js";
import type { Epoch } from "../../../wire/committee.js";
import { VerifyError } from "../../../wire/verify-error.js";
import { readCommittees } from "../../../inspect/committee-file.js";
import { compareExport, rehearseOpening } from "./check.js";
import { contentsOf, type Exported, exportedOf } from "./contents.js";
import { type ExportSummary, exportMembers, exportText } from "./report.js";
import { anchorFileOf, requireNoAnchorFile, writeAnchorFile } from "../anchor-file.js";
import { exportOptions } from "../options.js";
import { tellDone } from "../../terminal/manners.js";
import { showWork } from "../../terminal/progress.js";
import { type Stage, workOf } from "../progress.js";
import { requireEmpty, placeOf } from "../../store/places.js";
import { keysAsFound } from "../../store/key-files.js";
import { identityIn } from "../../store/identity.js";
import type { CliPort } from "../../terminal/port.js";

/** The target of an export. */
interface Target {
  readonly directory: string;
  readonly anchorFile: string;
  readonly epochs: readonly Epoch[];
  /** Aborted when the export has to stop. */
  readonly stop: AbortSignal;
}

/**
 * Exports the store in `store`; returns the exit code.
 *
 * @throws {PersisterError} USAGE, STORE_EXISTS; what `Lanekeeper.open`, `exportedOf`, `writeSeiDirectory`
 * and `compareExport` throw.
 */
export async function exportCommand(store: string, parsed: object, port: CliPort): Promise<number> {
  const { stop } = port;
  const options = exportOptions(store, parsed);
  const directory = await placeOf(options.toSei);
  const from = await placeOf(options.store);
  const epochs = options.committee === undefined ? [] : await readCommittees(options.committee);
  const anchorFile = options.anchor ?? anchorFileOf(directory);
  await requireEmpty(new RealDisk(), directory);
  const stage: Stage = { name: "reading and verifying", records: 0, total: undefined };
  const view = showWork(() => workOf(stage), port);
  try {
    await using keeper = await opened(from, epochs, options);
    const held = exportedOf(keeper.recovery);
    stage.total = held.records;
    const target = { directory, anchorFile, epochs, stop };
    if (!options.dryRun) await write(keeper, held, target, stage);
    else if (held.anchor) await requireNoAnchorFile(new RealDisk(), anchorFile);
    await keeper.close();
    const { dryRun } = options;
    const isRehearsed = epochs.length > 0 && !dryRun;
    const summary: ExportSummary = { from, directory, anchorFile, held, isRehearsed, dryRun };
    view.erase();
    await tellDone(port, options.json, exportMembers(summary), exportText(summary));
    return 0;
  } finally {
    view.stop();
  }
}

async function write(
  keeper: Lanekeeper,
  held: Exported,
  target: Target,
  stage: Stage,
): Promise<void> {
  const { directory, anchorFile, epochs, stop } = target;
  const disk = new RealDisk();
  const onRecord = (): void => {
    stop.throwIfAborted();
    stage.records += 1;
  };
  const contents = () => contentsOf(keeper, held, onRecord);
  if (held.anchor) await writeAnchorFile(disk, anchorFile, held.anchor);
  try {
    Object.assign(stage, { name: "writing", records: 0 });
    await writeSeiDirectoryOn(disk, directory, contents());
    Object.assign(stage, { name: "reading back", records: 0 });
    await compareExport(directory, contents());
  } catch (cause) {
    if (stop.aborted) await removeExport(target);
    throw cause;
  }
  await rehearseOpening(directory, epochs, held);
}

/** Takes away what a stopped export has written: there was nothing before it. */
async function removeExport({ directory, anchorFile }: Target): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await rm(anchorFile, { force: true });
}

/** Opens the store, of whatever chain. It lets nothing go that it retains. */
async function opened(
  directory: string,
  epochs: readonly Epoch[],
  { moved, key }: { readonly moved: boolean; readonly key: readonly string[] },
): Promise<Lanekeeper> {
  const epochOf = (index: bigint) => epochs.find((epoch) => epoch.index === index);
  const { chainId } = await identityIn(directory);
  const keys = await keysAsFound(directory, key);
  const keep = { retainBytes: Number.MAX_SAFE_INTEGER, cacheBytes: 0 };
  try {
    return await Lanekeeper.open(directory, { chainId, epochOf, moved, keys, ...keep });
  } catch (cause) {
    const isUnproven = hasCode(cause, "WRONG_COMMITTEE");
    const why = isUnproven ? cause.cause : undefined;
    if (!(why instanceof VerifyError) || why.errorClass !== "epoch") throw cause;
    const message = `${directory} has a prune anchor, which is proven at open: name a file with the committees (--committee): ${why.message}`;
    throw new PersisterError("USAGE", message, { file: directory, cause });
  }
}
