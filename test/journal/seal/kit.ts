/** Rings of known keys, and looks for text in the files of a disk. */
import { Key } from "../../../src/keys/key.js";
import { KeyRing } from "../../../src/keys/ring.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";

/** The key with this letter; the same one at each call. */
export function key(letter: string): Key {
  const bytes = Buffer.alloc(32, letter);
  bytes[31] = 0;
  return new Key(bytes, letter);
}

export function keyBytes(letter: string): Uint8Array {
  const bytes = Buffer.alloc(32, letter);
  bytes[31] = 0;
  return bytes;
}

/** A ring that writes with the first key; `-` in its place writes plain. */
export function ring(letters: string): KeyRing {
  const [first = "-", ...others] = letters;
  return new KeyRing(first === "-" ? undefined : key(first), others.map(key));
}

/** The files in which these bytes stand, wherever they stand. */
export function filesWith(disk: SimulatedDisk, bytes: string): string[] {
  return disk
    .files()
    .filter(({ path }) => Buffer.from(disk.readNow(path)).includes(bytes, 0, "latin1"))
    .map(({ path }) => path);
}
