/** The command line: its commands, and the exit code of a call. */
import { setTimeout as sleep } from "node:timers/promises";
import { Command, CommanderError } from "commander";
import { errorCodes, PersisterError } from "../types/errors.js";
import { LanekeeperError } from "../types/lanekeeper-error.js";
import { addArchiveCommand } from "./archive/commands.js";
import { rehearsal } from "./devnet/by-hand.js";
import { addDevnetCommand } from "./devnet/commands.js";
import { codeOf, exitCodes, untilStopped } from "./terminal/ending.js";
import { addBackupCommand } from "./keeping/backup.js";
import { addRepairCommand } from "./keeping/repair.js";
import { addInitCommand } from "./store/init.js";
import { addDoctorCommand } from "./keeping/doctor.js";
import { addLookCommands } from "./look/commands.js";
import { rotateServed } from "./look/rotation.js";
import { addInspectCommands } from "./look/inspect/commands.js";
import { addJobsCommand } from "./jobs/commands.js";
import { addServeCommand } from "./serve/commands.js";
import { addKeyCommand } from "./store/key.js";
import { addGuardCommand } from "./keeping/guard.js";
import { addLanesCommand } from "./keeping/lanes.js";
import { addReservationsCommand } from "./keeping/reservations.js";
import { addRestoreCommand } from "./keeping/restore.js";
import { addRetireCommand } from "./keeping/retire.js";
import { addWatermarksCommand } from "./keeping/watermarks.js";
import type { CliPort } from "./terminal/port.js";
import { addCompletionCommand } from "./terminal/completion/commands.js";
import { refusalMembers, ToldError, writeDocument } from "./terminal/json-document.js";
import { printable } from "./terminal/table.js";
import { addImportCommands } from "./transfer/commands.js";
import { FORMAT_VERSION } from "../journal/form/head-seal.js";
import { version } from "./version.js";

/** A call of the command line, as its errors are told. */
interface Call {
  readonly args: readonly string[];
  readonly program: Command;
  readonly port: CliPort;
}

/** The time for a stopped command to end its children and to remove its files. */
const STOPPING_MS_MAX = 2_500;

const firstSteps = `
lanekeeper COMMAND --help has every option, and examples. STORE is the state directory of a validator; many commands
take the socket of its running service as well. lanekeeper status STORE is a first look; each error says what to do.

To see a validator come back from a backup, its disk being gone:
${rehearsal}`;

/** Runs the command in `args`; returns the exit code. A refusal is told in one line on stderr. */
export async function main(args: readonly string[], port: CliPort): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = commandTree(port, (code) => {
    exitCode = code;
  });
  try {
    await unlessStopped(program.parseAsync(args, { from: "user" }), port.stop);
  } catch (cause) {
    if (!port.stop.aborted) exitCode = await refused(cause, { args, program, port });
  }
  return codeOf(exitCode, port.stop);
}

/** Settles as `command` does; once stopped, it has a little time to end by itself. */
async function unlessStopped(command: Promise<unknown>, stop: AbortSignal): Promise<void> {
  try {
    await untilStopped(command, stop);
  } catch (cause) {
    if (!stop.aborted) throw cause;
    await Promise.race([command, sleep(STOPPING_MS_MAX, undefined, { ref: false })]);
  }
}

/** Tells an error of the command: as a line, and as a document where JSON is wanted. */
async function refused(cause: unknown, { args, program, port }: Call): Promise<number> {
  const isHelp =
    cause instanceof CommanderError &&
    ["commander.help", "commander.version", "commander.helpDisplayed"].includes(cause.code);
  // Printed already. Help that was not asked for, since no command was named, is no success.
  if (isHelp) return cause.exitCode === 0 ? exitCodes.ok : errorCodes.USAGE.exit;
  const isTold = cause instanceof ToldError;
  const refusal = isTold ? cause.cause : cause;
  const error = refusal instanceof CommanderError ? usageOf(refusal) : refusal;
  // A bug of ours, or an error that has no code: its stack is all that there is to say.
  if (!(error instanceof LanekeeperError) || error.code === "INTERNAL") throw error;
  const { exit } = errorCodes[error.code];
  const line = `lanekeeper: ${error.code}: ${printable(oneLine(error.message))}`;
  const help = [...namesIn(program, args), "--help"].join(" ");
  port.stderr.write(error.code === "USAGE" ? `${line}; see ${help}\n` : `${line}\n`);
  if (args.includes("--json") && !isTold) await writeDocument(port.stdout, refusalMembers(error));
  return exit;
}

/** The names of the command that `args` name, from the program's own on. */
function namesIn(command: Command, args: readonly string[]): readonly string[] {
  const [name, ...rest] = args;
  const below = command.commands.find((each) => each.name() === name);
  return [command.name(), ...(below ? namesIn(below, rest) : [])];
}

function usageOf({ message }: CommanderError): PersisterError {
  return new PersisterError("USAGE", message.replace(/^error: /, ""));
}

/** The commands; `setExit` is told the exit code of one that ends by itself, unless it is 0. */
export function commandTree(port: CliPort, setExit: (code: number) => void): Command {
  const program = new Command("lanekeeper")
    .description("The durable memory of one validator in a lane-based BFT protocol.")
    .version(`${version} (stores of format ${FORMAT_VERSION})`, "-v, --version")
    // A command and one below it may have an option of the same name.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => port.stdout.write(text),
      writeErr: (text) => port.stderr.write(text),
      // Refusals of commander are told as all others are, by `refused`.
      outputError: () => undefined,
    })
    .addHelpText("after", firstSteps);
  program.commandsGroup("Begin and run:");
  addInitCommand(program, port);
  addServeCommand(program, port);
  addDevnetCommand(program, port, setExit);
  addDoctorCommand(program, port, setExit);
  program.commandsGroup("Look, and change nothing:");
  addLookCommands(program, port, setExit);
  addInspectCommands(program, port, setExit);
  program.commandsGroup("Keep a store through its worst days:");
  addBackupCommand(program, port, setExit);
  addRepairCommand(program, port);
  addRestoreCommand(program, port);
  addRetireCommand(program, port);
  addWatermarksCommand(program, port);
  addGuardCommand(program, port);
  addLanesCommand(program, port);
  addReservationsCommand(program, port);
  program.commandsGroup("Bring in and out:");
  addImportCommands(program, port, setExit);
  addJobsCommand(program, port);
  addArchiveCommand(program, port);
  program.commandsGroup("Keys and shells:");
  addKeyCommand(program, port, rotateServed);
  addCompletionCommand(program, port);
  return program;
}

/** `text` as one line. */
function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}
