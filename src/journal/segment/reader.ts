/**
 * Reads records back from disk and checks that they are the ones that were asked for. Records that are
 * asked for in one turn of the event loop and lie close together are one read: the records that an anchor
 * makes the first of their lanes were mostly written by one group.
 */
import { setImmediate } from "node:timers";
import { crc32c } from "../../codec/crc32c.js";
import { PersisterError } from "../../types/errors.js";
import {
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  slotName,
} from "../form/records.js";
import type { SegmentOpener } from "../seal/segment-seal.js";
import type { Seals } from "../seal/seals.js";
import { ReadWay } from "./read-way.js";
import type { Pointer, Slot } from "./segment.js";

/** Bytes between two records that are read along rather than read around. */
const GAP_BYTES_MAX = 16 * 1024;
/** Most bytes of one read, unless a single record is larger. */
const READ_BYTES_MAX = 1024 * 1024;
/** Most bytes that are read of a record's beginning. */
const BEGINNING_BYTES_MAX = 1024;

/** Names one record. */
export interface RecordName {
  readonly name: string;
  readonly log: number;
  readonly number: bigint;
}

/** A record that is looked for, and where. */
interface Sought extends RecordName {
  readonly pointer: Pointer;
}

interface Request extends Sought {
  /** Opens the record; `undefined` where it is plain. */
  readonly opener: SegmentOpener | undefined;
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
  readonly #seals: Pick<Seals, "openerOf">;
  readonly #way = new ReadWay();
  #requests: Request[] = [];

  /** `slotOf` a slot that was given back is `undefined`. */
  constructor(slotOf: (slot: number) => Slot | undefined, seals: Pick<Seals, "openerOf">) {
    this.#slotOf = slotOf;
    this.#seals = seals;
  }

  /**
   * The payload of record `number` of the log `name`, whose log number is `log`, at `pointer`: a view
   * of what was read, the caller's to keep.
   *
   * @throws {PersisterError} JOURNAL_CORRUPT when another record, or none, lies there, or its tag is wrong;
   * KEY_MISSING, KEY_WRONG; IO.
   */
  read(pointer: Pointer, of: RecordName): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      // The key is taken now: by the time that the bytes are there, the slot may hold another segment.
      const opener = this.#seals.openerOf(pointer.slot);
      this.#requests.push({ pointer, ...of, opener, resolve, reject });
      if (this.#requests.length === 1) setImmediate(() => this.#begin());
    });
  }

  /**
   * The beginning of the record's payload, as far as it lies in 1 KiB with the header; all of it where it is
   * sealed, since nothing of it is proven before its tag. The header is
   * compared with what is known of the record, the payload with its checksum if all of it was read.
   * Does not wait for the end of the turn of the event loop, and mostly for no thread.
   *
   * @throws {PersisterError} as `read`.
   */
  async readBeginning(pointer: Pointer, of: RecordName): Promise<Uint8Array> {
    if (this.#seals.openerOf(pointer.slot)) return await this.read(pointer, of);
    const file = this.#slotOf(pointer.slot)?.file;
    if (!file) throw notThere(slotName(pointer.slot), { pointer, ...of });
    const length = Math.min(RECORD_HEADER_BYTES + pointer.length, BEGINNING_BYTES_MAX);
    const beganMs = performance.now();
    const way = this.#way.at(beganMs);
    // Of the pool of small buffers: nobody keeps it.
    const bytes = await file.read(startOf(pointer), length, Buffer.allocUnsafe(length), way);
    const endedMs = performance.now();
    if (way === "blocking") this.#way.note(endedMs - beganMs, endedMs);
    const isWhole = length === RECORD_HEADER_BYTES + pointer.length;
    const isRight = isWhole
      ? isRecord(bytes, { pointer, ...of })
      : bytes.length === length && isHeader(bytes, { pointer, ...of });
    if (!isRight) throw notThere(file.path, { pointer, ...of });
    return bytes.subarray(RECORD_HEADER_BYTES);
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
      // One of them, or the bytes between them, cannot be read. The others may still be readable.
      await Promise.all(run.map((request) => this.#readAlone(request)));
      return;
    }
    for (const request of run) {
      const own = bytes.subarray(startOf(request.pointer) - start, endOf(request.pointer) - start);
      const payload = isRecord(own, request) ? opened(own, request) : undefined;
      if (payload) request.resolve(payload);
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

function isRecord(bytes: Uint8Array, sought: Sought): boolean {
  const { length, crc } = sought.pointer;
  if (bytes.length !== RECORD_HEADER_BYTES + length || !isHeader(bytes, sought)) return false;
  return crc32c(bytes.subarray(RECORD_HEADER_BYTES)) === crc;
}

/** The payload of a record whose checksums are right; `undefined` where its tag is not. */
function opened(bytes: Uint8Array, { opener }: Request): Uint8Array | undefined {
  const payload = bytes.subarray(RECORD_HEADER_BYTES);
  return opener ? opener.open(headerOf(bytes), payload) : payload;
}

function headerOf(bytes: Uint8Array): RecordHeader {
  return readRecordHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0);
}

function isHeader(bytes: Uint8Array, { pointer, log, number }: Sought): boolean {
  const header = headerOf(bytes);
  return (
    header.log === log &&
    header.number === number &&
    header.payloadLength === pointer.length &&
    header.payloadCrc === pointer.crc
  );
}

function notThere(file: string, { pointer, name, number }: Sought): PersisterError {
  const offset = startOf(pointer);
  return new PersisterError(
    "JOURNAL_CORRUPT",
    `${file}: at byte ${offset} there is no longer the record ${name} ${number}; close and verify`,
    { lane: name, blockNumber: number, file, offset },
  );
}
