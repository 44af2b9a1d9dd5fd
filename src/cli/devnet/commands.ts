/** `lanekeeper devnet`: runs a committee, strikes it, and says what the judge found. */
import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { Network } from "../../devnet/network/network.js";
import { sabotages } from "../../devnet/validator/sabotage.js";
import { exitCodes } from "../terminal/ending.js";
import { addCommand } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { painter } from "../terminal/paint.js";
import { writeDocument } from "../terminal/json-document.js";
import { Redraw } from "../terminal/redraw.js";
import { addByHandCommands, rehearsal } from "./by-hand.js";
import {
  byHandDefaults,
  type DevnetOptions,
  devnetDefaults,
  devnetOptions,
  VALIDATORS_MAX,
} from "./options.js";
import { fractionsOf } from "./random.js";
import { devnetSummary, devnetTable } from "./report.js";
import { comebackText, legend, sentenceOf } from "./words.js";
import { liveLines, plainLine } from "./view.js";

const SEEDS = 2 ** 32;
const serviceProgram = fileURLToPath(new URL("./service.js", import.meta.url));
const validatorProgram = fileURLToPath(new URL("./validator.js", import.meta.url));

const help = `
A power cut is a kill after which every write that the store was not told is durable is lost, torn at
sectors, or kept, and the map is perhaps gone. With --service, validators and services are struck each
by itself or together, and power cuts fall on the services. With --standby, which wants 4 validators or
more, each validator has two machines, and each machine has a store. The machine that signs is killed,
loses its power, is stopped, or is cut off from the reservations, from its peers, or from both; the
other one takes over, and the first one comes back. With --lose, a machine is gone with its disk; a new
one begins with nothing, and executes from the archive all that its peers have no more. At the end all
validators are struck at once, and everything that each one recovers is compared with all that it
acknowledged.

With --by-hand each validator has a service, and nobody strikes but you:
${rehearsal}
Exit code 1 means that the judge found a violation, and nothing else means that.

${legend}
A sabotaged validator breaks the contract, for the judge to find out:
${Object.entries(sabotages)
  .map(([name, does]) => `  ${name.padEnd(26)}${does}\n`)
  .join("")}
`;

export function addDevnetCommand(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  const { validators, seconds, payload, kills, powerCuts, restore, lose } = devnetDefaults;
  const devnet = addCommand(program, "devnet", {
    what:
      "Runs a committee of validators, each a process with a store of its own, kills them at random " +
      "moments, and judges that nothing acknowledged is lost and nothing is signed twice.",
    help,
    examples: [
      "devnet",
      "devnet --validators 7 --seconds 60 --kills 20 --power-cuts 5 --seed 1",
      "devnet --validators 1 --seconds 10 --kills 5",
      "devnet --service",
      "devnet --restore 2",
      "devnet --standby",
      "devnet --archive file://./bucket --lose 1",
      "devnet --sabotage forget-vote-state",
      "devnet --restore 1 --sabotage ignore-guards",
      "devnet --by-hand --dir ./devnet",
      "devnet --payload 64KiB --dir ./devnet --json",
    ],
  })
    .option(
      "--validators <count>",
      `validators, each with a lane: 1 to ${VALIDATORS_MAX}`,
      validators,
    )
    .option(
      "--seconds <count>",
      `how long to strike them; the end takes some more (default: ${seconds}; by hand ${byHandDefaults.seconds})`,
    )
    .option("--payload <size>", "bytes of transactions in a block", payload)
    .option("--kills <count>", `kills during the run (default: ${kills}; by hand none)`)
    .option(
      "--power-cuts <count>",
      `power cuts during the run (default: ${powerCuts}; by hand none)`,
    )
    .option("--restore <count>", "validators that come back from an old backup", restore)
    .option("--lose <count>", "machines that are lost with all they hold (with --archive)", lose)
    .option("--dir <directory>", "where to keep the stores (default: a temporary directory)")
    .option("--seed <number>", "the same keys and strikes again (default: random)")
    .option("--archive <bucket>", "archive in this bucket, and catch up from it")
    .option("--service", "give each validator its store through a service, a process of its own")
    .option("--by-hand", "strike nobody, and take orders of devnet kill, start and end")
    .option("--standby", "give each validator a second machine that takes over from the first")
    .addOption(
      new Option("--sabotage <name>", "let one validator break the contract").choices(
        Object.keys(sabotages),
      ),
    )
    .action(async (parsed: unknown) => setExit(await devnetCommand(parsed, port)));
  addByHandCommands(devnet.enablePositionalOptions(), port);
}

async function devnetCommand(parsed: unknown, port: CliPort): Promise<number> {
  const options = devnetOptions(parsed, () => randomInt(SEEDS));
  const { stdout, hasColor } = port;
  const paint = painter(hasColor);
  if (!options.json) stdout.write(`seed ${options.seed}: --seed ${options.seed} runs it again\n`);
  const network = await runDevnet(options, port);
  const summary = devnetSummary(network, port.stop);
  if (options.json) await writeDocument(stdout, summary);
  else stdout.write(`${devnetTable(summary)}\n${legend}\n${sentenceOf(summary, paint)}\n`);
  return summary.ok ? exitCodes.ok : exitCodes.violation;
}

/** Runs to the end. No process and no temporary file is left when settled. */
async function runDevnet(options: DevnetOptions, port: CliPort): Promise<Network> {
  const { stdout, clockMs, hasColor, stop } = port;
  const paint = painter(hasColor);
  const directory = options.dir ?? (await mkdtemp(join(tmpdir(), "lanekeeper-devnet-")));
  let view: Redraw | undefined;
  const hide = (): void => view?.erase();
  try {
    await mkdir(directory, { recursive: true });
    if (options.byHand && !options.json) stdout.write(`the devnet is in ${directory}\n`);
    const network = new Network(options, {
      directory,
      clockMs,
      signal: stop,
      programOf: () => ({ args: [validatorProgram] }),
      serviceProgram: { args: [serviceProgram] },
      fraction: fractionsOf(options.seed),
      onComeback: (comeback) => view?.say(comebackText(comeback, paint)),
    });
    if (!options.json) {
      view = new Redraw(stdout, {
        lines: () => liveLines(network, paint),
        plain: () => plainLine(network),
      });
      stop.addEventListener("abort", hide);
    }
    await network.run();
    return network;
  } finally {
    view?.stop();
    stop.removeEventListener("abort", hide);
    if (options.dir === undefined) await rm(directory, { recursive: true, force: true });
  }
}
