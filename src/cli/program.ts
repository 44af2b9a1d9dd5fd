/** The command line: what there is to call, and which exit code follows. */
import { randomInt } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import { Command, CommanderError, Option } from "commander";
import { errorCodes, PersisterError } from "../types/errors.js";
import { runChild } from "./run/child.js";
import { addDevnetCommands } from "./devnet/commands.js";
import { addImportCommands } from "./transfer/commands.js";
import { addInspectCommands } from "./inspect/commands.js";
import { defaults, runOptions } from "./run/options.js";
import { summaryOf, tableOf } from "./run/report.js";
import { run } from "./run/run.js";
import { version } from "./version.js";
import { startView } from "./run/view.js";

/** Something acknowledged was lost or changed. */
const EXIT_VIOLATION = 1;
const EXIT_INTERRUPTED = 130;
const SEEDS = 2 ** 32;

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

const examples = `
Examples:
  $ lanekeeper run
  $ lanekeeper run --lanes 8 --seconds 60 --kills 30 --seed 1
  $ lanekeeper run --payload 256KiB --dir ./state --json
`;

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
  program
    .command("run")
    .description(
      "Feeds a store in a child process, kills it at random moments, and compares what it recovers " +
        "with what it acknowledged. One more kill follows at the end.",
    )
    .option("--lanes <count>", "lanes, each with a validator", defaults.lanes)
    .option("--seconds <count>", "how long to run", defaults.seconds)
    .option("--payload <size>", "bytes of transactions in a block", defaults.payload)
    .option("--kills <count>", "kills during the run", defaults.kills)
    .option("--dir <directory>", "where to keep the store (default: a temporary directory)")
    .option("--seed <number>", "makes the same blocks and kills again (default: random)")
    .addOption(new Option("--json", "print one JSON object instead of progress and table"))
    .addHelpText("after", examples)
    .action(async (parsed: unknown) => setExit(await runCommand(parsed, port)));
  addDevnetCommands(program, port, setExit);
  addInspectCommands(program, port, setExit);
  addImportCommands(program, port, setExit);
  program
    .command("run-child", { hidden: true })
    .action(async () => setExit(await childCommand(port)));
  return program;
}

async function runCommand(parsed: unknown, port: CliPort): Promise<number> {
  const options = runOptions(parsed, () => randomInt(SEEDS));
  const { stdout, script, clockMs, hasColor } = port;
  const interrupt = new AbortController();
  const stopListening = port.onInterrupt(() => interrupt.abort());
  let endView: (() => void) | undefined;
  try {
    const result = await run(options, {
      script,
      clockMs,
      signal: interrupt.signal,
      onStart: (progress) => {
        if (options.json) return;
        endView = startView(progress, {
          stream: stdout,
          isTerminal: stdout.isTTY === true,
          hasColor,
        });
      },
    });
    endView?.();
    const summary = summaryOf(result);
    stdout.write(options.json ? `${JSON.stringify(summary)}\n` : tableOf(summary));
    if (!summary.ok) return EXIT_VIOLATION;
    return result.wasInterrupted ? EXIT_INTERRUPTED : 0;
  } finally {
    endView?.();
    stopListening();
  }
}

/** An interrupt goes to the whole group of processes; the child ends when its parent says so. */
async function childCommand(port: CliPort): Promise<number> {
  const stopListening = port.onInterrupt(() => undefined);
  try {
    return await runChild(port.stdin, port.stdout);
  } finally {
    stopListening();
  }
}

/** The first line of `text`, without commander's prefix. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ");
}
