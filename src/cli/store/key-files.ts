/** The option `--key`, and the keys with which a command opens a store that it is to leave as it is. */
import { join } from "node:path";
import { Option } from "commander";
import { hex } from "../../codec/hex.js";
import { RealDisk } from "../../disk/real/real.js";
import { ReadOnlyDisk } from "../../disk/read-only.js";
import { checkSlots } from "../../inspect/checks/slots.js";
import { readKeyFile } from "../../keys/key-file.js";
import { JOURNAL_FOLDER } from "../../jobs/journal/job-journal.js";
import { errorBy } from "../../inspect/finding.js";
import type { KeyChoices, KeySource } from "../../keys/source.js";

/** One file each time that it is given: a list would take the argument behind it. */
export function keyOption(description: string): Option {
  return new Option("--key <file>", `${description}; may be given again`).argParser(
    (file: string, before: readonly string[] | undefined) => [...(before ?? []), file],
  );
}

export function sourcesOf(files: readonly string[]): readonly KeySource[] {
  return files.map((file) => ({ file }));
}

/**
 * Keys for an open that changes no key: the one that seals the newest segment writes, all others read. A plain
 * store stays plain. `undefined` where no file is given.
 *
 * @throws {PersisterError} KEY_REFUSED, IO.
 */
export async function keysAsFound(
  directory: string,
  files: readonly string[],
): Promise<KeyChoices | undefined> {
  if (files.length === 0) return undefined;
  const [newest] = await sealedSlotsIn(directory);
  const id = newest?.keyId;
  let writing: string | undefined;
  for (const file of files) {
    const key = await readKeyFile(file);
    key.close();
    if (key.id === id) writing = file;
  }
  const read = sourcesOf(files.filter((file) => file !== writing));
  return { write: writing === undefined ? "plain" : { file: writing }, read };
}

/**
 * The same for a store of jobs, by its journal; where there is none yet, the first key writes.
 *
 * @throws {PersisterError} KEY_REFUSED, IO.
 */
export async function jobKeysAsFound(
  root: string,
  files: readonly string[],
): Promise<KeyChoices | undefined> {
  const journal = join(root, JOURNAL_FOLDER);
  if ((await new RealDisk().kind(journal)) !== undefined) return await keysAsFound(journal, files);
  const [write, ...read] = sourcesOf(files);
  return write && { write, read };
}

/** A segment that a store needs, and the key that sealed it; `undefined` where it is plain. */
export interface SealedSlot {
  readonly keyId: string | undefined;
  readonly bytes: number;
}

/**
 * The segments that the newest head lists, the newest one first. It takes no lock.
 *
 * @throws {PersisterError} READ_ONLY, IO, FORMAT_TOO_NEW where a segment cannot be read.
 */
export async function sealedSlotsIn(directory: string): Promise<readonly SealedSlot[]> {
  const disk = new ReadOnlyDisk(new RealDisk(), () => undefined);
  const slots = await checkSlots(disk, directory, { storeId: undefined, mark: undefined });
  try {
    const { base, heads, unread } = slots;
    const [first] = unread.values();
    // It may need a key that no other segment needs.
    if (first) throw errorBy(first);
    if (!base) return [];
    const listed = new Set([
      ...base.head.sealed.map(({ slot }) => slot),
      ...base.head.retainedSlots,
    ]);
    const others = heads.filter(({ slot }) => slot !== base.slot && listed.has(slot.slot));
    return [base, ...others].map(({ head, slot }) => {
      return { keyId: head.seal && hex(head.seal.keyId), bytes: slot.bytes };
    });
  } finally {
    await slots.close();
  }
}
