/** `inspect` and `verify` as the command line offers them. */
import { type Command, Option } from "commander";
import { worstFirst } from "../../inspect/finding.js";
import { errorCodes } from "../../types/errors.js";
import { committeeFileHelp } from "../committee-file.js";
import { inspectCommand, type InspectPort, verifyCommand } from "./inspect.js";

const promise =
  "Reads only: it takes no lock and writes nothing, so that a store that is refused, damaged or " +
  "somebody else's can be looked at; while its owner is at work, what it finds may be transient. ";

const exitCodes = `
Exit codes: 0 where no error was found, 2 for a wrong option, else that of the worst class found.
From the worst: ${worstFirst.map((code) => `${code} ${errorCodes[code].exit}`).join(", ")}.
An error is what open refuses, or what is not what it should be. A warning is what open goes on with:
what a crash may leave, or damage that nothing depends on.
`;

const examples = {
  inspect: `
Examples:
  $ lanekeeper inspect ./state
  $ lanekeeper inspect ./state --json | jq '.findings[] | [.class, .file, .offset, .lane, .number]'
`,
  verify: `
Examples:
  $ lanekeeper verify ./state
  $ lanekeeper verify ./state --committee committees.json --json
`,
};

export function addInspectCommands(
  program: Command,
  port: InspectPort,
  setExit: (code: number) => void,
): void {
  command(program, "inspect", "Says everything that is wrong with a store, file by file.").action(
    async (directory: string, parsed: unknown) =>
      setExit(await inspectCommand(directory, parsed, port)),
  );
  command(
    program,
    "verify",
    "As inspect, and proves every live record: payload hashes, block signatures, QCs, the anchor.",
  )
    .option(
      "--committee <file>",
      "check membership and quorums too, by the committees in this file",
    )
    .addHelpText(
      "after",
      `
Without --committee a block is verified by the key in its lane's name, and every signature of a QC by
the key that it names: who may sign, and how many must, is not checked then.
${committeeFileHelp}`,
    )
    .action(async (directory: string, parsed: unknown) =>
      setExit(await verifyCommand(directory, parsed, port)),
    );
}

function command(program: Command, name: keyof typeof examples, what: string): Command {
  return program
    .command(name)
    .description(`${what} ${promise}`)
    .argument("<directory>", "the state directory")
    .option("--strict", "let warnings decide the exit code too")
    .addOption(new Option("--json", "print one JSON object instead of lines"))
    .addHelpText("after", exitCodes + examples[name]);
}
