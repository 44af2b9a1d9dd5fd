/** `lanekeeper key`: makes a key, names one, and puts one in the place of another. */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { KEY_BYTES } from "../../keys/key.js";
import { makeKeyFile, readKeyFile } from "../../keys/key-file.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import type { CliPort } from "../port.js";
import { writeDocument } from "../terminal/json-document.js";
import { printable } from "../terminal/table.js";
import { type RotateChoices, rotateCommand } from "./key-rotate.js";

const help = `
A key is 32 random bytes in a file that its owner alone can read: raw, as hex digits, or as base64. Keep a
copy of it apart from the store: without its key a store cannot be read by anybody. An id names a
key, and tells nothing of it.

Examples:
  $ lanekeeper key new ./state.key
  $ lanekeeper key id ./state.key
  $ lanekeeper key rotate ./state --key ./next.key --read ./state.key
`;

const rotateHelp = `
The store must not be open elsewhere; a node that runs has rotateKey. From the beginning of the rotation on
the store needs the new key, and the older ones until the command has ended with exit code 0: give all of
them to the node until then. A plain store is sealed as a whole. A command that was stopped, by a signal or
a crash, goes on when it is called again. Retained records whose key is missing end it with exit code ${errorCodes.KEY_MISSING.exit}.

Examples:
  $ lanekeeper key new ./next.key
  $ lanekeeper key rotate ./state --key ./next.key --read ./state.key
  $ lanekeeper key rotate ./state --key ./next.key --read ./state.key --json | jq '.keys'
`;

interface Choices {
  readonly json?: boolean;
}

export function addKeyCommand(program: Command, port: CliPort): void {
  const key = program
    .command("key")
    .description("Makes, names and rotates keys for encryption at rest.")
    .addHelpText("after", help);
  const command = (name: string, what: string): Command =>
    key
      .command(name)
      .description(what)
      .argument("<file>", "the file of the key")
      .option("--json", "print one JSON object instead of a line");
  command("new", "Makes a key in a new file, and prints its id.").action(
    async (file: string, { json }: Choices) => {
      refuseNameless(file);
      const made = await makeKeyFile(file, randomBytes(KEY_BYTES));
      made.close();
      await tell(port, json, { file, id: made.id }, `${printable(file)} holds the key ${made.id}`);
    },
  );
  command("id", "Prints the id of a key.").action(async (file: string, { json }: Choices) => {
    refuseNameless(file);
    const read = await readKeyFile(file);
    read.close();
    await tell(port, json, { file, id: read.id }, read.id);
  });
  key
    .command("rotate")
    .description(
      "Seals all of a store with another key, and waits until no byte needs the older one.",
    )
    .argument("<store>", "the state directory, or the folder of a journal")
    .requiredOption("--key <file>", "the key that seals from now on")
    .option("--read <file...>", "the keys that the store was sealed with until now")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .option("--json", "print one JSON object instead of a line")
    .addHelpText("after", rotateHelp)
    .action(async (store: string, choices: RotateChoices) => {
      await rotateCommand(store, choices, port);
    });
}

function refuseNameless(file: string): void {
  if (file === "") throw new PersisterError("USAGE", "the file must have a name");
}

async function tell(
  port: CliPort,
  json: boolean | undefined,
  facts: { readonly file: string; readonly id: string },
  line: string,
): Promise<void> {
  if (json === true) await writeDocument(port.stdout, { ok: true, exitCode: 0, ...facts });
  else port.stdout.write(`${line}\n`);
}
