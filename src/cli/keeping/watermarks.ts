/** `lanekeeper watermarks`: how far a validator has signed, out of one store and into another. */
import { reasonArgument } from "../../types/arguments.js";
import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { diskError } from "../../disk/failure.js";
import {
  decodeWatermarks,
  encodeWatermarks,
  raiseOf,
  type Watermarks,
} from "../../keeping/watermarks/document.js";
import { watermarksOf } from "../../keeping/calls.js";
import type { Heights, Raise } from "../../persist/guards/heights.js";
import { PersisterError } from "../../types/errors.js";
import { openBare } from "../store/bare.js";
import { identityIn } from "../store/identity.js";
import { keyOption, keysAsFound, sourcesOf } from "../store/key-files.js";
import { placeOf } from "../store/places.js";
import { put } from "../terminal/json-document.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { counted } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";

const exportHelp = `
The document says, for each lane, the highest block that was proposed or voted for, and the highest road of each vote.
It is complete only if the store is whole and its validator signs no more: retire the store first. Of a damaged store it
says what could be read, and lists what could not.
`;

const importHelp = `
From then on the store's validator signs only above what the documents name. Heights only rise, so the same document
again changes nothing, and the highest of several counts. An incomplete document leaves an unknown height unknown,
unless you take its word for whole with --take-incomplete.
`;

interface ExportChoices {
  readonly out?: string;
  readonly signer?: string;
  readonly key?: readonly string[];
  readonly json?: boolean;
}

interface ImportChoices {
  readonly signer?: string;
  readonly reason?: string;
  readonly key?: readonly string[];
  readonly moved?: boolean;
  readonly takeIncomplete?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const SIGNER = "the validator's public key, 64 hex digits";

export function addWatermarksCommand(program: Command, port: CliPort): void {
  const group = program
    .command("watermarks")
    .description("How far a validator has signed, for its store on another machine.");
  addCommand(group, "export", {
    what: "Writes the watermarks of a store that is not open.",
    help: exportHelp,
    examples: [
      "watermarks export ./state",
      "watermarks export ./state --out ./new-marks.json --json | jq '.isComplete'",
    ],
  })
    .argument("<store>", "the state directory; its node is stopped")
    .option("--out <file>", "write the document to this new file")
    .option("--signer <key>", SIGNER)
    .addOption(keyOption("a key of the store, if it is sealed"))
    .action(async (store: string, choices: ExportChoices) => exportCommand(store, choices, port));
  withDryRun(
    addCommand(group, "import", {
      what: "Raises the guards of a store by the watermarks of another one.",
      help: importHelp,
      examples: [
        "watermarks import ./state ./marks.json --dry-run",
        "watermarks import ./state ./marks.json --reason 'moved from host a'",
      ],
    }),
  )
    .argument("<store>", "the state directory; its node is stopped")
    .argument("<files...>", "documents of watermarks")
    .option("--signer <key>", `${SIGNER}: documents of another one are refused`)
    .option("--reason <text>", "why; it is put on record")
    .option("--take-incomplete", "take the word of an incomplete document for whole")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .addOption(keyOption("a key of the store, if it is sealed"))
    .action(async (store: string, files: readonly string[], choices: ImportChoices) =>
      importCommand(store, files, choices, port),
    );
}

async function exportCommand(store: string, choices: ExportChoices, port: CliPort): Promise<void> {
  const { out, signer, key = [], json = false } = choices;
  const directory = await placeOf(store);
  const keys = sourcesOf(key);
  const marks = await watermarksOf(directory, { keys, signer: signerIn(signer) });
  const text = encodeWatermarks(marks);
  if (out !== undefined) await writeNew(out, text);
  else if (!json) return await put(port.stdout, text);
  const { isComplete, unread } = marks;
  const watermarks: unknown = JSON.parse(text);
  const members = { directory, out: out ?? null, isComplete, unread, watermarks };
  const said = isComplete ? "complete" : `not complete: ${unread.join("; ")}`;
  await tellDone(
    port,
    json,
    members,
    `watermarks of ${printable(directory)}: ${printable(said)}\n`,
  );
}

async function importCommand(
  store: string,
  files: readonly string[],
  choices: ImportChoices,
  port: CliPort,
): Promise<void> {
  const { key = [], moved = false, takeIncomplete = false, dryRun = false, json } = choices;
  const reason =
    choices.reason === undefined ? undefined : reasonArgument("--reason", choices.reason);
  const directory = await placeOf(store);
  const { chainId } = await identityIn(directory);
  const meant = { chainId, signer: signerIn(choices.signer), takeIncomplete };
  const read = await Promise.all(
    files.map(async (file) => ({ file, marks: await readMarks(file) })),
  );
  // An incomplete document counts where a height is known: complete ones come first.
  const documents = read.sort((a, b) => Number(b.marks.isComplete) - Number(a.marks.isComplete));
  // All are judged before anything is raised.
  const raises = documents.map(({ marks }) => raiseOf(marks, NOTHING_KNOWN, meant));
  const about = { directory, chainId, files, dryRun, raises: raises.map(plain) };
  if (dryRun) {
    const text = raises.map((raise) => `this would raise ${wordsFor(raise)}\n`).join("");
    return await tellDone(port, json, about, text);
  }
  const keys = await keysAsFound(directory, key);
  const opened = await openBare({ directory, keys, moved });
  try {
    for (const { file, marks } of documents) {
      const raise = raiseOf(marks, opened.guards.heights, meant);
      const why = { reason: reason ?? `watermarks of ${file}`, atMs: Date.now() };
      await opened.guards.raise(raise, { by: "watermarks", ...why });
    }
    const heights = plain(opened.guards.heights);
    const text = `${printable(directory)}: votes are signed from road ${heights.votes} on\n`;
    await tellDone(port, json, { ...about, heights }, text);
  } finally {
    await opened.close();
  }
}

/** An incomplete document says nothing about guards without heights; a dry run does not open the store. */
const NOTHING_KNOWN: Heights = { lanes: "unknown", byLane: new Map(), votes: "unknown" };

async function readMarks(file: string): Promise<Watermarks> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw diskError("read watermarks", file, cause);
  }
  return decodeWatermarks(text, file);
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600, flush: true });
  } catch (cause) {
    throw diskError("write watermarks", file, cause);
  }
}

function signerIn(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new PersisterError("USAGE", `--signer takes 64 lower-case hex digits, not ${text}`);
}

function plain({ lanes, byLane, votes }: Raise | Heights) {
  return {
    lanes: textOf(lanes),
    byLane: Object.fromEntries([...(byLane ?? [])].map(([lane, height]) => [lane, textOf(height)])),
    votes: textOf(votes),
  };
}

function textOf(height: bigint | "unknown" | undefined): string | null {
  return height === undefined ? null : String(height);
}

function wordsFor({ lanes, byLane, votes }: Raise): string {
  const all = lanes === undefined ? "no other lane" : `other lanes to ${lanes}`;
  const road = votes === undefined ? "votes not at all" : `votes to road ${votes}`;
  return `the guards of ${counted(byLane?.size ?? 0, "lane")}, ${all}, ${road}`;
}
