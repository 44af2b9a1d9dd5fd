/** The command line: what there is to call, and which exit code follows. */
import type { Readable, Writable } from "node:stream";
import { Command, CommanderError } from "commander";
import { errorCodes, PersisterError } from "../types/errors.js";
import { addDevnetCommands } from "./devnet/commands.js";
import { addImportCommands } from "./transfer/commands.js";
import { addInspectCommands } from "./inspect/commands.js";
import { version } from "./version.js";

/** The process as the command line sees it. */
export interface CliPort {
  /** The file that was called, to start it again as a child. */
  readonly script: string;
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly hasColor: boolean;
  readonly clockMs: () => number;
  /** Calls `listener` at each interrupt (Ctrl-C) until the function that it returns is called. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

/** Runs the command in `args`; returns the exit code. Says what was wrong in one line on stderr. */
export async function main(args: readonly string[], port: CliPort): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(port, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : errorCodes.USAGE.exit;
    if (!(error instanceof PersisterError)) throw error;
    port.stderr.write(`lanekeeper: ${error.code}: ${oneLine(error.message)}\n`);
    return errorCodes[error.code].exit;
  }
}

function buildProgram(port: CliPort, setExit: (code: number) => void): Command {
  const program = new Command("lanekeeper")
    .description("The durable memory of one validator in a lane-based BFT protocol.")
    .version(version)
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => port.stdout.write(text),
      writeErr: (text) => port.stderr.write(text),
      outputError: (text, write) => write(`lanekeeper: ${oneLine(text)}\n`),
    });
  addDevnetCommands(program, port, setExit);
  addInspectCommands(program, port, setExit);
  addImportCommands(program, port, setExit);
  return program;
}

/** The first line of `text`, without commander's prefix. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ");
}
