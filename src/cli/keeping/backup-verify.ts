/** `lanekeeper backup verify`: whether a backup is whole, and the store in it sound. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { RealDisk } from "../../disk/real/real.js";
import { committeeFileHelp, readCommittees } from "../../inspect/committee-file.js";
import { exitCodeOf, type Finding, FindingTally } from "../../inspect/finding.js";
import { newProgress } from "../../inspect/walk/live-records.js";
import type { Depth } from "../../inspect/walk/proof.js";
import { type VerifiedBackup, verifyBackup } from "../../keeping/backup/verify.js";
import { type ErrorCode, errorCodes, PersisterError } from "../../types/errors.js";
import { findingText } from "../look/inspect/report.js";
import { keyOption, sourcesOf } from "../store/key-files.js";
import { ListDocument, put } from "../terminal/json-document.js";
import { addCommand } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { showWork } from "../terminal/progress.js";
import { counted } from "../terminal/sizes.js";

const help = `
Each file is compared with its size and SHA-256. The store that would be made of it is read as \`lanekeeper
verify\` reads one: hashes, signatures, QCs; with --committee membership and quorums, too.

Exit codes: 0 if no error was found, ${errorCodes.BACKUP_CORRUPT.exit} where a file is not the one that was written, and nothing worse
was found; else as those of \`lanekeeper verify\`.
${committeeFileHelp}`;

interface Choices {
  readonly number?: string;
  readonly committee?: string;
  readonly key?: readonly string[];
  readonly json?: boolean;
}

export function addBackupVerifyCommand(
  backup: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  addCommand(backup, "verify", {
    what: "Tells whether a backup is whole, and proves the store in it. It writes nothing.",
    help,
    examples: ["backup verify ./backups", "backup verify ./backups --json | jq '[.number, .lsn]'"],
  })
    .argument("<directory>", "the directory of backups")
    .option("--number <n>", "the number of the backup; the newest one where it is left out")
    .option("--committee <file>", "check membership and quorums by the committees in this file")
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (directory: string, choices: Choices) => {
      setExit(await verifyCommand(directory, choices, port));
    });
}

async function verifyCommand(directory: string, choices: Choices, port: CliPort): Promise<number> {
  const { stdout, stop } = port;
  const { committee, key = [], json } = choices;
  const depth: Depth =
    committee === undefined
      ? { kind: "signatures" }
      : { kind: "committees", epochs: await readCommittees(committee) };
  if (directory === "") throw new PersisterError("USAGE", "the directory must have a name");
  const progress = newProgress();
  const tally = new FindingTally();
  const view = showWork(() => ({ name: "reading", unit: "bytes", done: progress.bytesRead }), port);
  const document = json === true ? new ListDocument(stdout, "findings") : undefined;
  try {
    const verifying = verifyBackup({
      disk: new RealDisk(),
      directory: resolve(directory),
      number: numberOf(choices.number),
      depth,
      keys: sourcesOf(key),
      progress,
      signal: stop,
    });
    for (;;) {
      const step = await verifying.next();
      view.erase();
      if (step.done) {
        const worst = tally.worst(false);
        const exitCode = exitCodeOf(worst);
        if (document) await document.end({ ...membersOf(step.value, worst), exitCode });
        else await put(stdout, textOf(step.value, worst));
        return exitCode;
      }
      tally.add(step.value);
      await tell(step.value);
    }
  } catch (cause) {
    view.erase();
    if (document) return await document.failed(cause);
    throw cause;
  } finally {
    view.stop();
  }

  async function tell(finding: Finding): Promise<void> {
    if (document) await document.item(finding);
    else await put(stdout, findingText(finding));
  }
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,6}$/.test(text))
    return text === undefined ? text : Number(text);
  throw new PersisterError("USAGE", `--number takes the number of a backup, not ${text}`);
}

function membersOf({ manifest, store }: VerifiedBackup, worst: ErrorCode | undefined): object {
  const { number, chainId, storeId, lsn, takenAtMs, anchor, retired, keyIds } = manifest;
  return {
    ok: worst === undefined,
    number,
    chainId,
    storeId,
    lsn: String(lsn),
    takenAt: new Date(takenAtMs).toISOString(),
    anchorRoadIndex: anchor ? String(anchor.roadIndex) : null,
    keyIds,
    retired: retired !== null,
    opens: store.verdict.opens,
    records: store.recordsRead,
  };
}

function textOf({ manifest, store }: VerifiedBackup, worst: ErrorCode | undefined): string {
  const { number, chainId, lsn, takenAtMs } = manifest;
  const what = `backup ${number} of chain ${chainId}, taken ${new Date(takenAtMs).toISOString()}, up to LSN ${lsn}`;
  if (worst !== undefined) return `${what}: not whole, ${worst}\n`;
  const sealed =
    store.recordsSealed > 0 ? `, ${store.recordsSealed} of them sealed and not looked at` : "";
  return `${what}: whole, ${counted(store.recordsRead, "record")} proven${sealed}\n`;
}
