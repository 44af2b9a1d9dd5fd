/** The commands that look at a store, or at the service that runs it. */
import { Argument, type Command } from "commander";
import { keyOption } from "../store/key-files.js";
import { addCommand, withConsent } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { type DigestChoices, digestCommand } from "./digest.js";
import { duCommand } from "./du.js";
import { type DumpChoices, dumpCommand } from "./dump/dump.js";
import { list, type Part, partNames } from "./ls.js";
import { type ReleaseChoices, releaseCommand } from "./pins.js";
import { tellStatus } from "./status.js";
import { targetOf, withTarget } from "./view/target.js";
import { viewOf } from "./view/look.js";
import type { LookChoices } from "./view/view.js";

const targets = `
STORE is a state directory, the socket of a service, or its HOST:PORT. A directory whose service answers on
its socket is asked through that service; with --files its files are read all the same. Files are read without a
lock, and nothing is written: the owner may go on.
`;

interface Choices extends LookChoices {
  readonly files?: boolean;
  readonly json?: boolean;
}

export function addLookCommands(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  addStatus(program, port, setExit);
  addList(program, port, setExit);
  addDump(program, port, setExit);
  addPins(program, port, setExit);
}

function addStatus(program: Command, port: CliPort, setExit: (code: number) => void): void {
  const status = addCommand(program, "status", {
    what: "Tells of a store, or of a running service, in one look.",
    help: `${targets}\nThe exit code is 0 if it works, else that of the error that keeps it from working.`,
    examples: [
      "status ./state",
      "status unix:./served/lanekeeper.sock",
      "status ./state --json | jq '.road'",
    ],
  });
  withTarget(status)
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (store: string, choices: Choices) => {
      const target = await targetOf(store, choices.files === true);
      const view = await viewOf(target, choices, port);
      setExit(await tellStatus(view, choices.json === true, port));
    });
  const du = addCommand(program, "du", {
    what: "Tells the bytes that each part of a store takes.",
    help: targets,
    examples: ["du ./state", "du ./state --json | jq '.bytes'"],
  });
  withTarget(du).action(async (store: string, choices: Choices) => {
    setExit(await duCommand(await targetOf(store, choices.files === true), choices, port));
  });
  addCommand(program, "digest", {
    what: "Prints one digest of all that a store holds: lanes, road, anchor and vote state.",
    help: `
Two stores hold the same records where their digests are the same; the lines below it tell where they differ. Files are
read without a lock, and nothing is written. The owner may go on: then the digest is of one moment.
`,
    examples: ["digest ./state", "digest ./state --json | jq -r '.digest'"],
  })
    .argument("<directory>", "the state directory")
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (store: string, choices: DigestChoices) => {
      await digestCommand(store, choices, port);
    });
}

function addList(program: Command, port: CliPort, setExit: (code: number) => void): void {
  const ls = addCommand(program, "ls", {
    what: "Lists lanes, the road, pins, segments, or what is pruned and retained.",
    help: targets,
    examples: [
      "ls lanes ./state",
      "ls segments ./state",
      "ls retained ./state --json | jq '.retained'",
    ],
  }).addArgument(new Argument("<what>", "the parts to list").choices(partNames));
  withTarget(ls)
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (what: Part, store: string, choices: Choices) => {
      setExit(await list(what, await targetOf(store, choices.files === true), choices, port));
    });
}

const dumpHelp = `
${targets}
Files give every record in the order of LSNs, what was pruned and is still there among them; a record that cannot
be read is told as lost, with exit code 20 at the end. A file that cannot be read comes first, as unread: the exit code
is 36 then. A service gives what it holds, log by log. Ranges leave out their end: 5..9 is 5, 6, 7 and 8. --json prints
one object a line. --follow prints what becomes durable from now on, until it is stopped.
`;

function addDump(program: Command, port: CliPort, setExit: (code: number) => void): void {
  const dump = addCommand(program, "dump", {
    what: "Prints records, one line each.",
    help: dumpHelp,
    examples: [
      "dump ./state --road --range 1..3",
      "dump ./served --payload",
      "dump ./state --lsn 10.. --json",
      "dump ./state --json | jq -c '[.lsn, .kind, .log, .number]'",
    ],
  });
  withTarget(dump)
    .option("--lane <digits>", "records of the lanes that begin so")
    .option("--road", "records of the road alone")
    .option("--range <numbers>", "block numbers or road indexes, such as 5..9")
    .option("--lsn <numbers>", "LSNs, such as 5..9: files have them")
    .option("--payload", "the payloads too, in hex")
    .option("--follow", "what becomes durable from now on, of a running service")
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (store: string, choices: Choices & DumpChoices) => {
      const isOfFiles = choices.files === true;
      setExit(await dumpCommand(await targetOf(store, isOfFiles), choices, port));
    });
}

const releaseHelp = `
${targets}
A block that was being written was lost: at its number only the same block may be signed. Get that block from a peer
and push it, wherever a peer may have it: this validator may have signed it. To lift the pin is the last way, for a block
that nobody has. It is put on record with its reason. Without a service the store is opened for it.
`;

function addPins(program: Command, port: CliPort, setExit: (code: number) => void): void {
  const pins = program
    .command("pins")
    .description("Lists the numbers at which one block alone may be signed, and lifts one.");
  const ls = addCommand(pins, "ls", {
    what: "Lists the pins.",
    help: targets,
    examples: ["pins ls ./state"],
  });
  withTarget(ls)
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (store: string, choices: Choices) => {
      setExit(await list("pins", await targetOf(store, choices.files === true), choices, port));
    });
  const release = addCommand(pins, "release", {
    what: "Lifts a pin by decision, on record.",
    help: releaseHelp,
    examples: [
      "pins release ./pinned-state 0029 2 --reason 'no peer has it' --dry-run",
      "pins release ./pinned-state 0029 2 --reason 'no peer has it' --yes",
    ],
  });
  withConsent(withTarget(release))
    .argument("<lane>", "the first hex digits of the lane")
    .argument("<number>", "the pinned number")
    .requiredOption("--reason <text>", "why: 1 to 1000 characters, put on record")
    .option("--by <name>", "the author of the decision (default: the user and the host)")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .addOption(keyOption("a key of sealed payloads"))
    .action(async (...[store, lane, number, choices]: ReleaseArguments) => {
      const target = await targetOf(store, choices.files === true);
      await releaseCommand(target, [lane, number], choices, port);
    });
}

type ReleaseArguments = [store: string, lane: string, number: string, Choices & ReleaseChoices];
