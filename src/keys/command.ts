/** Keys from a command that prints them, as of a key management service: no library of one is needed. */
import { execFile } from "node:child_process";
import { PersisterError } from "../types/errors.js";
import { Key } from "./key.js";
import { keyBytesIn } from "./text.js";

/** A key service that does not answer in this time is asked by the next start. */
const COMMAND_MS_MAX = 30_000;
/** Some hundred keys. */
const PRINTED_BYTES_MAX = 64 * 1024;
const LINE_FEED = 10;
const FROM = "the command that prints keys";

/**
 * The keys that a command line of the shell prints: one on each line, as hex digits or base64.
 *
 * @throws {PersisterError} KEY_REFUSED where it fails, or a line is no key.
 */
export async function keysOfCommand(command: string): Promise<readonly Key[]> {
  const printed = await printedBy(command);
  const keys: Key[] = [];
  try {
    for (const line of linesIn(printed)) keys.push(keyOf(line, keys.length + 1));
    if (keys.length === 0) throw refused("it printed nothing");
    return keys;
  } catch (cause) {
    for (const key of keys) key.close();
    throw cause;
  } finally {
    printed.fill(0);
  }
}

function keyOf(line: Uint8Array, number: number): Key {
  // Raw bytes are no line: 32 characters are a mistake.
  const bytes = line.length > 32 ? keyBytesIn(line) : undefined;
  if (!bytes) throw refused(`line ${number} is no key: it is 64 hex digits or 43 digits of base64`);
  try {
    return new Key(bytes, FROM);
  } finally {
    bytes.fill(0);
  }
}

/** The lines that are not empty. */
function* linesIn(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, from);
    const next = end < 0 ? bytes.length : end;
    if (next > from) yield bytes.subarray(from, next);
    from = next + 1;
  }
}

async function printedBy(command: string): Promise<Buffer> {
  const options = {
    encoding: "buffer",
    timeout: COMMAND_MS_MAX,
    maxBuffer: PRINTED_BYTES_MAX,
  } as const;
  return await new Promise((resolve, reject) => {
    execFile("/bin/sh", ["-c", command], options, (cause, stdout, stderr) => {
      if (!cause) return resolve(stdout);
      stdout.fill(0);
      const [said = ""] = stderr.toString("utf8").split("\n", 1);
      const ended = cause.killed
        ? `it did not end in ${COMMAND_MS_MAX} ms`
        : `it ended with ${cause.code}`;
      reject(refused(said === "" ? ended : `${ended}: ${said.slice(0, 200)}`));
    });
  });
}

function refused(reason: string): PersisterError {
  return new PersisterError("KEY_REFUSED", `${FROM}: ${reason}`);
}
