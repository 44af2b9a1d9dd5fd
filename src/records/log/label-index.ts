/**
 * The labels and lengths of all live records, in memory: a scan of them reads no disk. They take 16
 * bytes a record in arrays of fixed size, beside the engine's own pointer to it (D9: memory follows the
 * records that are held).
 */
import { assert } from "../../types/assert.js";
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
  /** 0 for a record without an origin. Made for the first record that has one. */
  origins: BigUint64Array | undefined;
}

export class LabelIndex {
  readonly #chunks = new Map<number, Chunk>();
  /** The chunk that was written to last: the next record most likely goes there, too. */
  #newest: { readonly key: number; readonly chunk: Chunk } | undefined;
  #first = 0;

  /** Takes the labels of the record at `lsn`, and the length of its payload; any order. */
  set(lsn: number, { type, tenant, shard, origin }: Labels, byteLength: number): void {
    const chunk = this.#chunkFor(keyOf(lsn));
    const at = lsn % CHUNK_RECORDS;
    chunk.types[at] = type;
    chunk.tenants[at] = tenant;
    chunk.shards[at] = shard;
    chunk.byteLengths[at] = byteLength;
    if (origin === undefined) return;
    chunk.origins ??= new BigUint64Array(CHUNK_RECORDS);
    chunk.origins[at] = origin;
  }

  /** The labels of the record at `lsn`, which the caller knows to be live. */
  at(lsn: number): LabelledLength {
    const chunk = this.#chunks.get(keyOf(lsn));
    assert(chunk !== undefined && lsn >= this.#first, "a live record has its labels in memory");
    const at = lsn % CHUNK_RECORDS;
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
  truncateBefore(first: number): void {
    const from = keyOf(this.#first);
    this.#first = first;
    const to = keyOf(first);
    this.#newest = undefined;
    if (to - from > this.#chunks.size) {
      for (const key of this.#chunks.keys()) if (key < to) this.#chunks.delete(key);
      return;
    }
    for (let key = from; key < to; key++) this.#chunks.delete(key);
  }

  #chunkFor(key: number): Chunk {
    if (this.#newest?.key === key) return this.#newest.chunk;
    const chunk = this.#chunks.get(key) ?? emptyChunk();
    this.#chunks.set(key, chunk);
    this.#newest = { key, chunk };
    return chunk;
  }
}

function emptyChunk(): Chunk {
  return {
    types: new Uint16Array(CHUNK_RECORDS),
    tenants: new Uint32Array(CHUNK_RECORDS),
    shards: new Uint16Array(CHUNK_RECORDS),
    byteLengths: new Uint32Array(CHUNK_RECORDS),
    origins: undefined,
  };
}

function keyOf(lsn: number): number {
  return Math.floor(lsn / CHUNK_RECORDS);
}
