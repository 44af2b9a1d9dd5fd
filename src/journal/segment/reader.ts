/**
 * Reads records back from disk and checks that they are the ones that were asked for. What is asked
 * for in one turn of the event loop and lies close together is one read: the records that an anchor
 * makes the first of their lanes were mostly written by one group.
 */
import { crc32c } from "../../codec/crc32c.js";
import { PersisterError } from "../../types/errors.js";
import { RECORD_HEADER_BYTES, readRecordHeader, slotName } from "../form/records.js";
import type { Pointer, Slot } from "./segment.js";

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

/** Requests in the order of their places; one read from the first one's start to `end` serves them. */
interface Run {
  readonly requests: Request[];
  end: number;
}

export class RecordReader {
  readonly #slotOf: (slot: number) => Slot | undefined;
  #requests: Request[] = [];

  /** `slotOf` a slot that was given back is `undefined`. */
  constructor(slotOf: (slot: number) => Slot | undefined) {
    this.#slotOf = slotOf;
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
    for (const { requests: run, end } of runsOf(requests.filter((each) => this.#isPlace(each)))) {
      this.#readRun(run, end).catch((cause: unknown) => {
        for (const request of run) request.reject(cause);
      });
    }
  }

  /** Refuses a pointer out of its slot: it comes from a map, which is not trusted. */
  #isPlace(request: Request): boolean {
    const { pointer } = request;
    const slot = this.#slotOf(pointer.slot);
    if (slot && startOf(pointer) >= 0 && endOf(pointer) <= slot.bytes) return true;
    request.reject(notThere(slot?.file.path ?? slotName(pointer.slot), request));
    return false;
  }

  async #readRun(run: readonly Request[], end: number): Promise<void> {
    const [first] = run;
    if (!first) return;
    const file = this.#slotOf(first.pointer.slot)?.file;
    if (!file) throw notThere(slotName(first.pointer.slot), first);
    const start = startOf(first.pointer);
    let bytes: Uint8Array;
    try {
      bytes = await file.read(start, end - start);
    } catch (cause) {
      if (run.length === 1) throw cause;
      // What lies between them, or one of them, cannot be read: the others may.
      await Promise.all(run.map((request) => this.#readAlone(request)));
      return;
    }
    for (const request of run) {
      const own = bytes.subarray(startOf(request.pointer) - start, endOf(request.pointer) - start);
      if (isRecord(own, request)) request.resolve(own.subarray(RECORD_HEADER_BYTES));
      else request.reject(notThere(file.path, request));
    }
  }

  async #readAlone(request: Request): Promise<void> {
    try {
      await this.#readRun([request], endOf(request.pointer));
    } catch (cause) {
      request.reject(cause);
    }
  }
}

function byPlace(a: Request, b: Request): number {
  return a.pointer.slot - b.pointer.slot || a.pointer.offset - b.pointer.offset;
}

function runsOf(requests: readonly Request[]): Run[] {
  const runs: Run[] = [];
  for (const request of requests) {
    const { pointer } = request;
    const run = runs.at(-1);
    const first = run?.requests[0];
    const joins =
      first &&
      first.pointer.slot === pointer.slot &&
      startOf(pointer) - run.end <= GAP_BYTES_MAX &&
      endOf(pointer) - startOf(first.pointer) <= READ_BYTES_MAX;
    if (joins) {
      run.requests.push(request);
      run.end = Math.max(run.end, endOf(pointer));
    } else runs.push({ requests: [request], end: endOf(pointer) });
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
