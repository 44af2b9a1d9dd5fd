/** `devnet` as the command line offers it, and the validator process behind it. */
import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type Command, Option } from "commander";
import { Network } from "../../devnet/network/network.js";
import { reportTo } from "../../devnet/judge/report.js";
import {
  openStore,
  REPORT_DESCRIPTOR,
  runValidator,
} from "../../devnet/validator/validator-process.js";
import { sabotages } from "../../devnet/validator/sabotage.js";
import { type DevnetOptions, devnetDefaults, devnetOptions, VALIDATORS_MAX } from "./options.js";
import { type DevnetResult, devnetSummary, devnetTable } from "./report.js";
import { startDevnetView } from "./view.js";
import { fractionsOf } from "./random.js";

/** Something acknowledged was lost, or something was signed that must not be. */
const EXIT_VIOLATION = 1;
const EXIT_INTERRUPTED = 130;
const SEEDS = 2 ** 32;

/** What the commands need of the process. */
export interface DevnetPort {
  /** The file that `devnet-validator` is a subcommand of. */
  readonly script: string;
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly hasColor: boolean;
  readonly clockMs: () => number;
  readonly onInterrupt: (listener: () => void) => () => void;
}

const examples = `
A power cut is a kill after which every write that the store was not told is durable is lost, torn at
sectors, or kept, and the map is perhaps gone. At the end all validators are killed at once, and what
each one recovers is compared with all that it acknowledged. Exit code 1 on any violation.

Sabotages:
${Object.entries(sabotages)
  .map(([name, does]) => `  ${name.padEnd(26)}${does}\n`)
  .join("")}
Examples:
  $ lanekeeper devnet
  $ lanekeeper devnet --validators 1 --seconds 10 --kills 5
  $ lanekeeper devnet --sabotage forget-vote-state
  $ lanekeeper devnet --validators 7 --seconds 60 --kills 20 --power-cuts 5 --seed 1
  $ lanekeeper devnet --payload 64KiB --dir ./devnet --json
`;

export function addDevnetCommands(
  program: Command,
  port: DevnetPort,
  setExit: (code: number) => void,
): void {
  program
    .command("devnet")
    .description(
      "Runs a committee of validators, each a process with a store of its own, kills them at random " +
        "moments, and judges that nothing acknowledged is lost and nothing is signed twice.",
    )
    .option(
      "--validators <count>",
      `validators, each with a lane: 1 to ${VALIDATORS_MAX}`,
      devnetDefaults.validators,
    )
    .option("--seconds <count>", "how long to run", devnetDefaults.seconds)
    .option("--payload <size>", "bytes of transactions in a block", devnetDefaults.payload)
    .option("--kills <count>", "kills during the run", devnetDefaults.kills)
    .option("--power-cuts <count>", "power cuts during the run", devnetDefaults.powerCuts)
    .option("--dir <directory>", "where to keep the stores (default: a temporary directory)")
    .option("--seed <number>", "the same keys and moments again (default: random)")
    .option("--sabotage <name>", "let one validator break the contract, for the judge to find out")
    .addOption(new Option("--json", "print one JSON object instead of progress and table"))
    .addHelpText("after", examples)
    .action(async (parsed: unknown) => setExit(await devnetCommand(parsed, port)));
  program
    .command("devnet-validator", { hidden: true })
    .action(async () => setExit(await validatorCommand(port)));
}

async function devnetCommand(parsed: unknown, port: DevnetPort): Promise<number> {
  const options = devnetOptions(parsed, () => randomInt(SEEDS));
  const interrupt = new AbortController();
  const stopListening = port.onInterrupt(() => interrupt.abort());
  try {
    const result = await runDevnet(options, port, interrupt.signal);
    const summary = devnetSummary(result);
    port.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : devnetTable(summary));
    if (!summary.ok) return EXIT_VIOLATION;
    return result.wasInterrupted ? EXIT_INTERRUPTED : 0;
  } finally {
    stopListening();
  }
}

async function runDevnet(
  options: DevnetOptions,
  { script, stdout, clockMs, hasColor }: DevnetPort,
  signal: AbortSignal,
): Promise<DevnetResult> {
  const directory = options.dir ?? (await mkdtemp(join(tmpdir(), "lanekeeper-devnet-")));
  await mkdir(directory, { recursive: true });
  const network = new Network(options, {
    directory,
    clockMs,
    signal,
    programOf: () => ({ args: [script, "devnet-validator"] }),
    fraction: fractionsOf(options.seed),
  });
  const view = { stream: stdout, isTerminal: stdout.isTTY === true, hasColor };
  const endView = options.json ? undefined : startDevnetView(network, view);
  try {
    await network.run();
    return { network, wasInterrupted: signal.aborted };
  } finally {
    endView?.();
    if (options.dir === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** An interrupt goes to the whole group of processes; a validator ends when its parent says so. */
async function validatorCommand(port: DevnetPort): Promise<number> {
  const stopListening = port.onInterrupt(() => undefined);
  try {
    const report = reportTo(REPORT_DESCRIPTOR);
    return await runValidator({ input: port.stdin, report, open: openStore });
  } finally {
    stopListening();
  }
}
