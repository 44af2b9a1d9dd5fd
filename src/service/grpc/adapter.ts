/**
 * Between the gRPC library and our handlers. One place knows the library's traps:
 *
 * - a throw in a handler is no status: every handler runs in here, and what it throws becomes one;
 * - behind a cancellation `write` is not acknowledged and `drain` never comes: each wait races with it;
 * - an iteration of the library's that ends destroys the call, and the client waits for ever: there is none;
 * - a request that does not decode is INVALID_ARGUMENT with our details, and not the library's INTERNAL.
 */
import type { EventEmitter } from "node:events";
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  StatusObject,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { detached } from "../../async/detached.js";
import { whenAborted } from "../../async/signal.js";
import type { Message } from "../../rpc/message.js";
import { type Method, type Methods, pathOf, type Service } from "../../rpc/method.js";
import { errorCodes } from "../../types/error-codes.js";
import type { LanekeeperError } from "../../types/lanekeeper-error.js";
import type { Papers } from "../access/access.js";
import type { Allowed, Caller } from "../access/caller.js";
import type { Meters } from "../metrics/meters.js";
import type { RpcMethod } from "../metrics/rpc-meter.js";
import { Outgoing } from "./answers/outgoing.js";
import type { Call, Handlers } from "./call.js";
import { endOfWait, statusOf, toldError } from "./status.js";

type AnyCall = ServerUnaryCall<Buffer, Buffer> | StreamCall;
type StreamCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** The service around the calls. */
export interface Surroundings {
  readonly meters: Meters;
  /** Aborts when every call has to end. */
  readonly ending: AbortSignal;
  /** @throws {PersisterError} UNAUTHENTICATED, NOT_ALLOWED, OVERLOADED. */
  readonly admit: (papers: Papers, allowed: Allowed) => Caller;
  /** Told of each call that was not let in, and of the place that it came from. */
  readonly refused: (path: string, from: string, error: LanekeeperError) => void;
  /** Told of each call that failed, and of the error before it was turned into a status. */
  readonly failed: (path: string, caller: Caller, cause: unknown) => void;
}

/** A service with its handlers, and the roles that may call each method. */
export interface Served<M extends Methods = Methods> {
  readonly service: Service<M>;
  readonly handlers: Handlers<M>;
  readonly allowed: { readonly [Name in keyof M]: Allowed };
}

const meterTypes = {
  unary: "unary",
  serverStream: "server_stream",
  bidi: "bidi_stream",
} as const;

