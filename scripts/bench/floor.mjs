/**
 * The floor that every durable write is compared with: one blocking `writevSync` to an O_DSYNC handle
 * over blocks that are written already. No framing, no checksum, no event loop.
 */
import { closeSync, constants, openSync, writeSync, writevSync } from "node:fs";
import { join } from "node:path";

const FILE_BYTES = 64 * 1024 * 1024;

/** Opens a floor in `directory`; `round(buffers)` writes them durably and returns milliseconds. */
export function openFloor(directory) {
  const path = join(directory, "floor");
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC);
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(file, zeros, 0, zeros.length, at);
  let position = 0;
  return {
    round(buffers) {
      const bytes = buffers.reduce((sum, each) => sum + each.length, 0);
      if (position + bytes > FILE_BYTES) position = 0;
      const began = performance.now();
      let written = writevSync(file, buffers, position);
      while (written < bytes) {
        const rest = Buffer.concat(buffers).subarray(written);
        written += writeSync(file, rest, 0, rest.length, position + written);
      }
      position += bytes;
      return performance.now() - began;
    },
    close: () => closeSync(file),
  };
}
