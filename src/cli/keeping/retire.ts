/** `lanekeeper retire`: a store that never opens again, and its last backup. */
import { reasonArgument } from "../../types/arguments.js";
import type { Command } from "commander";
import { absolutePath } from "../../disk/path.js";
import { RealDisk } from "../../disk/real/real.js";
import { readRetirement } from "../../journal/form/retired.js";
import { backupStore } from "../../keeping/backup/calls.js";
import { retireStore } from "../../keeping/calls.js";
import { identityIn } from "../store/identity.js";
import { placeOf } from "../store/places.js";
import { addCommand, consented, tellDone, withConsent } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";

const help = `
The first step of a move to another machine. Stop the node, retire its store with a last backup, copy the backup to the
other machine, restore it there: that store goes on without a guard. Later backups of the retired store, into other
directories, are guarded.

A retired store is refused wherever its directory is, and a copy of it from before is refused as a copy. Nothing
notices a snapshot of the whole machine or disk from before, or somebody who removes the file RETIRED. Destroy the
validator's key on the old machine.
`;

interface Choices {
  readonly reason: string;
  readonly backup?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addRetireCommand(program: Command, port: CliPort): void {
  const command = addCommand(program, "retire", {
    what: "Retires a store: it never opens again. Its last backup needs no guard.",
    help,
    examples: [
      "retire ./state --reason 'moved to host b' --dry-run",
      "retire ./state --reason 'moved to host b' --backup ./new-backups --yes",
    ],
  });
  withConsent(command)
    .argument("<store>", "the state directory; its node is stopped")
    .requiredOption("--reason <text>", "why; it is put on record")
    .option("--backup <directory>", "take the last backup into this backup directory")
    .action(async (store: string, choices: Choices) => {
      await retireCommand(store, choices, port);
    });
}

async function retireCommand(store: string, choices: Choices, port: CliPort): Promise<void> {
  const { backup: to, yes = false, dryRun = false, json } = choices;
  const reason = reasonArgument("--reason", choices.reason);
  const directory = await placeOf(store);
  const { chainId } = await identityIn(directory, true);
  const before = await readRetirement(new RealDisk(), directory);
  const isMeant = consented({ yes, dryRun }, `retires ${directory}, which then never opens again,`);
  const onRecord = typeof before === "object" ? before.reason : undefined;
  const stays =
    onRecord === undefined
      ? ""
      : printable(`; it was retired before, and the reason on record stays: ${onRecord}`);
  const about = {
    directory,
    chainId,
    reason: onRecord ?? reason,
    dryRun,
    wasRetired: before !== undefined,
  };
  if (!isMeant) {
    const backup = to === undefined ? null : { directory: absolutePath(to), number: null };
    const last = backup ? `, and take its last backup into ${printable(backup.directory)}` : "";
    const text = `this would retire ${printable(directory)}, a store of chain ${chainId}${last}`;
    return await tellDone(port, json, { ...about, backup }, `${text}${stays}\n`);
  }
  const record = await retireStore(directory, { reason });
  const done =
    to === undefined ? undefined : await backupStore(directory, to, { signal: port.stop });
  const isLast = done?.isLast
    ? "is its last one"
    : "is not its last one, which was taken elsewhere: a store that is restored from it is guarded";
  const where = done ? `; backup ${done.number} in ${printable(done.directory)} ${isLast}` : "";
  const members = {
    ...about,
    reason: record.reason,
    backup: done ? { directory: done.directory, number: done.number, isLast: done.isLast } : null,
  };
  const text = `${printable(directory)} is retired${where}${stays}\n`;
  await tellDone(port, json, members, text);
}