export function definitionOf({ name, methods }: Service): ServiceDefinition {
  const service = { name, methods };
  const entries = Object.entries(methods).map(([method, { shape }]) => [
    method,
    {
      path: pathOf(service, method),
      requestStream: shape === "bidi",
      responseStream: shape !== "unary",
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]);
  return Object.fromEntries(entries) as ServiceDefinition;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** The method by which calls are counted. */
export function labelOf(service: Service, name: string, shape: Method["shape"]): RpcMethod {
  const method = pathOf(service, name).split("/")[2] ?? "";
  return { service: service.name, method, type: meterTypes[shape] };
}

/** The callers of the calls that were let in: see `Gate`. */
interface Callers {
  readonly callerOf: (metadata: Metadata) => Caller;
}

export function implementationOf<M extends Methods>(
  { service, handlers }: Served<M>,
  around: Surroundings,
  callers: Callers,
): UntypedServiceImplementation {
  const entries = Object.entries(service.methods).map(([name, method]) => {
    const bound: Bound = {
      method,
      label: labelOf(service, name, method.shape),
      path: pathOf(service, name),
      handler: handlers[name] as unknown as Bound["handler"],
      around,
      callers,
    };
    return [name, method.shape === "unary" ? unaryOf(bound) : streamOf(bound)];
  });
  return Object.fromEntries(entries) as UntypedServiceImplementation;
}

interface Bound {
  readonly method: Method;
  readonly label: RpcMethod;
  readonly path: string;
  readonly handler: (request: unknown, call: Call) => Promise<unknown> | AsyncIterable<unknown>;
  readonly around: Surroundings;
  readonly callers: Callers;
}

function unaryOf(bound: Bound): handleUnaryCall<Buffer, Buffer> {
  const { method, label, handler, around } = bound;
  return (call, callback) => {
    const answered = track(bound, call, async (ours) => {
      around.meters.rpc.received(label);
      const answer = await (handler(decode(method, call.request), ours) as Promise<unknown>);
      callback(null, encoded(method.response, answer));
      around.meters.rpc.sent(label);
    });
    detached(failing(answered, callback));
  };
}

function streamOf(
  bound: Bound,
): handleServerStreamingCall<Buffer, Buffer> & handleBidiStreamingCall<Buffer, Buffer> {
  const { method, label, handler, around } = bound;
  return (call: StreamCall) => {
    const answered = track(bound, call, async (ours) => {
      const request = "request" in call ? decode(method, call.request) : new Requests(bound, call);
      if ("request" in call) around.meters.rpc.received(label);
      const answers = handler(request, ours) as AsyncIterable<unknown>;
      // The caller learns that its subscription is in place.
      call.sendMetadata(new Metadata());
      const outgoing = new Outgoing(call, ours.signal);
      for await (const answer of answers) {
        outgoing.write(encoded(method.response, answer));
        around.meters.rpc.sent(label);
        if (outgoing.isFull) await outgoing.room();
      }
      call.end();
    });
    // The library takes an error event as the status of the stream.
    detached(failing(answered, (status) => call.emit("error", status)));
  };
}

/** Tells the status of a call that failed. */
async function failing(
  answered: Promise<LanekeeperError | undefined>,
  tell: (status: StatusObject) => unknown,
): Promise<void> {
  const error = await answered;
  if (error) tell(statusOf(error));
}

/** Messages that have come and were not asked for yet; beyond that, and the library's own, the stream is not read. */
const WAITING_MAX = 4;

/** The requests of a stream, as they come. The library's own iteration takes more turns of promises for each of them. */
class Requests implements AsyncIterableIterator<unknown> {
  readonly #bound: Bound;
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #waiting: Buffer[] = [];
  /** No more will come; with an error if the call broke off. */
  #end: { readonly error?: Error } | undefined;
  #wake = (): void => undefined;

  constructor(bound: Bound, call: ServerDuplexStream<Buffer, Buffer>) {
    this.#bound = bound;
    this.#call = call;
    call.on("data", (bytes: Buffer) => {
      bound.around.meters.rpc.received(bound.label);
      this.#waiting.push(bytes);
      if (this.#waiting.length >= WAITING_MAX) call.pause();
      this.#wake();
    });
    call.once("end", () => this.#ended({}));
    call.once("close", () => this.#ended({ error: new Error("the call broke off") }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      const bytes = this.#waiting.shift();
      if (bytes) {
        if (this.#call.isPaused()) this.#call.resume();
        return { done: false, value: decode(this.#bound.method, bytes) };
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #ended(end: { readonly error?: Error }): void {
    this.#end ??= end;
    this.#wake();
  }
}

/** Runs a call that was let in to its end; returns the error with which it is to end. */
async function track(
  { path, label, around, callers }: Bound,
  call: AnyCall,
  run: (ours: Call) => Promise<void>,
): Promise<LanekeeperError | undefined> {
  const { meters, ending, failed } = around;
  const over = new AbortController();
  const abort = (): void => over.abort(new Error("the call is over"));
  const takeBack = whenAborted(ending, () => over.abort(ending.reason));
  (call as EventEmitter).on("cancelled", abort);
  meters.rpc.started(label);
  const beganMs = performance.now();
  const caller = callers.callerOf(call.metadata);
  let code = "OK";
  try {
    if (ending.aborted) throw ending.reason as Error;
    await run({ signal: over.signal, caller });
    return undefined;
  } catch (cause) {
    const thrown: unknown =
      ending.aborted && over.signal.aborted ? ending.reason : endOfWait(cause);
    const error = toldError(thrown);
    code = errorCodes[error.code].status;
    if (!call.cancelled) failed(path, caller, thrown);
    return error;
  } finally {
    takeBack();
    // Behind its end a call holds nothing of the store any more.
    over.abort(new Error("the call is over"));
    meters.rpc.handled(label, call.cancelled ? "CANCELLED" : code, performance.now() - beganMs);
  }
}

function decode(method: Method, bytes: Buffer): unknown {
  return method.request.decode(bytes);
}

function encoded(message: Message<unknown, never>, value: unknown): Buffer {
  const bytes = (message as Message<unknown>).encode(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
