/**
 * Reservations in etcd: `etcd://HOST:PORT/PREFIX`, with `?ca=FILE` for TLS, and `&cert=FILE&key=FILE` for a
 * client's certificate. An object is a key. Its tag is the revision at which it was put last, and a put with a
 * condition is one transaction. Of etcd's API only what is needed here is spoken.
 */
import { readFile } from "node:fs/promises";
import {
  Client,
  credentials,
  type ChannelCredentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { attempts, type Pacing, realPacing, TryAgain } from "../archive/bucket/attempts.js";
import {
  checkName,
  type PutResult,
  sameBytes,
  type StoredObject,
} from "../archive/bucket/bucket.js";
import { throwIfAborted, type WaitOptions, whenAborted } from "../async/signal.js";
import {
  bytes,
  type Decoded,
  type Encodable,
  inner,
  type Message,
  message,
  bool,
  oneOf,
  repeated,
  u32,
  u64,
} from "../rpc/message.js";
import { PersisterError } from "../types/errors.js";
import type { Register } from "./chain.js";

const CALL_MS = 5_000;

const keyValue = message("mvccpb.KeyValue", { modRevision: u64(3), value: bytes(5) });
const header = message("etcdserverpb.ResponseHeader", { revision: u64(3) });
const rangeRequest = message("etcdserverpb.RangeRequest", { key: bytes(1) });
const rangeResponse = message("etcdserverpb.RangeResponse", { kvs: repeated(inner(2, keyValue)) });
const putRequest = message("etcdserverpb.PutRequest", { key: bytes(1), value: bytes(2) });
const compare = message("etcdserverpb.Compare", {
  result: u32(1),
  target: u32(2),
  key: bytes(3),
  expected: oneOf({ createRevision: u64(5), modRevision: u64(6) }),
});
const requestOp = message("etcdserverpb.RequestOp", {
  request: oneOf({ range: inner(1, rangeRequest), put: inner(2, putRequest) }),
});
const responseOp = message("etcdserverpb.ResponseOp", { range: inner(1, rangeResponse) });
const txnRequest = message("etcdserverpb.TxnRequest", {
  compare: repeated(inner(1, compare)),
  success: repeated(inner(2, requestOp)),
  failure: repeated(inner(3, requestOp)),
});
const txnResponse = message("etcdserverpb.TxnResponse", {
  header: inner(1, header),
  succeeded: bool(2),
  responses: repeated(inner(3, responseOp)),
});

/** A method of etcd's service of keys and values. */
interface Method<Asked, Answer> {
  readonly method: "Range" | "Txn";
  readonly asked: Message<unknown, Asked>;
  readonly answered: Message<Answer, never>;
}

const range = { method: "Range", asked: rangeRequest, answered: rangeResponse } as const;
const txn = { method: "Txn", asked: txnRequest, answered: txnResponse } as const;

/** Targets of a comparison for equality. */
const CREATE = 1;
const MOD = 2;

/** Answers behind which the same call may succeed. */
const passing: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.UNKNOWN,
  status.INTERNAL,
]);

export class EtcdRegister implements Register {
  readonly url: string;
  readonly #client: Client;
  readonly #prefix: string;
  readonly #pacing: Pacing;

  private constructor(url: URL, client: Client, pacing: Pacing) {
    this.url = `etcd://${url.host}${url.pathname}`;
    this.#prefix = url.pathname.slice(1);
    this.#client = client;
    this.#pacing = pacing;
  }

  /** @throws {PersisterError} USAGE for an address that is wrong, or a file that cannot be read. */
  static async open(address: string, pacing: Pacing = realPacing): Promise<EtcdRegister> {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (!url || url.port === "") throw wrongAddress(address, "it has no HOST:PORT");
    const client = new Client(url.host, await credentialsOf(address, url.searchParams));
    return new EtcdRegister(url, client, pacing);
  }

