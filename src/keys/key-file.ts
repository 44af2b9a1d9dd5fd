/**
 * Files that hold a key. A file is its owner's alone: one that others may read or write, or that
 * belongs to another user, is refused. A new one is made with mode 0600, and never over a file that is
 * there.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { geteuid } from "node:process";
import { PersisterError, reasonOf } from "../types/errors.js";
import { Key, KEY_BYTES } from "./key.js";
import { keyBytesIn } from "./text.js";

/** The longest form is 64 hex digits and a line's end; what is longer is no file of a key. */
const FILE_BYTES_MAX = 256;
const OWNER_ALONE = 0o600;
const OTHERS = 0o077;

/** @throws {PersisterError} KEY_REFUSED where the file is missing, no file of a key, or not its owner's alone. */
export async function readKeyFile(file: string): Promise<Key> {
  const handle = await opened(file, () => open(file, constants.O_RDONLY));
  const text = Buffer.allocUnsafeSlow(FILE_BYTES_MAX).fill(0);
  let bytes: Buffer | undefined;
  try {
    await refuseForeign(handle, file);
    const { bytesRead } = await opened(file, () => handle.read(text, 0, text.length, 0));
    bytes = keyBytesIn(text.subarray(0, bytesRead));
    if (!bytes) {
      throw refused(
        file,
        `it holds ${bytesRead === text.length ? "too many" : bytesRead} bytes: a key is 32 raw bytes, ` +
          "64 hex digits, or 43 digits of base64",
      );
    }
    return new Key(bytes, file);
  } finally {
    text.fill(0);
    bytes?.fill(0);
    await handle.close();
  }
}

/**
 * Makes a key of `random`, 32 random bytes which it zeroes, and the file that holds it as hex digits;
 * durable when resolved.
 *
 * @throws {PersisterError} KEY_REFUSED where the file is there already, or cannot be made.
 */
export async function makeKeyFile(file: string, random: Uint8Array): Promise<Key> {
  const text = hexLine(random);
  let key: Key | undefined;
  try {
    key = new Key(random, file);
    await writeNew(file, text);
    return key;
  } catch (cause) {
    key?.close();
    throw cause;
  } finally {
    random.fill(0);
    text.fill(0);
  }
}

async function writeNew(file: string, text: Uint8Array): Promise<void> {
  const handle = await opened(file, () => open(file, "wx", OWNER_ALONE));
  try {
    await opened(file, async () => {
      await handle.writeFile(text);
      await handle.sync();
    });
  } finally {
    await handle.close();
  }
  await opened(file, async () => {
    const folder = await open(dirname(file), constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  });
}

async function refuseForeign(handle: FileHandle, file: string): Promise<void> {
  const facts = await opened(file, () => handle.stat());
  if (!facts.isFile()) throw refused(file, "it is no file");
  const mode = (facts.mode & 0o777).toString(8).padStart(4, "0");
  if ((facts.mode & OTHERS) !== 0) {
    throw refused(file, `its mode is ${mode}, so that others may use it; chmod 600 it`);
  }
  const own = geteuid?.();
  if (own !== undefined && facts.uid !== own) {
    throw refused(file, `it belongs to user ${facts.uid}, and this process is of user ${own}`);
  }
}

async function opened<T>(file: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const reason = reasonOf(cause);
    throw refused(file, reason, cause);
  }
}

function refused(file: string, reason: string, cause?: unknown): PersisterError {
  return new PersisterError("KEY_REFUSED", `${file}: ${reason}`, {
    file,
    ...(cause === undefined ? {} : { cause }),
  });
}

function hexLine(bytes: Uint8Array): Buffer {
  const line = Buffer.allocUnsafeSlow(2 * KEY_BYTES + 1).fill(0);
  const digits = Buffer.from("0123456789abcdef", "latin1");
  for (const [at, byte] of bytes.entries()) {
    line[2 * at] = digits[byte >>> 4] ?? 0;
    line[2 * at + 1] = digits[byte & 15] ?? 0;
  }
  line[line.length - 1] = 10;
  return line;
}
