/**
 * Files past the system's cache. Nobody reads an object again soon: through the cache, its write costs twenty times as
 * much of the processor, and drives out pages that others use. A read comes from the device, so that a comparison
 * proves the bytes that lie there.
 *
 * The system takes memory, places and lengths in whole blocks alone. The memory of WebAssembly begins at a page, which
 * no other memory of Node is sure to do. A file ends in a block of zeros, and is then cut to its length.
 *
 * A file system that refuses such calls is asked once; the caller then goes the ordinary way.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import pLimit from "p-limit";
import { diskError, osCodeOf } from "../../disk/failure.js";
import { removeFile } from "./folder.js";

/** Bytes that move in one call. */
export const PIECE_BYTES = 1024 * 1024;
/** No device in use has larger blocks. */
const BLOCK_BYTES = 4096;
const FILE_MODE = 0o600;
const WASM_PAGE_BYTES = 64 * 1024;

/** Takes a piece of a file, valid until it returns: whether it wants the next one. */
export type Take = (piece: Uint8Array, at: number) => boolean;

export class DirectFiles {
  /** There is one piece of memory: calls come one behind the other. */
  readonly #turns = pLimit(1);
  readonly #open: typeof open;
  #piece: Buffer | undefined;
  #isRefused = typeof constants.O_DIRECT !== "number";

  /** `openFile`: a test gives one that refuses. */
  constructor(openFile: typeof open = open) {
    this.#open = openFile;
  }

  /** Makes the file at `path`, durable when resolved. False, and no file, where the system refuses. */
  async write(path: string, bytes: Uint8Array): Promise<boolean> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const written = await this.#opened(path, flags, async (file, piece) => {
      try {
        await writeAll(file, bytes, piece);
        return true;
      } catch (cause) {
        await removeFile(path);
        throw cause;
      }
    });
    return written ?? false;
  }

  /**
   * Gives a file of `length` bytes to `take`, piece by piece, as long as it says yes: whether it always did.
   * `undefined` where the system refuses, or the file has another length: some pieces may have been taken.
   */
  async read(path: string, length: number, take: Take): Promise<boolean | undefined> {
    return await this.#opened(path, constants.O_RDONLY, async (file, piece) => {
      for (let at = 0; at < length; ) {
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, at);
        if (bytesRead === 0 || at + bytesRead > length) return undefined;
        if (!take(piece.subarray(0, bytesRead), at)) return false;
        at += bytesRead;
      }
      return true;
    });
  }

  async #opened<Result>(
    path: string,
    flags: number,
    work: (file: FileHandle, piece: Buffer) => Promise<Result>,
  ): Promise<Result | undefined> {
    return await this.#turns(async () => {
      if (this.#isRefused) return undefined;
      let file: FileHandle | undefined;
      try {
        this.#piece ??= alignedMemory(PIECE_BYTES);
        file = await this.#open(path, flags | constants.O_DIRECT, FILE_MODE);
        return await work(file, this.#piece);
      } catch (cause) {
        if (!isRefusal(cause)) throw diskError("move an object", path, cause);
        this.#isRefused = true;
        return undefined;
      } finally {
        await file?.close();
      }
    });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, piece: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const part = bytes.subarray(at, at + PIECE_BYTES);
    const end = Math.ceil(part.length / BLOCK_BYTES) * BLOCK_BYTES;
    piece.set(part);
    piece.fill(0, part.length, end);
    for (let from = 0; from < end; ) {
      from += (await file.write(piece, from, end - from, at + from)).bytesWritten;
    }
  }
  await file.truncate(bytes.length);
  await file.datasync();
}

declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => {
    readonly buffer: ArrayBuffer;
  };
};

/**
 * Throws `RangeError` where the process may not have as many addresses as WebAssembly sets apart, and `ReferenceError`
 * where Node was told to have none.
 */
function alignedMemory(bytes: number): Buffer {
  const pages = bytes / WASM_PAGE_BYTES;
  return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
}

function isRefusal(cause: unknown): boolean {
  const codes = ["EINVAL", "ENOTSUP", "EOPNOTSUPP"];
  const hasNoMemory = cause instanceof RangeError || cause instanceof ReferenceError;
  return hasNoMemory || codes.includes(osCodeOf(cause) ?? "");
}
