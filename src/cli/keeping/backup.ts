/** `lanekeeper backup`: a copy of a store at one moment, of a running one through its service. */
import { isAbsolute, resolve } from "node:path";
import type { Command } from "commander";
import type { BackupDone } from "../../keeping/backup/calls.js";
import { backupStore } from "../../keeping/backup/calls.js";
import { cutOfClosed } from "../../keeping/backup/closed-cut.js";
import { RealDisk } from "../../disk/real/real.js";
import { toMs } from "../../rpc/times.js";
import { PersisterError, usageError } from "../../types/errors.js";
import { type Papers, type Target, targetOf, withTarget } from "../look/view/target.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { showWork, type Work } from "../terminal/progress.js";
import { formatSize } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";
import { addBackupVerifyCommand } from "./backup-verify.js";

const MIB = 1024 * 1024;

const help = `
STORE is a state directory that nobody has open, or a running service: its socket, its HOST:PORT, or the
directory with its socket in it. A running store goes on meanwhile. A service writes DIRECTORY on its own
machine.

DIRECTORY is missing, or empty, or holds earlier ones of the same store: they share the segments of the
journal, and only what is new is copied. One that was stopped goes on with what is there. Sealed payloads stay
sealed. A journal of records is copied by its own name, while nobody has it open. Jobs are not copied, since a job lies
partly in its journal and partly in files that LevelDB changes: \`lanekeeper jobs export\` writes one that is whole.

It shows one moment, and knows nothing of what its validator signs later. \`lanekeeper restore\` makes a guarded
store of it; never copy its files into a store by hand. \`sha256sum --check\` takes the lists in it.
`;

interface Choices extends Papers {
  readonly files?: boolean;
  readonly rate: string;
  readonly keep: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function addBackupCommand(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  const backup = addCommand(program, "backup", {
    what: "Copies a store, as it is at one moment, to a directory of backups.",
    help,
    examples: [
      "backup ./state ./new-backups",
      "backup unix:./served/lanekeeper.sock ./new-copies --dry-run",
    ],
  });
  withDryRun(withTarget(backup))
    .argument("<directory>", "the directory of backups")
    .option("--rate <mib>", "mebibytes that are read or written in a second", "16")
    .option("--keep <count>", "backups that stay in the directory; older ones are removed", "7")
    .action(async (store: string, directory: string, choices: Choices) => {
      await backupCommand(port, { store, directory }, choices);
    });
  addBackupVerifyCommand(backup.enablePositionalOptions(), port, setExit);
}

/** @throws {PersisterError} as `backupStore`, or the service, says. */
async function backupCommand(
  port: CliPort,
  { store, directory }: { readonly store: string; readonly directory: string },
  choices: Choices,
): Promise<void> {
  const bytesPerSecond = countOf("--rate", choices.rate) * MIB;
  const settings = { bytesPerSecond, keep: countOf("--keep", choices.keep) };
  if (directory === "") throw usageError("the directory of backups must have a name");
  const target = await targetOf(store, choices.files === true);
  const { json, dryRun } = choices;
  if (dryRun === true) {
    const text = `this would copy ${await subjectOf(target)} to ${printable(directory)}\n`;
    await tellDone(port, json, { directory, dryRun }, text);
    return;
  }
  const work: Progress = { name: "copying", unit: "bytes", done: 0 };
  const view = showWork(() => work, port);
  try {
    const to = isAbsolute(directory) ? directory : resolve(directory);
    const done =
      target.kind === "files"
        ? await ofFiles(target.directory, to, { port, work, settings })
        : await ofService(target.address, to, { port, work, settings, choices });
    view.erase();
    await tellDone(port, json, membersOf(done), textOf(done));
  } finally {
    view.stop();
  }
}

type Progress = { -readonly [K in keyof Work]: Work[K] };

interface Making {
  readonly port: CliPort;
  readonly work: Progress;
  readonly settings: { readonly bytesPerSecond: number; readonly keep: number };
}

async function ofFiles(
  store: string,
  to: string,
  { port, work, settings }: Making,
): Promise<BackupDone> {
  return await backupStore(store, to, {
    ...settings,
    signal: port.stop,
    onProgress: ({ doneBytes, totalBytes }) => {
      work.done = doneBytes;
      work.total = totalBytes;
    },
  });
}

async function ofService(
  address: string,
  directory: string,
  { port, work, settings, choices }: Making & { readonly choices: Choices },
): Promise<BackupDone> {
  const { AskedService } = await import("../look/view/asked.js");
  const { OperatorService } = await import("../../rpc/api/operator.js");
  using asked = await AskedService.at(address, choices, port.stop);
  const request = {
    directory,
    keep: settings.keep,
    bytesPerSecond: BigInt(settings.bytesPerSecond),
  };
  for await (const { part } of asked.follow(OperatorService, "backup", request)) {
    if (part?.case === "result") {
      const { number, lsn, bytes, copiedBytes, takenAt, duration } = part.value;
      return {
        directory: part.value.directory,
        number: Number(number),
        lsn,
        bytes: Number(bytes),
        copiedBytes: Number(copiedBytes),
        // A store that was retired is served by nobody.
        isLast: false,
        takenAtMs: takenAt ? toMs(takenAt) : 0,
        durationMs: duration ? toMs(duration) : 0,
      };
    }
    if (part?.case !== "progress") continue;
    work.done = Number(part.value.doneBytes);
    work.total = Number(part.value.totalBytes) || undefined;
  }
  throw new PersisterError(
    "UNREACHABLE",
    `${address}: the service ended before the backup was made`,
  );
}

/** A store that could not be copied is refused by a dry run, too. */
async function subjectOf(target: Target): Promise<string> {
  if (target.kind === "service") return `the store of ${target.address}`;
  const cut = await cutOfClosed(new RealDisk(), target.directory);
  const bytes = cut.files.reduce((sum, file) => sum + file.bytes, 0);
  await cut.end();
  return `${printable(target.directory)}, ${formatSize(bytes)} up to LSN ${cut.lsn},`;
}

function membersOf({ takenAtMs, durationMs, ...done }: BackupDone): object {
  const takenAt = new Date(takenAtMs).toISOString();
  return { ...done, lsn: String(done.lsn), takenAt, durationMs: Math.round(durationMs) };
}

function textOf({ directory, number, lsn, bytes, copiedBytes }: BackupDone): string {
  const copied = copiedBytes === bytes ? "all copied" : `${formatSize(copiedBytes)} copied`;
  return (
    `backup ${number} in ${printable(directory)}: ${formatSize(bytes)}, ${copied}, read back and compared; ` +
    `everything up to LSN ${lsn}\n`
  );
}

function countOf(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw usageError(`${option} takes a whole number from 1 on, not ${text}`);
}