  async get(name: string, options: WaitOptions = {}): Promise<StoredObject | undefined> {
    const request = { key: this.#keyOf(name) };
    const { kvs } = await this.#call(range, request, options);
    return storedIn(kvs);
  }

  async putIfAbsent(name: string, value: Uint8Array, options?: WaitOptions): Promise<PutResult> {
    return await this.#put(name, value, { case: "createRevision", value: 0n }, options);
  }

  async putIfMatch(
    name: string,
    value: Uint8Array,
    tag: string,
    options?: WaitOptions,
  ): Promise<PutResult> {
    // A tag of another store is no revision: nothing has it.
    const revision = /^\d{1,18}$/.test(tag) ? BigInt(tag) : 0n;
    if (revision === 0n) return { stored: false, held: await this.get(name, options) };
    return await this.#put(name, value, { case: "modRevision", value: revision }, options);
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  async #put(
    name: string,
    value: Uint8Array,
    expected: NonNullable<Encodable<typeof compare>["expected"]>,
    options: WaitOptions = {},
  ): Promise<PutResult> {
    const key = this.#keyOf(name);
    const target = expected.case === "createRevision" ? CREATE : MOD;
    const request = {
      compare: [{ result: 0, target, key, expected }],
      success: [{ request: { case: "put", value: { key, value } } }],
      failure: [{ request: { case: "range", value: { key } } }],
    } as const;
    const answer = await this.#call(txn, request, options);
    if (answer.succeeded) return { stored: true, tag: String(answer.header?.revision ?? 0n) };
    const held = storedIn(answer.responses[0]?.range?.kvs ?? []);
    // An answer that was lost: the transaction had been done.
    if (held && sameBytes(held.bytes, value)) return { stored: true, tag: held.tag };
    return { stored: false, held };
  }

  #keyOf(name: string): Uint8Array {
    checkName(name);
    return Buffer.from(this.#prefix === "" ? name : `${this.#prefix}/${name}`);
  }

  async #call<Asked, Answer>(
    { method, asked, answered }: Method<Asked, Answer>,
    request: Asked,
    { signal }: WaitOptions,
  ): Promise<Answer> {
    const what = `${method} at ${this.url}`;
    const once = async (): Promise<Answer | TryAgain> => {
      try {
        return await this.#send(method, asked.encode(request), answered.decode, signal);
      } catch (cause) {
        throwIfAborted(signal, what);
        const { code, details } = cause as ServiceError;
        if (passing.has(code)) return new TryAgain(details, { cause });
        throw new PersisterError("BUCKET_REFUSED", `${what}: ${details}`, { cause });
      }
    };
    return await attempts(what, once, { pacing: this.#pacing, signal });
  }

  #send<Answer>(
    method: string,
    request: Uint8Array,
    decode: (encoded: Uint8Array) => Answer,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest<Uint8Array, Answer>(
        `/etcdserverpb.KV/${method}`,
        (encoded) => Buffer.from(encoded),
        decode,
        request,
        { deadline: Date.now() + CALL_MS },
        (error, answer) => {
          takeBack?.();
          if (answer === undefined) reject(error ?? new Error("no answer"));
          else resolve(answer);
        },
      );
      const takeBack = signal && whenAborted(signal, () => call.cancel());
    });
  }
}

function storedIn(kvs: Decoded<typeof rangeResponse>["kvs"]): StoredObject | undefined {
  const [found] = kvs;
  return found && { bytes: Uint8Array.from(found.value), tag: String(found.modRevision) };
}

async function credentialsOf(address: string, query: URLSearchParams): Promise<ChannelCredentials> {
  const [ca, cert, key] = ["ca", "cert", "key"].map((name) => query.get(name));
  if (!ca && !cert && !key) return credentials.createInsecure();
  try {
    const [roots, chain, secret] = await Promise.all(
      [ca, cert, key].map((file) => (file ? readFile(file) : Promise.resolve(null))),
    );
    return credentials.createSsl(roots, secret, chain);
  } catch (cause) {
    throw wrongAddress(address, `its certificates cannot be used: ${String(cause)}`);
  }
}

function wrongAddress(address: string, why: string): PersisterError {
  const text = `${JSON.stringify(address)} is no address of etcd: ${why}`;
  return new PersisterError("USAGE", text);
}
