/** `inspect` and `verify` as the command line offers them. */
import type { Command } from "commander";
import { worstFirst } from "../../../inspect/finding.js";
import { errorCodes } from "../../../types/errors.js";
import { committeeFileHelp } from "../../../inspect/committee-file.js";
import { keyOption } from "../../store/key-files.js";
import { addCommand } from "../../terminal/manners.js";
import type { CliPort } from "../../terminal/port.js";
import { inspectCommand, verifyCommand } from "./inspect.js";

const promise =
  "It takes no lock and writes nothing, so it can look at a store that is refused, damaged, or open " +
  "elsewhere. While somebody writes to the store, findings may be transient.";

const exitCodes = `
Exit codes: 0 if no error was found, 2 for a wrong option, else the code of the worst class found.
From the worst: ${worstFirst.map((code) => `${code} ${errorCodes[code].exit}`).join(", ")}.
An error is damage that open refuses, or content that does not verify. A warning is a fault that open
accepts: the trace of a crash, or damage that nothing depends on.

Without its key a sealed payload is not looked at: everything else is checked, the findings say which key is
missing, and the exit code is ${errorCodes.KEY_MISSING.exit} unless something worse was found.

Tables show a lane by the first digits of its validator's key; findings and JSON have the whole id.
`;

const withoutCommittee = `
Without --committee a block is verified by the key in its lane's name, and each signature of a QC by the
key that it names. Membership and quorum are not checked then.
`;

export function addInspectCommands(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  const inspect = addCommand(program, "inspect", {
    what: `Tells all that is wrong with a store, file by file. ${promise}`,
    help: exitCodes,
    examples: [
      "inspect ./state",
      "inspect ./state --key ./state.key",
      "inspect ./state --json | jq '.findings[] | [.class, .file, .offset, .lane, .number]'",
    ],
  });
  withChoices(inspect).action(async (directory: string, parsed: unknown) =>
    setExit(await inspectCommand(directory, parsed, port)),
  );
  const verify = addCommand(program, "verify", {
    what: `Does what inspect does, and proves every live record: payload hashes, signatures, QCs, the anchor. ${promise}`,
    help: `${exitCodes}${withoutCommittee}${committeeFileHelp}`,
    examples: ["verify ./state", "verify ./state --committee ./committee.json --json"],
  });
  withChoices(verify)
    .option(
      "--committee <file>",
      "check membership and quorums too, by the committees in this file",
    )
    .action(async (directory: string, parsed: unknown) =>
      setExit(await verifyCommand(directory, parsed, port)),
    );
}

function withChoices(command: Command): Command {
  return command
    .argument("<directory>", "the state directory, or the folder of a journal")
    .option("--strict", "let warnings decide the exit code too")
    .option("--moved", "judge a copied or moved store as open does that is told so")
    .addOption(keyOption("a key of sealed payloads"));
}
