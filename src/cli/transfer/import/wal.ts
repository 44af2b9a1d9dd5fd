/**
 * `import --from-walmanager`: takes the records of a log of WalManager into a journal, encrypted ones too where
 * their keys are given. An import that was stopped goes on where it ended.
 */
import { z } from "zod";
import { importWalManager } from "../../../records/import.js";
import { Journal } from "../../../records/journal.js";
import { checkChoices } from "../../../types/choices.js";
import { hasCode } from "../../../types/errors.js";
import { walTypes } from "../../../walmanager/record-types.js";
import { WalLog } from "../../../walmanager/wal-log.js";
import type { CliPort } from "../../terminal/port.js";
import { tellDone } from "../../terminal/manners.js";
import { printable } from "../../terminal/table.js";

const path = z.string().min(1, "must have a name");
const schema = z.object({
  fromWalmanager: path,
  store: path,
  key: z.array(path).default([]),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** Runs the command; returns its exit code. */
export async function importWalCommand(
  store: string,
  parsed: object,
  port: CliPort,
): Promise<number> {
  const options = checkChoices(schema, { ...parsed, store });
  const { fromWalmanager: from, key, dryRun, json } = options;
  const log = await WalLog.open(from, { keys: key.map((file) => ({ file })) });
  // A pass over all of it: nothing is made of a log that cannot be read to its end.
  let records = 0;
  for await (const _ of log.records()) {
    if (port.stop.aborted) break;
    records += 1;
  }
  if (dryRun) {
    const text = `${printable(from)} has ${records} records, which ${printable(store)} would hold\n`;
    await tellDone(port, json, { directory: store, records, dryRun }, text);
    return 0;
  }
  await makeJournal(store);
  await using journal = await Journal.open(store, { types: Object.values(walTypes) });
  const { summary } = log;
  const imported = await importWalManager(log.records(), journal, { signal: port.stop, summary });
  const opened = log.summary?.opened ?? 0;
  const members = {
    directory: store,
    ...imported,
    lastOrigin: imported.lastOrigin?.toString() ?? null,
    opened,
  };
  const text =
    `${printable(store)} holds the log ${printable(from)}: ${imported.imported} records imported, ` +
    `${imported.skipped} were there, ${opened} were encrypted\n`;
  await tellDone(port, json, members, text);
  return 0;
}

async function makeJournal(store: string): Promise<void> {
  try {
    await Journal.init(store);
  } catch (cause) {
    // The journal of an import that was stopped: the import finds out whether it is one.
    if (!hasCode(cause, "STORE_EXISTS")) throw cause;
  }
}
