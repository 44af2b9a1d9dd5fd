/**
 * `lanekeeper key rotate`: seals everything in a store with another key, and waits until no byte on disk needs
 * the one before. The open itself rotates: it begins a segment with the key that writes, and moves what lies
 * under other keys. So the command needs no state of its own: when it was stopped, it goes on where it was.
 */
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import { readKeyFile } from "../../keys/key-file.js";
import { PersisterError } from "../../types/errors.js";
import type { CliPort } from "../port.js";
import { writeDocument } from "../terminal/json-document.js";
import { Redraw } from "../terminal/redraw.js";
import { formatSize } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";
import { type OpenRotation, openForRotation } from "./rotation.js";

export interface RotateChoices {
  readonly key: string;
  readonly read?: readonly string[];
  readonly moved?: boolean;
  readonly json?: boolean;
}

/**
 * Rejects where it is stopped: the next call goes on.
 *
 * @throws {PersisterError} KEY_REFUSED, KEY_MISSING, KEY_WRONG; as `openForRotation`.
 */
export async function rotateCommand(
  directory: string,
  { key, read = [], moved = false, json = false }: RotateChoices,
  port: CliPort,
): Promise<void> {
  if (directory === "") throw new PersisterError("USAGE", "the store must have a name");
  const id = await idOf(key);
  const keys = { write: { file: key }, read: read.map((file) => ({ file })) };
  const rotation = await openForRotation({ directory, keys, moved });
  let uses: readonly KeyUse[];
  try {
    uses = await finished(rotation, id, port);
  } finally {
    await rotation.close();
  }
  if (json) {
    await writeDocument(port.stdout, { ok: true, exitCode: 0, directory, key: id, keys: uses });
    return;
  }
  const bytes = uses.reduce((sum, use) => sum + use.bytes, 0);
  port.stdout.write(
    `${printable(directory)} needs the key ${id} alone (${formatSize(bytes)}): older keys can go\n`,
  );
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
  { stderr, stop }: CliPort,
): Promise<readonly KeyUse[]> {
  const plain = (): string => `${formatSize(bytesLeft(uses(), id))} need another key than ${id}`;
  const view = new Redraw(stderr, { lines: () => [plain()], plain });
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
