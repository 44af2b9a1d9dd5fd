/** `lanekeeper du`: the bytes that each part of a store takes. */
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../../disk/failure.js";
import { RealDisk } from "../../disk/real/real.js";
import { StoreListing } from "../../inspect/listing/listing.js";
import { MARK_FILE } from "../../journal/form/mark.js";
import { JOURNAL_DIRECTORY, STORE_FILE } from "../../journal/form/store.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import { pairFiles } from "../../persist/checked-store.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { counted, formatSize } from "../terminal/sizes.js";
import { printable, type Row, table } from "../terminal/table.js";
import type { Target } from "./view/target.js";
import { unreadIn } from "./view/files.js";
import { viewOf } from "./view/look.js";
import { type LookChoices, unreadOutcome, type UnreadView } from "./view/view.js";
import { unreadText } from "./view/words.js";

/** Bytes of a part: as long as its files are, and as much as the file system has given them. */
interface Use {
  readonly part: string;
  readonly files: number;
  readonly bytes: number;
  readonly heldBytes?: number;
}

/** Bytes of one unit in which a file system tells the blocks of a file. */
const STAT_BLOCK_BYTES = 512;

/** Returns the exit code: that of a file of the journal that could not be read, if there is one. */
export async function duCommand(
  target: Target,
  choices: LookChoices & { readonly json?: boolean },
  port: CliPort,
): Promise<number> {
  const { uses, unread } =
    target.kind === "files" ? await usesIn(target.directory) : await served(target, choices, port);
  const bytes = uses.reduce((sum, use) => sum + use.bytes, 0);
  const rows: readonly Row[] = [...uses.map(rowOf), ["all", formatSize(bytes)]];
  const outcome = unreadOutcome(unread);
  const text = [table(rows), ...unread.map((each) => `${printable(unreadText(each))}\n`)].join("");
  await tellDone(port, choices.json, { ...outcome, uses, bytes, unread }, text);
  return outcome.exitCode;
}

interface Uses {
  readonly uses: readonly Use[];
  readonly unread: readonly UnreadView[];
}

async function served(target: Target, choices: LookChoices, port: CliPort): Promise<Uses> {
  const { segments } = await viewOf(target, choices, port);
  const uses = segments.map(({ state, slots, bytes }) => {
    return { part: `segments, ${state}`, files: slots, bytes };
  });
  return { uses, unread: [] };
}

function rowOf({ part, files, bytes, heldBytes }: Use): Row {
  const held =
    heldBytes === undefined || heldBytes === bytes ? "" : `, ${formatSize(heldBytes)} held`;
  return [part, `${formatSize(bytes)} in ${counted(files, "file")}${held}`];
}

async function usesIn(directory: string): Promise<Uses> {
  const { states, unread } = await statesIn(directory);
  const found = new Map<string, Use>();
  for (const path of await filesUnder(directory)) {
    const { size, blocks } = await factsOf(join(directory, path));
    const part = partOf(path, states);
    const { files, bytes, heldBytes = 0 } = found.get(part) ?? { files: 0, bytes: 0 };
    const held = heldBytes + blocks * STAT_BLOCK_BYTES;
    found.set(part, { part, files: files + 1, bytes: bytes + size, heldBytes: held });
  }
  return { uses: [...found.values()].sort((one, other) => other.bytes - one.bytes), unread };
}

/** The state of each segment, by its file's path. */
async function statesIn(directory: string): Promise<{
  readonly states: ReadonlyMap<string, string>;
  readonly unread: readonly UnreadView[];
}> {
  const listing = await StoreListing.open(new RealDisk(), directory);
  try {
    const { segments } = listing;
    const states = segments.map(({ file, state }): [string, string] => {
      return [file.slice(directory.length + 1), state];
    });
    return { states: new Map(states), unread: unreadIn(listing) };
  } finally {
    await listing.close();
  }
}

const parts: ReadonlyMap<string, string> = new Map([
  [STORE_FILE, "identity"],
  [MARK_FILE, "mark"],
  ...pairFiles().map((name) => [name, "anchor and votes"] as const),
]);

function partOf(path: string, states: ReadonlyMap<string, string>): string {
  const state = states.get(path);
  if (state !== undefined) return `segments, ${state}`;
  if (path.startsWith(`${INDEX_DIRECTORY}/`)) return "map";
  return (
    parts.get(path) ??
    (path.startsWith(`${JOURNAL_DIRECTORY}/`) ? "journal, other files" : "other files")
  );
}

async function filesUnder(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(join(directory, folder))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await look(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  await look("");
  return found;
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw diskError("list a folder", folder, cause);
  }
}

async function factsOf(path: string): Promise<{ readonly size: number; readonly blocks: number }> {
  try {
    return await lstat(path);
  } catch (cause) {
    throw diskError("look at a file", path, cause);
  }
}
