/**
 * Messages on a pipe: a 4-byte big-endian length, then that many bytes. A pipe whose writer was
 * killed may end inside a frame; what is left of it is no message and is dropped.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { assert } from "../../types/assert.js";

const LENGTH_BYTES = 4;
/** Twice the largest block, so that a length which is not one is noticed at once. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/** Cuts what arrives into messages. */
export class FrameSplitter {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Bytes that must be there before the next frame is whole, as far as known. */
  #wanted = LENGTH_BYTES;

  /** Yields the messages that `chunk` completes, as views. Keeps `chunk` while it needs it. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let rest =
      this.#chunks.length === 1
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat(this.#chunks);
    for (;;) {
      this.#wanted = LENGTH_BYTES;
      if (rest.length < this.#wanted) break;
      const length = rest.readUInt32BE();
      assert(length <= FRAME_BYTES_MAX, "a message on the pipe has a sane length");
      this.#wanted = LENGTH_BYTES + length;
      if (rest.length < this.#wanted) break;
      yield rest.subarray(LENGTH_BYTES, this.#wanted);
      rest = rest.subarray(this.#wanted);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }
}

/** The messages on `input`, in order, until it ends. */
export async function* readFrames(input: Readable): AsyncGenerator<Uint8Array> {
  const splitter = new FrameSplitter();
  for await (const chunk of input) yield* splitter.push(chunk as Uint8Array);
}

/**
 * Writes one message; waits where the pipe is full. Returns at once where the pipe is closed: the
 * reader is gone, which its own end tells.
 */
export async function writeFrame(output: Writable, message: Uint8Array): Promise<void> {
  if (!output.writable) return;
  assert(message.length <= FRAME_BYTES_MAX, "a message on the pipe has a sane length");
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32BE(message.length);
  output.cork();
  output.write(head);
  const hasRoom = output.write(message);
  output.uncork();
  if (hasRoom || !output.writable) return;
  const stop = new AbortController();
  const { signal } = stop;
  // Any of these ends the wait; none of them is an error here.
  await Promise.race([once(output, "drain", { signal }), once(output, "close", { signal })]).catch(
    () => undefined,
  );
  stop.abort();
}
