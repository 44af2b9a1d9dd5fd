/**
 * One connection to a service, from its first call to its end: the fence, the stream of the writer, and the
 * stream of the status. It moves the picture and the outbox; `Connection` makes the next one.
 *
 * # The order in which a session begins
 *
 * 1. The fence: a writer acquires the store, or goes on with the fence that it has.
 * 2. The first status comes.
 * 3. The stream of the writer; its first answer has all durable cursors.
 * 4. The subscriptions of this client are in place again (`Connection`).
 * 5. Only then does anything go onto the stream. So no block becomes durable between the cursors and a
 *    subscription, which would never be offered.
 */
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import {
  KeeperService,
  type PersistRequest,
  type PersistResponse,
  ServiceStatusState,
  type WatchDurableResponse,
  type WatchStatusResponse,
} from "../rpc/api/keeper.js";
import { errorOf } from "../rpc/failures.js";
import type { Encodable } from "../rpc/message.js";
import { isLanekeeperError } from "../types/lanekeeper-error.js";
import { PersisterError } from "../types/errors.js";
import { type CallFailure, callFailure } from "./link/failures.js";
import type { Link } from "./link/link.js";
import type { Memory } from "./memory.js";
import { wireItem } from "./outbox/wire-item.js";

export interface SessionPort {
  readonly link: Link;
  readonly address: string;
  readonly memory: Memory;
  /** Undefined for a client that only reads. */
  readonly writer: string | undefined;
  readonly takeOver: boolean;
  /** The fence of the sessions before; 0 for none. */
  readonly fence: bigint;
  /** Hears of the fence as soon as it is granted: the session may end before it has begun. */
  readonly granted: (fence: bigint) => void;
}

type Writing = ClientDuplexStream<Encodable<typeof PersistRequest>, PersistResponse>;

export class Session {
  readonly link: Link;
  /** Resolves with why the session is over. */
  readonly ended: Promise<CallFailure>;
  fence: bigint;
  readonly #port: SessionPort;
  readonly #memory: Memory;
  #end: (failure: CallFailure) => void = () => undefined;
  #isOver = false;
  #writing: Writing | undefined;
  #mayWrite = false;
  #isPumpDue = false;

