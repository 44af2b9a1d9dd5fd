/**
 * The labels and lengths of all live records, in memory: a scan of them reads no disk. 16 bytes a
 * record in arrays of fixed size, beside the engine's own pointer to it (D9: memory follows what is
 * not truncated).
 */
import { assert } from "../types/assert.js";
import type { Labels } from "./envelope.js";

const CHUNK_RECORDS = 1024;

/** Labels of a record, and the length of its payload. */
export interface LabelledLength extends Labels {
  readonly byteLength: number;
}

interface Chunk {
  readonly types: Uint16Array;
  readonly tenants: Uint32Array;
  readonly shards: Uint16Array;
  readonly byteLengths: Uint32Array;
  /** 0 where there is none. Made with the first one. */
  origins: BigUint64Array | undefined;
}

export class LabelIndex {
  readonly #chunks = new Map<number, Chunk>();
  #first = 0;

  /** Takes the labels of the record at `lsn`; any order. */
  set(lsn: bigint, { type, tenant, shard, byteLength, origin }: LabelledLength): void {
    const place = placeOf(lsn);
    const chunk = this.#chunkFor(place);
    const at = place % CHUNK_RECORDS;
    chunk.types[at] = type;
    chunk.tenants[at] = tenant;
    chunk.shards[at] = shard;
    chunk.byteLengths[at] = byteLength;
    if (origin === undefined) return;
    chunk.origins ??= new BigUint64Array(CHUNK_RECORDS);
    chunk.origins[at] = origin;
  }

  /** What was set at `lsn`, which the caller knows to be live. */
  at(lsn: bigint): LabelledLength {
    const place = placeOf(lsn);
    const chunk = this.#chunks.get(keyOf(place));
    assert(chunk !== undefined && place >= this.#first, "a live record has its labels in memory");
    const at = place % CHUNK_RECORDS;
    const origin = chunk.origins?.[at];
    return {
      type: chunk.types[at] ?? 0,
      tenant: chunk.tenants[at] ?? 0,
      shard: chunk.shards[at] ?? 0,
      byteLength: chunk.byteLengths[at] ?? 0,
      origin: origin === 0n ? undefined : origin,
    };
  }

  /** Forgets the labels below `first`. Costs the chunks that go, or those there are if that is less. */
  truncateBefore(first: bigint): void {
    const from = keyOf(this.#first);
    this.#first = placeOf(first);
    const to = keyOf(this.#first);
    if (to - from > this.#chunks.size) {
      for (const key of this.#chunks.keys()) if (key < to) this.#chunks.delete(key);
      return;
    }
    for (let key = from; key < to; key++) this.#chunks.delete(key);
  }

  #chunkFor(place: number): Chunk {
    const key = keyOf(place);
    const known = this.#chunks.get(key);
    if (known) return known;
    const made = {
      types: new Uint16Array(CHUNK_RECORDS),
      tenants: new Uint32Array(CHUNK_RECORDS),
      shards: new Uint16Array(CHUNK_RECORDS),
      byteLengths: new Uint32Array(CHUNK_RECORDS),
      origins: undefined,
    };
    this.#chunks.set(key, made);
    return made;
  }
}

/** An LSN counts the records of one journal: no machine lives long enough for 2^53 of them. */
function placeOf(lsn: bigint): number {
  return Number(lsn);
}

function keyOf(place: number): number {
  return Math.floor(place / CHUNK_RECORDS);
}
