/**
 * A bucket as the contract has it, in memory. `around` is asked before and behind each call: what it
 * throws is what the caller gets, so that a call fails before it has done anything, or behind that.
 */
import { createHash } from "node:crypto";
import {
  type Bucket,
  checkName,
  type Comparison,
  type ListedObject,
  type ListOptions,
  type PutOptions,
  type PutResult,
  type StoredObject,
} from "../../src/archive/bucket/bucket.js";
import { throwIfAborted } from "../../src/async/signal.js";

export interface BucketCall {
  readonly what: "get" | "put" | "list";
  readonly name: string;
  readonly moment: "before" | "behind";
}

export class ModelBucket implements Bucket {
  readonly url = "model://bucket";
  readonly objects: Map<string, Uint8Array>;
  around: (call: BucketCall) => void = () => {};

  constructor(objects: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.objects = new Map(objects);
  }

  get names(): readonly string[] {
    return [...this.objects.keys()].sort();
  }

  async get(name: string): Promise<StoredObject | undefined> {
    return await this.#call("get", name, () => this.#held(name));
  }

  async compare(name: string, bytes: Uint8Array): Promise<Comparison> {
    const held = await this.get(name);
    if (!held) return "absent";
    return Buffer.compare(held.bytes, bytes) === 0 ? "same" : "other";
  }

  async putIfAbsent(name: string, bytes: Uint8Array, options?: PutOptions): Promise<PutResult> {
    throwIfAborted(options?.signal, "the put");
    return await this.#call("put", name, () => this.#put(name, bytes, undefined));
  }

  async putIfMatch(name: string, bytes: Uint8Array, tag: string): Promise<PutResult> {
    return await this.#call("put", name, () => this.#put(name, bytes, tag));
  }

  async *list(prefix: string, { after = "" }: ListOptions = {}): AsyncGenerator<ListedObject> {
    const names = await this.#call("list", prefix, () => this.names);
    for (const name of names) {
      const bytes = this.objects.get(name)?.length ?? 0;
      if (name.startsWith(prefix) && name > after) yield { name, bytes };
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #held(name: string): StoredObject | undefined {
    const bytes = this.objects.get(name);
    return bytes && { bytes: Uint8Array.from(bytes), tag: tagOf(bytes) };
  }

  #put(name: string, bytes: Uint8Array, tag: string | undefined): PutResult {
    const held = this.#held(name);
    const isSame = held !== undefined && Buffer.compare(held.bytes, bytes) === 0;
    if (held?.tag !== tag && !isSame) return { stored: false, held };
    if (tag !== undefined && !held) return { stored: false, held };
    this.objects.set(name, Uint8Array.from(bytes));
    return { stored: true, tag: tagOf(bytes) };
  }

  async #call<T>(what: BucketCall["what"], name: string, act: () => T): Promise<T> {
    if (what !== "list") checkName(name);
    await Promise.resolve();
    this.around({ what, name, moment: "before" });
    const result = act();
    this.around({ what, name, moment: "behind" });
    return result;
  }
}

function tagOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
