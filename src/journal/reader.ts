/**
 * Reads records back from disk and checks that they are the ones that were asked for. What is asked
 * for in one turn of the event loop and lies close together is one read: the records that an anchor
 * makes the first of their lanes were mostly written by one group.
 */
import { crc32c } from "../codec/crc32c.js";
import type { DiskFile } from "../disk/disk.js";
import { PersisterError } from "../types/errors.js";
import { RECORD_HEADER_BYTES, readRecordHeader } from "./format.js";
import type { Pointer } from "./segment.js";

/** Bytes between two records that are read along rather than read around. */
const GAP_BYTES_MAX = 16 * 1024;
/** Most bytes of one read, unless a single record is larger. */
const READ_BYTES_MAX = 1024 * 1024;

/** Which record is meant. */
export interface RecordName {
  readonly name: string;
  readonly log: number;
  readonly number: bigint;
}

interface Request extends RecordName {
  readonly pointer: Pointer;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (cause: unknown) => void;
}

export class RecordReader {
  readonly #fileOf: (slot: number) => DiskFile | undefined;
  #requests: Request[] = [];

  /** `fileOf` a slot that was given back is `undefined`. */
  constructor(fileOf: (slot: number) => DiskFile | undefined) {
    this.#fileOf = fileOf;
  }

  /**
   * The payload of record `number` of the log `name`, whose log number is `log`, at `pointer`: a view
   * of what was read, the caller's to keep.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT when another record, or none, lies there; IO.
   */
  read(pointer: Pointer, of: RecordName): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ pointer, ...of, resolve, reject });
      if (this.#requests.length === 1) setImmediate(() => this.#begin());
    });
  }

  #begin(): void {
    const requests = this.#requests.sort(byPlace);
    this.#requests = [];
    for (const run of runsOf(requests)) {
      this.#readRun(run).catch((cause: unknown) => {
        for (const request of run) request.reject(cause);
      });
    }
  }

  async #readRun(run: readonly Request[]): Promise<void> {
    const [first] = run;
    const last = run.at(-1);
    if (!first || !last) return;
    const file = this.#fileOf(first.pointer.slot);
    if (!file) throw notThere(`slot ${first.pointer.slot}`, first);
    const start = startOf(first.pointer);
    const bytes = await file.read(start, endOf(last.pointer) - start);
    for (const request of run) {
      const own = bytes.subarray(startOf(request.pointer) - start, endOf(request.pointer) - start);
      if (isRecord(own, request)) request.resolve(own.subarray(RECORD_HEADER_BYTES));
      else request.reject(notThere(file.path, request));
    }
  }
}

function byPlace(a: Request, b: Request): number {
  return a.pointer.slot - b.pointer.slot || a.pointer.offset - b.pointer.offset;
}

/** Requests that one read serves, in the order of their places. */
function runsOf(requests: readonly Request[]): Request[][] {
  const runs: Request[][] = [];
  for (const request of requests) {
    const run = runs.at(-1);
    const first = run?.[0];
    const last = run?.at(-1);
    const joins =
      first &&
      last &&
      first.pointer.slot === request.pointer.slot &&
      startOf(request.pointer) - endOf(last.pointer) <= GAP_BYTES_MAX &&
      endOf(request.pointer) - startOf(first.pointer) <= READ_BYTES_MAX;
    if (run && joins) run.push(request);
    else runs.push([request]);
  }
  return runs;
}

function startOf(pointer: Pointer): number {
  return pointer.offset - RECORD_HEADER_BYTES;
}

function endOf(pointer: Pointer): number {
  return pointer.offset + pointer.length;
}

function isRecord(bytes: Uint8Array, { pointer, log, number }: Request): boolean {
  if (bytes.length !== RECORD_HEADER_BYTES + pointer.length) return false;
  const header = readRecordHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  return (
    header.log === log &&
    header.number === number &&
    header.payloadLength === pointer.length &&
    header.payloadCrc === pointer.crc &&
    crc32c(bytes.subarray(RECORD_HEADER_BYTES)) === pointer.crc
  );
}

function notThere(file: string, { pointer, name, number }: Request): PersisterError {
  const offset = startOf(pointer);
  return new PersisterError(
    "JOURNAL_CORRUPT",
    `${file}: at byte ${offset} there is no longer the record ${name} ${number}; close and verify`,
    { lane: name, blockNumber: number, file, offset },
  );
}
