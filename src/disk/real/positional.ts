/**
 * Reads and writes at a position through a file descriptor, whole or failed: a short one goes on with
 * the rest. Callback based: one hop to the thread pool for a write, without the promise layer of
 * node:fs.
 */
import * as fs from "node:fs";

/** Linux takes this many buffers in one call (IOV_MAX); a longer list goes in several. */
export const BUFFERS_PER_CALL_MAX = 1024;
/** A single call moves less than 2 GiB; a larger buffer is cut. */
const BYTES_PER_CALL_MAX = 1024 * 1024 * 1024;

/** The calls of `node:fs` that are made here; a test replaces them to see short ones. */
export interface Calls {
  readonly writev: typeof fs.writev;
  readonly writevSync: typeof fs.writevSync;
  readonly read: typeof fs.read;
  readonly readSync: typeof fs.readSync;
}
export const systemCalls: Calls = {
  writev: fs.writev,
  writevSync: fs.writevSync,
  read: fs.read,
  readSync: fs.readSync,
};

/** Writes all `buffers` one after the other from `position` on. Lends them to the system. */
export function writeFully(
  calls: Pick<Calls, "writev">,
  fd: number,
  position: number,
  buffers: readonly Uint8Array[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeSome = (at: number, left: readonly Uint8Array[]): void => {
      if (left.length === 0) return resolve();
      calls.writev(fd, batchOf(left), at, (cause, written) => {
        if (cause) reject(cause);
        else if (written === 0) reject(wroteNothing());
        else writeSome(at + written, after(left, written));
      });
    };
    writeSome(position, pieces(buffers));
  });
}

/** The same by blocking calls: all is written when it returns. */
export function writeFullyBlocking(
  calls: Pick<Calls, "writevSync">,
  fd: number,
  position: number,
  buffers: readonly Uint8Array[],
): void {
  let at = position;
  let left = pieces(buffers);
  while (left.length > 0) {
    const written = calls.writevSync(fd, batchOf(left), at);
    if (written === 0) throw wroteNothing();
    at += written;
    left = after(left, written);
  }
}

/** A write of nothing, with something to write, would go on for ever. */
function wroteNothing(): Error {
  return new Error("the system wrote nothing, and gave no error");
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

/** The same by blocking calls. */
export function readFullyBlocking(
  calls: Pick<Calls, "readSync">,
  fd: number,
  position: number,
  bytes: Uint8Array,
): Uint8Array {
  for (let from = 0; from < bytes.length; ) {
    const wanted = Math.min(bytes.length - from, BYTES_PER_CALL_MAX);
    const count = calls.readSync(fd, bytes, from, wanted, position + from);
    if (count === 0) return bytes.subarray(0, from);
    from += count;
  }
  return bytes;
}

/** As many of `rest` as one call takes, by number and by bytes; always at least one. */
function batchOf(rest: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  let count = 0;
  for (const buffer of rest) {
    bytes += buffer.length;
    if (count === BUFFERS_PER_CALL_MAX || (count > 0 && bytes > BYTES_PER_CALL_MAX)) break;
    count++;
  }
  return count === rest.length ? rest : rest.slice(0, count);
}

/** The part of `rest` behind its first `written` bytes. */
function after(rest: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written;
  let index = 0;
  for (const buffer of rest) {
    index += 1;
    if (skip < buffer.length) return [buffer.subarray(skip), ...rest.slice(index)];
    skip -= buffer.length;
  }
  return [];
}

/** `buffers` without empty ones, each as large as one call takes at most. */
function pieces(buffers: readonly Uint8Array[]): readonly Uint8Array[] {
  const areWhole = buffers.every(({ length }) => length > 0 && length <= BYTES_PER_CALL_MAX);
  return areWhole ? buffers : buffers.flatMap(splitLarge).filter(({ length }) => length > 0);
}

function splitLarge(buffer: Uint8Array): readonly Uint8Array[] {
  if (buffer.length <= BYTES_PER_CALL_MAX) return [buffer];
  const parts: Uint8Array[] = [];
  for (let from = 0; from < buffer.length; from += BYTES_PER_CALL_MAX) {
    parts.push(buffer.subarray(from, from + BYTES_PER_CALL_MAX));
  }
  return parts;
}
