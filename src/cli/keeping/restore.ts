/** `lanekeeper restore`: makes a guarded store of a backup. */
import type { Command } from "commander";
import { RealDisk } from "../../disk/real/real.js";
import { findBackup } from "../../keeping/backup/found.js";
import type { BackupManifest } from "../../keeping/backup/manifest.js";
import { restoreStore } from "../../keeping/calls.js";
import { RECORDS_CHAIN } from "../../journal/form/store.js";
import { PersisterError } from "../../types/errors.js";
import { isLaneId } from "../../types/lane.js";
import { placeOf, requireEmpty } from "../store/places.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { showWork } from "../terminal/progress.js";
import { counted } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";

const help = `
A backup is an older life of its validator: the machine may have signed more since. So the store that is made is
guarded. It signs only what it held, until it is known how far the validator had gone:

  - give the watermarks of the old machine: watermarks import;
  - or let the node ask its peers, as the devnet does, and call raiseGuard.

Stop the old machine for good before. The last backup of a retired store needs no guard, once: nothing was signed
behind it. A copy of the backup directory cannot tell that another copy was used.
`;

interface Choices {
  readonly number?: string;
  readonly guarded?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addRestoreCommand(program: Command, port: CliPort): void {
  const command = addCommand(program, "restore", {
    what: "Makes a store of a backup. It is guarded: it may have signed more than it knows.",
    help,
    examples: ["restore ./backups ./new-state --dry-run", "restore ./backups ./new-state"],
  });
  withDryRun(command)
    .argument("<backups>", "the backup directory")
    .argument("<store>", "the state directory to make: missing or empty")
    .option("--number <n>", "the number of the backup; the newest one, if left out")
    .option("--guarded", "set the guard also for the last backup of a retired store")
    .action(async (backups: string, store: string, choices: Choices) => {
      await restoreCommand(backups, store, choices, port);
    });
}

async function restoreCommand(
  backups: string,
  store: string,
  { number, guarded = false, dryRun = false, json }: Choices,
  port: CliPort,
): Promise<void> {
  const disk = new RealDisk();
  const from = await placeOf(backups);
  const directory = await placeOf(store);
  const manifest = await findBackup(disk, from, numberIn(number));
  const about = { directory, from, ...factsOf(manifest), dryRun };
  if (dryRun) {
    await requireEmpty(disk, directory);
    const isFree = manifest.chainId === RECORDS_CHAIN || (manifest.retired && !guarded);
    const guard = isFree ? "none" : "all";
    const text = `${printable(directory)} can become ${wordsFor(manifest)}; guard: ${guard}\n`;
    return await tellDone(port, json, { ...about, guard }, text);
  }
  let done = 0;
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const view = showWork(() => ({ name: "copying", unit: "bytes", done, total }), port);
  try {
    const { guard } = await restoreStore(from, directory, {
      number: manifest.number,
      guardAlways: guarded,
      signal: port.stop,
      onProgress: (bytes) => {
        done += bytes;
      },
    });
    const isOfRecords = manifest.chainId === RECORDS_CHAIN;
    const next = isOfRecords
      ? "It goes on behind its last record"
      : guard === "all"
        ? "It is guarded: it signs nothing new until its guards have heights (watermarks import, or its peers)"
        : "Its source was retired: it goes on where that one ended";
    const text = `${printable(directory)} is ${wordsFor(manifest)}. ${next}\n`;
    await tellDone(port, json, { ...about, guard }, text);
  } finally {
    view.stop();
  }
}

function numberIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new PersisterError("USAGE", `--number takes the number of a backup, not ${text}`);
}

function factsOf({ number, chainId, storeId, takenAtMs, lsn, retired }: BackupManifest) {
  const takenAt = new Date(takenAtMs).toISOString();
  return { number, chainId, storeId, takenAt, lsn: String(lsn), sourceRetired: retired !== null };
}

function wordsFor({ number, chainId, takenAtMs, logs }: BackupManifest): string {
  if (chainId === RECORDS_CHAIN) return `a journal of records, as it was in backup ${number}`;
  const lanes = logs.filter(({ name }) => isLaneId(name)).length;
  const when = new Date(takenAtMs).toISOString();
  return `a store of chain ${chainId} with ${counted(lanes, "lane")}, as it was in backup ${number} of ${when}`;
}