  private constructor(port: SessionPort) {
    this.link = port.link;
    this.fence = port.fence;
    this.#port = port;
    this.#memory = port.memory;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Begins a session, up to step 3, or says why there is none; nothing is left open then. */
  static async begin(port: SessionPort): Promise<Session | CallFailure> {
    const session = new Session(port);
    try {
      await session.#begin();
      return session;
    } catch (cause) {
      return session.fail(cause);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Step 5: whether the outbox may go onto the stream. */
  mayWrite(isAllowed: boolean): void {
    this.#mayWrite = isAllowed && !this.#isOver;
    this.pump();
  }

  /** There may be something to send. Everything of one step of the caller goes into one message. */
  pump(): void {
    if (this.#isPumpDue || !this.#mayWrite) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** The session is over because of `cause`. Idempotent. */
  fail(cause: unknown): CallFailure {
    const failure = this.#failureOf(cause);
    this.#isOver = true;
    this.#mayWrite = false;
    this.link.close();
    this.#end(failure);
    return failure;
  }

  /** Lets another writer in, and ends the session. Everything of this one is durable by now. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#mayWrite = false;
    const { fence } = this;
    this.#writing?.end();
    const released = this.link.unary(KeeperService, "releaseWriter", { fence }, deadline());
    // The service may be gone: then nobody holds the store any more.
    if (this.#port.writer !== undefined) await released.catch(() => undefined);
    else released.catch(() => undefined);
    this.fail(new PersisterError("CLOSED", "the client was closed"));
  }

  async #begin(): Promise<void> {
    await this.#acquire();
    await this.#watchStatus();
    const cursors = await (this.#port.writer === undefined ? this.#watchCursors() : this.#write());
    this.#memory.beginWith(cursors);
    this.#memory.outbox.begin();
  }

  async #acquire(): Promise<void> {
    const { writer, takeOver, fence } = this.#port;
    if (writer === undefined) return;
    const request = { writer, takeOver: takeOver && fence === 0n, resumeFence: fence };
    try {
      const granted = await this.link.unary(KeeperService, "acquireWriter", request, deadline());
      this.fence = granted.fence;
      this.#port.granted(granted.fence);
    } catch (cause) {
      throw (await this.#refusal(cause)) ?? cause;
    }
  }

  /** A service that could not open its store is up, and says why. */
  async #refusal(cause: unknown): Promise<PersisterError | undefined> {
    if (callFailure(cause, this.#port.address).error.code !== "NOT_READY") return undefined;
    const { status } = await this.link.unary(KeeperService, "getStatus", {}, deadline());
    return status?.state === ServiceStatusState.REFUSED && status.refusal
      ? errorOf(status.refusal)
      : undefined;
  }

  /** Resolves with the cursors of the first answer. */
  async #write(): Promise<PersistResponse["cursors"]> {
    const call = this.link.bidi(KeeperService, "persist");
    this.#writing = call;
    const first = this.#follow(call, (answer: PersistResponse) => this.#take(answer));
    call.on("drain", () => this.pump());
    call.write({ message: { case: "opening", value: { fence: this.fence } } });
    return (await first).cursors;
  }

  async #watchCursors(): Promise<PersistResponse["cursors"]> {
    const call = this.link.serverStream(KeeperService, "watchDurable", { fence: 0n });
    const first = this.#follow(call, ({ cursors }: WatchDurableResponse) => {
      if (cursors) this.#memory.move(cursors);
    });
    return (await first).cursors;
  }

  async #watchStatus(): Promise<void> {
    const call = this.link.serverStream(KeeperService, "watchStatus", {});
    const take = ({ status }: WatchStatusResponse): void => {
      // A heartbeat has none.
      if (!status) return;
      this.#memory.status.take(status);
      this.#memory.statusChanged();
    };
    take(await this.#follow(call, take));
  }

  /** Hears a stream that lasts as long as the session. Resolves with its first message. */
  #follow<T>(call: ClientReadableStream<T>, take: (message: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let isFirst = true;
      const end = (cause: unknown): void => {
        reject(cause instanceof Error ? cause : new Error(String(cause)));
        this.fail(cause);
      };
      call.on("data", (message: T) => {
        if (this.#isOver) return;
        if (isFirst) {
          isFirst = false;
          resolve(message);
          return;
        }
        try {
          take(message);
        } catch (cause) {
          end(cause);
        }
      });
      call.on("error", end);
      call.on("end", () => end(gone(this.#port.address)));
    });
  }

  #take({ verdicts, cursors }: PersistResponse): void {
    for (const { id, outcome, failure } of verdicts) {
      this.#memory.decide(id, { outcome, failure });
    }
    if (cursors) this.#memory.move(cursors);
    this.#memory.settle();
    this.pump();
  }

  /** Backpressure: while the stream is full, what waits stays in the outbox; "drain" goes on. */
  #pump(): void {
    const call = this.#writing;
    if (!call) return;
    while (this.#mayWrite && !call.writableNeedDrain) {
      const items = this.#memory.outbox.take();
      if (items.length === 0) return;
      call.write({ message: { case: "items", value: { items: items.map(wireItem) } } });
    }
  }

  #failureOf(cause: unknown): CallFailure {
    if (isLanekeeperError(cause)) {
      const error = cause instanceof PersisterError ? cause : errorFrom(cause);
      return { error, mayRetry: error.code === "UNREACHABLE" };
    }
    return callFailure(cause, this.#port.address);
  }
}

/** A call that needs no wait has so long for its answer. */
const CALL_MS = 10_000;

function deadline(): { readonly deadline: number } {
  return { deadline: Date.now() + CALL_MS };
}

function gone(address: string): PersisterError {
  return new PersisterError("UNREACHABLE", `${address}: the service ended the stream`);
}

function errorFrom(cause: Error): PersisterError {
  return new PersisterError("INTERNAL", cause.message, { cause });
}
