/**
 * Reads and writes at a position through a file descriptor, whole or failed: short ones go on.
 * Callback based: one hop to the thread pool for a write, without the promise layer of node:fs.
 */
import * as fs from "node:fs";

/** Linux takes this many buffers in one call (IOV_MAX); a longer list goes in several. */
export const BUFFERS_PER_CALL_MAX = 1024;
/** A single call moves less than 2 GiB; a larger buffer is cut. */
const BYTES_PER_CALL_MAX = 1024 * 1024 * 1024;

/** What a test replaces to see short writes; `fs.writev` and `fs.read` otherwise. */
export interface Calls {
  readonly writev: typeof fs.writev;
  readonly read: typeof fs.read;
}
export const systemCalls: Calls = { writev: fs.writev, read: fs.read };

/** Writes all `buffers` one after the other from `position` on. Lends them to the system. */
export function writeFully(
  calls: Pick<Calls, "writev">,
  fd: number,
  position: number,
  buffers: readonly Uint8Array[],
): Promise<void> {
  const rest = buffers.flatMap(splitLarge).filter((buffer) => buffer.length > 0);
  return new Promise((resolve, reject) => {
    const writeSome = (at: number, left: readonly Uint8Array[]): void => {
      if (left.length === 0) return resolve();
      calls.writev(fd, batchOf(left), at, (cause, written) => {
        if (cause) reject(cause);
        // A write of nothing, with something to write, would go on for ever.
        else if (written === 0) reject(new Error("the system wrote nothing, and gave no error"));
        else writeSome(at + written, after(left, written));
      });
    };
    writeSome(position, rest);
  });
}

/** Fills `bytes` from `position` on and returns them; fewer only at the end of the file. */
export function readFully(
  calls: Pick<Calls, "read">,
  fd: number,
  position: number,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const { length } = bytes;
  return new Promise((resolve, reject) => {
    const readSome = (from: number): void => {
      const wanted = Math.min(length - from, BYTES_PER_CALL_MAX);
      if (wanted === 0) return resolve(bytes);
      calls.read(fd, bytes, from, wanted, position + from, (cause, count) => {
        if (cause) reject(cause);
        else if (count === 0) resolve(bytes.subarray(0, from));
        else readSome(from + count);
      });
    };
    readSome(0);
  });
}

/** As many of `rest` as one call takes, by number and by bytes; always at least one. */
function batchOf(rest: readonly Uint8Array[]): Uint8Array[] {
  let bytes = 0;
  let count = 0;
  for (const buffer of rest) {
    bytes += buffer.length;
    if (count === BUFFERS_PER_CALL_MAX || (count > 0 && bytes > BYTES_PER_CALL_MAX)) break;
    count++;
  }
  return rest.slice(0, count);
}

/** What is left of `rest` after its first `written` bytes. */
function after(rest: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written;
  for (const [index, buffer] of rest.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...rest.slice(index + 1)];
    skip -= buffer.length;
  }
  return [];
}

function splitLarge(buffer: Uint8Array): readonly Uint8Array[] {
  if (buffer.length <= BYTES_PER_CALL_MAX) return [buffer];
  const parts: Uint8Array[] = [];
  for (let from = 0; from < buffer.length; from += BYTES_PER_CALL_MAX) {
    parts.push(buffer.subarray(from, from + BYTES_PER_CALL_MAX));
  }
  return parts;
}
