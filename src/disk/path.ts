/**
 * Paths at the door. A path is made absolute once, when it comes in: later a process may change its
 * directory, and a relative name would then lead elsewhere.
 */
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PersisterError } from "../types/errors.js";

/** A path as a caller may give it: a string, a `file:` URL, or the bytes of a name in UTF-8. */
export type PathInput = string | URL | Uint8Array;

/**
 * The absolute path that `given` names, without a slash at its end. Symbolic links in it stay: the disk
 * follows them at each use.
 *
 * @throws {PersisterError} USAGE where `given` is no path, or relative while the process's directory is
 * gone.
 */
export function absolutePath(given: PathInput): string {
  const path = textOf(given);
  if (path === "") throw usage("a path is empty");
  if (path.includes("\0")) throw usage("a path has a zero byte in it");
  try {
    return resolve(path);
  } catch (cause) {
    if (isAbsolute(path)) throw cause;
    throw usage(`${path} is relative, and the process's directory cannot be told`, cause);
  }
}

function textOf(given: unknown): string {
  if (typeof given === "string") return given;
  try {
    if (given instanceof URL) return fileURLToPath(given);
    if (given instanceof Uint8Array) return new TextDecoder("utf8", { fatal: true }).decode(given);
  } catch (cause) {
    const kind = given instanceof URL ? "a file: URL" : "a name in UTF-8";
    throw usage(`a path is not ${kind}`, cause);
  }
  throw usage("a path is neither a string nor a URL nor a Buffer");
}

function usage(what: string, cause?: unknown): PersisterError {
  return new PersisterError(
    "USAGE",
    `${what}: name a directory`,
    cause === undefined ? {} : { cause },
  );
}
