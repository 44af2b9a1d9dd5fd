/** `lanekeeper key`: makes a key, names one, and puts one in the place of another. */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { RealDisk } from "../../disk/real/real.js";
import { KEY_BYTES } from "../../keys/key.js";
import { makeKeyFile, readKeyFile } from "../../keys/key-file.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";
import { requireNothing } from "./places.js";
import { type RotateChoices, rotateCommand } from "./key-rotate.js";

const help = `
A key is 32 random bytes in a file that its owner alone can read: raw, as hex digits, or as base64. Keep a
copy of it apart from the store: without its key a store cannot be read by anybody. An id names a
key, and tells nothing of it.
`;

const rotateHelp = `
A store of files must not be open elsewhere; a node that runs has rotateKey. A service, named by its socket or its
HOST:PORT, reads the keys of its settings anew, and seals with the first of them; --reason is put on record. From the beginning of the rotation on
the store needs the new key, and the older ones until the command has ended with exit code 0: give all of
them to the node until then. A plain store is sealed as a whole. A command that was stopped, by a signal or
a crash, goes on when it is called again. Retained records whose key is missing end it with exit code ${errorCodes.KEY_MISSING.exit}.
`;

interface Choices {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** Rotates where `store` is a service, and tells whether it is one. */
type RotateServed = (store: string, choices: RotateChoices, port: CliPort) => Promise<boolean>;

export function addKeyCommand(program: Command, port: CliPort, rotateServed: RotateServed): void {
  const key = program
    .command("key")
    .description("Makes, names and rotates keys for encryption at rest.")
    .addHelpText("after", help);
  const make = addCommand(key, "new", {
    what: "Makes a key in a new file, and prints its id.",
    examples: ["key new ./new.key"],
  });
  withDryRun(make)
    .argument("<file>", "the file of the key")
    .action(async (file: string, { json, dryRun = false }: Choices) => {
      refuseNameless(file);
      if (dryRun) {
        await requireNothing(new RealDisk(), file, "name another file");
        await tellDone(port, json, { file, dryRun }, `${printable(file)} would get a key\n`);
        return;
      }
      const made = await makeKeyFile(file, randomBytes(KEY_BYTES));
      made.close();
      const text = `${printable(file)} holds the key ${made.id}\n`;
      await tellDone(port, json, { file, id: made.id }, text);
    });
  addCommand(key, "id", { what: "Prints the id of a key.", examples: ["key id ./state.key"] })
    .argument("<file>", "the file of the key")
    .action(async (file: string, { json }: Choices) => {
      refuseNameless(file);
      const read = await readKeyFile(file);
      read.close();
      await tellDone(port, json, { file, id: read.id }, `${read.id}\n`);
    });
  const rotate = addCommand(key, "rotate", {
    what: "Seals all of a store with another key, and waits until no byte needs the older one.",
    help: rotateHelp,
    examples: [
      "key rotate ./state --key ./next.key --read ./state.key --dry-run",
      "key rotate ./state --key ./next.key --read ./state.key --json | jq '.keys'",
      "key rotate ./served/lanekeeper.sock --dry-run",
    ],
  });
  withDryRun(rotate)
    .argument("<store>", "a state directory, the folder of a journal or of jobs, or a service")
    .option("--key <file>", "the key that seals from now on; a service has it in its settings")
    .option("--read <file...>", "the keys that the store was sealed with until now")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .option("--reason <text>", "why, for the record of a service")
    .option("--by <name>", "who decides, for the record of a service; the user as a rule")
    .option("--token <file>", "the token with which a service is asked")
    .option("--tls-ca <file>", "the authority of the service's certificate")
    .option("--tls-cert <file>", "a certificate of one's own, where the service wants one")
    .option("--tls-key <file>", "the key of that certificate")
    .action(async (store: string, choices: RotateChoices) => {
      if (store === "") throw new PersisterError("USAGE", "the store must have a name");
      if (await rotateServed(store, choices, port)) return;
      await rotateCommand(store, choices, port);
    });
}

function refuseNameless(file: string): void {
  if (file === "") throw new PersisterError("USAGE", "the file must have a name");
}
