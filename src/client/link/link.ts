/**
 * One connection to a service, and calls over it by the tables of `rpc`. A link is used once: a client that
 * lost its link makes a new one, so that no state of the old one, such as a waiting time, lives on.
 */
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
} from "@grpc/grpc-js";
import { type WaitOptions, whenAborted } from "../../async/signal.js";
import type { Decoded, Encodable } from "../../rpc/message.js";
import { type Method, pathOf, type Service } from "../../rpc/method.js";
import type { Target } from "./target.js";

/** A block of 2 MB, and others beside it. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** A link that is silent for so long is asked whether it lives, and has so long for the answer. */
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_ANSWER_MS = 5_000;

export type Named<S extends Service, Shape extends Method["shape"]> = {
  [K in keyof S["methods"]]: S["methods"][K]["shape"] extends Shape ? K : never;
}[keyof S["methods"]] &
  string;
export type Asked<S extends Service, N extends keyof S["methods"]> = Encodable<
  S["methods"][N]["request"]
>;
export type Answered<S extends Service, N extends keyof S["methods"]> = Decoded<
  S["methods"][N]["response"]
>;

/** A call that goes on. */
interface Cancellable {
  cancel(): void;
}

export class Link {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  /** The library lets the calls of a closed client go on: they are cancelled here. */
  readonly #calls = new Set<Cancellable>();

  constructor({ address, credentials, token, options }: Target) {
    this.#client = new Client(address, credentials, {
      ...options,
      "grpc.use_local_subchannel_pool": 1,
      // The outbox keeps all that may have to be sent again: the library need not keep it, too.
      "grpc.enable_retries": 0,
      "grpc.enable_channelz": 0,
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_ANSWER_MS,
    });
    if (token !== undefined) this.#metadata.set("authorization", `Bearer ${token}`);
  }

  /** One answer. Rejects with what the gRPC library has; `signal` cancels the call. */
  unary<S extends Service, N extends Named<S, "unary">>(
    service: S,
    name: N,
    request: Asked<S, N>,
    { signal, ...options }: CallOptions & WaitOptions = {},
  ): Promise<Answered<S, N>> {
    const { path, encode, decode } = formsOf(service, name);
    return new Promise((resolve, reject) => {
      const done = (cause: Error | null, answer?: unknown): void => {
        this.#calls.delete(call);
        takeBack?.();
        if (cause) reject(cause);
        else resolve(answer as Answered<S, N>);
      };
      const client = this.#client;
      const metadata = this.#metadata;
      const call = client.makeUnaryRequest(path, encode, decode, request, metadata, options, done);
      this.#calls.add(call);
      const takeBack = signal && whenAborted(signal, () => call.cancel());
    });
  }

  /** Answers as they come; none is read ahead of its reader beyond the window of the stream. */
  serverStream<S extends Service, N extends Named<S, "serverStream">>(
    service: S,
    name: N,
    request: Asked<S, N>,
  ): ClientReadableStream<Answered<S, N>> {
    const { path, encode, decode } = formsOf(service, name);
    const metadata = this.#metadata;
    const call = this.#client.makeServerStreamRequest(path, encode, decode, request, metadata);
    return this.#kept(call) as ClientReadableStream<Answered<S, N>>;
  }

  bidi<S extends Service, N extends Named<S, "bidi">>(
    service: S,
    name: N,
  ): ClientDuplexStream<Asked<S, N>, Answered<S, N>> {
    const { path, encode, decode } = formsOf(service, name);
    const call = this.#client.makeBidiStreamRequest(path, encode, decode, this.#metadata);
    return this.#kept(call) as ClientDuplexStream<Asked<S, N>, Answered<S, N>>;
  }

  /** Calls that go on are cancelled. Idempotent. */
  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#calls.clear();
    this.#client.close();
  }

  #kept<Call extends ClientReadableStream<unknown>>(call: Call): Call {
    this.#calls.add(call);
    // Without a listener a stream that is cancelled would end the process.
    call.on("error", () => undefined);
    call.on("status", () => this.#calls.delete(call));
    return call;
  }
}

function formsOf(service: Service, name: string) {
  const method = service.methods[name];
  if (!method) throw new TypeError(`${service.name} has no method ${name}`);
  const { request, response } = method;
  return {
    path: pathOf(service, name),
    encode: (value: unknown): Buffer => bufferOf(request.encode(value as never)),
    decode: (bytes: Buffer): unknown => response.decode(bytes),
  };
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
