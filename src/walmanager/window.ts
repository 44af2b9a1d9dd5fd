/** A file through a window of bounded size: its bytes are read once, a chunk at a time. */
import type { DiskFile } from "../disk/disk.js";
import { WalError } from "./wal-error.js";

/** A chunk holds many records. A larger record gets a window of its own size. */
const CHUNK_BYTES = 1024 * 1024;

export class FileWindow {
  readonly path: string;
  /** Bytes that the file had when it was opened. Later appends are not seen. */
  readonly size: number;
  readonly #file: Pick<DiskFile, "read">;
  #offset = 0;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(path: string, file: Pick<DiskFile, "read">, size: number) {
    this.path = path;
    this.#file = file;
    this.size = size;
  }

  /**
   * Up to `length` bytes from `offset` on; fewer only at the end of the file. A view: valid until the
   * next call.
   *
   * @throws {WalError} `changed` if the file became shorter.
   */
  async at(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, this.size - offset);
    const isHeld = offset >= this.#offset && offset + wanted <= this.#offset + this.#chunk.length;
    if (!isHeld) await this.#load(offset, Math.max(wanted, CHUNK_BYTES));
    const start = offset - this.#offset;
    return this.#chunk.subarray(start, start + wanted);
  }

  /** The bytes from `offset` on that are in memory already: a view as of `at`, empty for none. */
  held(offset: number): Uint8Array {
    const start = offset - this.#offset;
    return start < 0 ? this.#chunk.subarray(0, 0) : this.#chunk.subarray(start);
  }

  async #load(offset: number, length: number): Promise<void> {
    const wanted = Math.min(length, this.size - offset);
    const chunk = await this.#file.read(offset, wanted);
    if (chunk.length < wanted) {
      const detail = `it had ${this.size} bytes and has fewer now: stop the process that owns it`;
      throw new WalError("changed", detail, { file: this.path, offset });
    }
    this.#offset = offset;
    this.#chunk = chunk;
  }
}
