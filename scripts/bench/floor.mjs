/**
 * The floor that every durable write is compared with: one blocking `writevSync` to an O_DSYNC handle
 * over blocks that are written already. No framing, no checksum, no event loop.
 */
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  writeSync,
  writev,
  writevSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32c } from "../../dist/codec/crc32c.js";

const FILE_BYTES = 64 * 1024 * 1024;
const SECTOR_BYTES = 512;
const HEADER_BYTES = 40;
const BLOCK_BYTES = 4096;
const writeBuffers = promisify(writev);

/** A file whose blocks are written, opened for durable writes. */
function openWritten(path) {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC);
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(file, zeros, 0, zeros.length, at);
  return file;
}

const bytesOf = (buffers) => buffers.reduce((sum, each) => sum + each.length, 0);

/** Groups up to this size are written by one blocking call, as the journal does where the disk is fast. */
const BLOCKING_BYTES_MAX = 128 * 1024;

/**
 * The smallest form of a group that keeps the journal's promises: a CRC-32C of every payload and of every header, a
 * footer in a block of its own; a small group in one blocking write, a large one in two chunks through the thread
 * pool, the second one summed while the first one is written. No mark, no bookkeeping: it bounds what a journal of
 * this format can reach here.
 */
export function openBare(directory) {
  const file = openWritten(join(directory, "bare"));
  const headers = Buffer.alloc(HEADER_BYTES * 64);
  const footer = Buffer.alloc(BLOCK_BYTES);
  let position = 0;
  const framed = (payloads, from) =>
    payloads.flatMap((payload, index) => {
      const at = (from + index) * HEADER_BYTES;
      const header = headers.subarray(at, at + HEADER_BYTES);
      header.writeUInt32LE(crc32c(payload), 8);
      header.writeUInt32LE(crc32c(header.subarray(4)), 0);
      return [header, payload];
    });
  const padded = (buffers) => {
    const rest = bytesOf(buffers) % BLOCK_BYTES;
    const pad = rest === 0 ? [] : [footer.subarray(0, BLOCK_BYTES - rest)];
    footer.writeUInt32LE(crc32c(footer.subarray(4)), 0);
    return [...buffers, ...pad, footer];
  };
  const inOneCall = (payloads) => {
    const group = padded(framed(payloads, 0));
    writevSync(file, group, position);
    position += bytesOf(group);
  };
  const inTwoChunks = async (payloads) => {
    const half = Math.ceil((payloads.length * 3) / 8);
    const first = framed(payloads.slice(0, half), 0);
    const at = position + bytesOf(first);
    const one = writeBuffers(file, first, position);
    const second = [...framed(payloads.slice(half), half), footer];
    footer.writeUInt32LE(crc32c(footer.subarray(4)), 0);
    await Promise.all([one, writeBuffers(file, second, at)]);
    position = Math.ceil((at + bytesOf(second)) / BLOCK_BYTES) * BLOCK_BYTES;
  };
  return {
    async round(payloads) {
      const bytes = bytesOf(payloads);
      if (position + bytes + 4 * BLOCK_BYTES > FILE_BYTES) position = 0;
      const began = performance.now();
      if (bytes <= BLOCKING_BYTES_MAX) inOneCall(payloads);
      else await inTwoChunks(payloads);
      return performance.now() - began;
    },
    close: () => closeSync(file),
  };
}

/** Bytes that `device` was given to write since the machine began; `undefined` if the system does not tell. */
export function deviceBytes(device) {
  try {
    const name = device.replace("/dev/", "");
    const line = readFileSync("/proc/diskstats", "utf8")
      .split("\n")
      .map((each) => each.trim().split(/\s+/))
      .find((fields) => fields[2] === name);
    return line && Number(line[9]) * SECTOR_BYTES;
  } catch {
    return undefined;
  }
}

/** Opens a floor in `directory`; `round(buffers)` writes them durably and returns milliseconds. */
export function openFloor(directory) {
  const file = openWritten(join(directory, "floor"));
  let position = 0;
  return {
    round(buffers) {
      const bytes = bytesOf(buffers);
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
