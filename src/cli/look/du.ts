/** `lanekeeper du`: the bytes that each part of a store takes. */
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
import { type Row, table } from "../terminal/table.js";
import type { Target } from "./view/target.js";
import { viewOf } from "./view/look.js";
import type { LookChoices } from "./view/view.js";

/** Bytes of a part: as long as its files are, and as much as the file system has given them. */
interface Use {
  readonly part: string;
  readonly files: number;
  readonly bytes: number;
  readonly heldBytes?: number;
}

/** Bytes of one unit in which a file system tells the blocks of a file. */
const STAT_BLOCK_BYTES = 512;

export async function duCommand(
  target: Target,
  choices: LookChoices & { readonly json?: boolean },
  port: CliPort,
): Promise<void> {
  const uses =
    target.kind === "files"
      ? await usesIn(target.directory)
      : (await viewOf(target, choices, port)).segments.map(({ state, slots, bytes }) => {
          return { part: `segments, ${state}`, files: slots, bytes };
        });
  const bytes = uses.reduce((sum, use) => sum + use.bytes, 0);
  const rows: readonly Row[] = [...uses.map(rowOf), ["all", formatSize(bytes)]];
  await tellDone(port, choices.json, { uses, bytes }, table(rows));
}

function rowOf({ part, files, bytes, heldBytes }: Use): Row {
  const held =
    heldBytes === undefined || heldBytes === bytes ? "" : `, ${formatSize(heldBytes)} held`;
  return [part, `${formatSize(bytes)} in ${counted(files, "file")}${held}`];
}

async function usesIn(directory: string): Promise<readonly Use[]> {
  const states = await statesIn(directory);
  const found = new Map<string, Use>();
  for (const path of await filesUnder(directory)) {
    const { size, blocks } = await factsOf(join(directory, path));
    const part = partOf(path, states);
    const { files, bytes, heldBytes = 0 } = found.get(part) ?? { files: 0, bytes: 0 };
    const held = heldBytes + blocks * STAT_BLOCK_BYTES;
    found.set(part, { part, files: files + 1, bytes: bytes + size, heldBytes: held });
  }
  return [...found.values()].toSorted((one, other) => other.bytes - one.bytes);
}

/** The state of each segment, by its file's path. */
async function statesIn(directory: string): Promise<ReadonlyMap<string, string>> {
  const listing = await StoreListing.open(new RealDisk(), directory);
  try {
    return new Map(
      listing.segments.map(({ file, state }) => [file.slice(directory.length + 1), state]),
    );
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
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) await look(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  try {
    await look("");
  } catch (cause) {
    throw diskError("list a folder", directory, cause);
  }
  return found;
}

async function factsOf(path: string): Promise<{ readonly size: number; readonly blocks: number }> {
  try {
    return await lstat(path);
  } catch (cause) {
    throw diskError("look at a file", path, cause);
  }
}
