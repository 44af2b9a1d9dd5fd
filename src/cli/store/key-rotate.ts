/**
 * `lanekeeper key rotate`: seals everything in a store with another key, and waits until no byte on disk needs
 * the one before. The open itself rotates: it begins a segment with the key that writes, and moves what lies
 * under other keys. So the command needs no state of its own: when it was stopped, it goes on where it was.
 */
import { join } from "node:path";
import { JOURNAL_FOLDER } from "../../jobs/journal/job-journal.js";
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import { readKeyFile } from "../../keys/key-file.js";
import { PersisterError } from "../../types/errors.js";
import type { CliPort } from "../terminal/port.js";
import { tellDone } from "../terminal/manners.js";
import { showWork } from "../terminal/progress.js";
import { formatSize } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";
import { identityIn } from "./identity.js";
import { sealedSlotsIn } from "./key-files.js";
import { holdsJobs, type OpenRotation, openForRotation } from "./rotation.js";

export interface RotateChoices {
  /** Needed for files; a service has its own. */
  readonly key?: string;
  readonly read?: readonly string[];
  readonly moved?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  /** The author of the decision, and the reason, for the record of a service. */
  readonly by?: string;
  readonly reason?: string;
  /** The files of the papers with which a service is asked. */
  readonly token?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/**
 * Rejects where it is stopped: the next call goes on.
 *
 * @throws {PersisterError} KEY_REFUSED, KEY_MISSING, KEY_WRONG; as `openForRotation`.
 */
export async function rotateCommand(
  directory: string,
  { key, read = [], moved = false, dryRun = false, json }: RotateChoices,
  port: CliPort,
): Promise<void> {
  if (key === undefined) {
    throw new PersisterError("USAGE", "name the key that seals from now on: --key FILE");
  }
  const id = await idOf(key);
  if (dryRun) return await rehearseRotation(directory, { id, read, json }, port);
  const keys = { write: { file: key }, read: read.map((file) => ({ file })) };
  const rotation = await openForRotation({ directory, keys, moved });
  let uses: readonly KeyUse[];
  try {
    uses = await finished(rotation, id, port);
  } finally {
    await rotation.close();
  }
  const bytes = uses.reduce((sum, use) => sum + use.bytes, 0);
  const text = `${printable(directory)} needs the key ${id} alone (${formatSize(bytes)}): older keys can go\n`;
  await tellDone(port, json, { directory, key: id, keys: uses }, text);
}

/** Tells what would be sealed anew, and which keys are missing for it. */
async function rehearseRotation(
  directory: string,
  {
    id,
    read,
    json,
  }: { readonly id: string; readonly read: readonly string[]; readonly json: boolean | undefined },
  port: CliPort,
): Promise<void> {
  const isOfJobs = await holdsJobs(directory);
  const journal = isOfJobs ? join(directory, JOURNAL_FOLDER) : directory;
  await identityIn(journal);
  const given = new Set([id, ...(await Promise.all(read.map(idOf)))]);
  const others = (await sealedSlotsIn(journal)).filter(({ keyId }) => keyId !== id);
  const bytes = others.reduce((sum, each) => sum + each.bytes, 0);
  const found = [...new Set(others.map(({ keyId }) => keyId))];
  const missing = found.filter((keyId) => keyId !== undefined && !given.has(keyId));
  const lacks = missing.length === 0 ? "" : `; missing: ${missing.join(", ")}`;
  const beside = isOfJobs ? " of the journal, and the values of its jobs," : "";
  const text = `${printable(directory)}: ${formatSize(bytes)}${beside} would be sealed with ${id}${lacks}\n`;
  await tellDone(port, json, { directory, key: id, bytes, missing, dryRun: true }, text);
}

async function idOf(file: string): Promise<string> {
  const key = await readKeyFile(file);
  key.close();
  return key.id;
}

/** Waits, and shows how much is left; returns the keys that lie on disk then. */
async function finished(
  { finished: wait, uses }: OpenRotation,
  id: string,
  port: CliPort,
): Promise<readonly KeyUse[]> {
  const { stop } = port;
  let most = 0;
  const view = showWork(() => {
    const left = bytesLeft(uses(), id);
    most = Math.max(most, left);
    return { name: "sealing", unit: "bytes", done: most - left, total: most };
  }, port);
  try {
    await wait({ signal: stop });
    return uses();
  } finally {
    view.stop();
  }
}

function bytesLeft(uses: readonly KeyUse[], id: string): number {
  return uses.filter(({ content }) => content !== id).reduce((sum, { bytes }) => sum + bytes, 0);
}
