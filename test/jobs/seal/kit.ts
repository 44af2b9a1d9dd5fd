/** Known keys, and looks for bytes in the files of a store. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Job, JobStore } from "../../../src/jobs/index.js";
import { Key } from "../../../src/keys/key.js";
import type { KeyChoices } from "../../../src/keys/source.js";

/** The bytes of the key with this letter; the same ones at each call. */
export function keyBytes(letter: string): Uint8Array {
  const bytes = Buffer.alloc(32, letter);
  bytes[31] = 0;
  return bytes;
}

export function keyId(letter: string): string {
  return new Key(keyBytes(letter), letter).id;
}

/** Keys of which the first writes; `-` in its place writes plain. */
export function keysOf(letters: string): KeyChoices {
  const [first = "-", ...others] = letters;
  return { write: first === "-" ? "plain" : keyBytes(first), read: others.map(keyBytes) };
}

/** The files below `root` in which this text stands, wherever it stands. */
export function filesWith(root: string, text: string): readonly string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => readFileSync(path).includes(text, 0, "latin1"));
}

export const secret = (number: number): Uint8Array =>
  Uint8Array.from(Buffer.from(`the secret value ${number}`, "latin1"));

/** The key of a secret. */
export const at = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 0xff);

/** Puts the secrets [from, next) into a job; durable when resolved. */
export async function hide(job: Job, from: number, next: number): Promise<void> {
  for (let number = from; number < next; number++) {
    await job.put("hidden", at(number), secret(number));
  }
  await job.flush();
}

/** The numbers of the secrets in a job, as far as each is at its place. */
export async function hidden(job: Job): Promise<readonly number[]> {
  const rows = await job.scan("hidden").all();
  return rows.map(({ key, value }) => {
    const number = ((key[0] ?? 0) << 8) | (key[1] ?? 0);
    return Buffer.compare(value, secret(number)) === 0 ? number : -1;
  });
}

/** The kinds of bytes that lie on disk: the ids of keys, and "plain". */
export function contents(store: JobStore): readonly string[] {
  return store.keys.map(({ content }) => content).sort();
}

export const upTo = (next: number): readonly number[] => [...Array.from({ length: next }).keys()];
