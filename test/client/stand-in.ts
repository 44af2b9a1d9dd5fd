/**
 * A stand-in for a service, on a socket of its own: the test decides what it answers, when it dies, and what
 * it still knows when it is back. The service itself has its own tests; this is for the moments that a real
 * one cannot be made to show on demand, such as an answer that is lost.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  KeeperService,
  type PersistRequest,
  type PersistResponse,
  type PersistRequestItem,
  PersistResponseOutcome,
  ServiceStatusState,
  Waited,
} from "../../src/rpc/api/keeper.js";
import { OperatorService } from "../../src/rpc/api/operator.js";
import type { DurableCursors, StoreStatus } from "../../src/rpc/api/types.js";
import { detailsOf, failureOf, laneBytes, statusNumberOf } from "../../src/rpc/failures.js";
import type { Encodable } from "../../src/rpc/message.js";
import { pathOf, type Service } from "../../src/rpc/method.js";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";

type Answer = Encodable<typeof PersistResponse>;
type Persisting = ServerDuplexStream<PersistRequest, Answer>;
type Status = Encodable<typeof StoreStatus>;

/** An item that has come, and on which stream. */
export interface Came {
  readonly item: PersistRequestItem;
  readonly call: Persisting;
}

export class StandIn {
  readonly directory = mkdtempSync(join(tmpdir(), "lanekeeper-stand-in-"));
  /** The items in the order in which they came, over all streams. */
  readonly came: Came[] = [];
  /** The requests for a fence. */
  readonly acquired: { readonly resumeFence: bigint; readonly takeOver: boolean }[] = [];
  /** The cursors of the store, with which the next stream begins. */
  cursors: Encodable<typeof DurableCursors> = {};
  status: Status = { directory: "store", chainId: "test-chain", onDisk: true };
  storeId = "aa";
  fence = 0n;
  /** The refusal of each call of this name. */
  readonly refusals = new Map<string, PersisterError>();
  /** The block that every read returns. */
  held: Uint8Array = new Uint8Array(0);
  /** Each item is admitted at once. */
  isObliging = false;
  #server: Server | undefined;
  readonly #streams = new Set<Persisting>();
  readonly #watchers = new Set<ServerWritableStream<unknown, unknown>>();
  #wake: () => void = () => undefined;

  get address(): string {
    return `unix:${join(this.directory, "socket")}`;
  }

  async start(): Promise<void> {
    const server = new Server({ "grpc.max_receive_message_length": 8 * 1024 * 1024 });
    add(server, KeeperService, this.#handlers());
    add(server, OperatorService, {});
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(this.address, ServerCredentials.createInsecure(), (cause) => {
        if (cause) reject(cause);
        else resolve();
      });
    });
    this.#server = server;
  }

  /** As a kill does it: every stream is cut, and what was on its way to a client is lost. */
  kill(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#streams.clear();
    this.#watchers.clear();
    rmSync(join(this.directory, "socket"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    rmSync(this.directory, { recursive: true, force: true });
    await Promise.resolve();
  }

  /** Resolves when `count` items have come in all. */
  async until(count: number): Promise<readonly Came[]> {
    while (this.came.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.came;
  }

  /** Answers on the newest stream. */
  answer(answer: Answer): void {
    for (const stream of this.#streams) stream.write(answer);
  }

  /** The block, or what it is, was admitted. */
  admit({ item: { id } }: Came): void {
    this.answer({ verdicts: [{ id, outcome: PersistResponseOutcome.ADMITTED }] });
  }

  refuse({ item: { id } }: Came, error: PersisterError): void {
    const failure = failureOf(error);
    this.answer({ verdicts: [{ id, outcome: PersistResponseOutcome.REFUSED, failure }] });
  }

  /** A lane's durable cursor moves, and stays for the streams to come. */
  durable(lane: LaneId, durableNext: bigint, first = 0n): void {
    const cursor = { lane: laneBytes(lane), first, durableNext };
    const others = (this.cursors.lanes ?? []).filter(
      (each) => !Buffer.from(each.lane ?? []).equals(cursor.lane),
    );
    this.cursors = { ...this.cursors, lanes: [...others, cursor] };
    this.answer({ cursors: { lanes: [cursor] } });
  }

  tellStatus(status: Status): void {
    this.status = { ...this.status, ...status };
    for (const watcher of this.#watchers) watcher.write({ status: this.#serviceStatus() });
  }

  /** Ends every stream of a writer with an error. */
  endStreams(error: PersisterError): void {
    for (const stream of this.#streams) stream.emit("error", statusOf(error));
    this.#streams.clear();
  }

  #handlers(): UntypedServiceImplementation {
    const handlers = {
      acquireWriter: this.#acquire.bind(this),
      releaseWriter: answering(() => ({})),
      getRecovery: answering(() => ({ generation: 1n })),
      getVoteState: answering(() => ({})),
      getStatus: answering(() => ({ status: this.#serviceStatus() })),
      watchStatus: this.#watchStatus.bind(this),
      persist: this.#persist.bind(this),
      durableBlocks: this.#subscribe.bind(this),
      watchDurable: this.#watchDurable.bind(this),
      readBlock: this.#readBlock.bind(this),
      waitForBlock: answering(() => ({ waited: Waited.DURABLE })),
    };
    return handlers;
  }

  #serviceStatus() {
    const { status: store, storeId, fence } = this;
    return { state: ServiceStatusState.SERVING, store, storeId, fence };
  }

  #acquire(
    call: ServerUnaryCall<{ resumeFence: bigint; takeOver: boolean }, unknown>,
    done: sendUnaryData<unknown>,
  ): void {
    const refusal = this.refusals.get("acquireWriter");
    if (refusal) {
      done(statusOf(refusal));
      return;
    }
    this.acquired.push(call.request);
    const { resumeFence } = call.request;
    if (resumeFence === 0n) this.fence += 1n;
    else if (resumeFence < this.fence) {
      done(statusOf(new PersisterError("FENCED", "another writer was let in")));
      return;
    }
    done(null, { fence: this.fence });
  }

  #persist(call: Persisting): void {
    call.on("error", () => undefined);
    call.on("data", ({ message }: PersistRequest) => {
      if (message?.case === "opening") {
        this.#streams.add(call);
        call.write({ cursors: this.cursors });
      } else for (const item of message?.value?.items ?? []) this.#take({ item, call });
    });
    call.on("end", () => call.end());
  }

  #take(came: Came): void {
    this.came.push(came);
    if (this.isObliging) this.admit(came);
    this.#wake();
  }

  #watchStatus(call: ServerWritableStream<unknown, unknown>): void {
    this.#watchers.add(call);
    call.on("error", () => undefined);
    call.write({ status: this.#serviceStatus() });
  }

  #watchDurable(call: ServerWritableStream<unknown, unknown>): void {
    call.on("error", () => undefined);
    call.write({ cursors: this.cursors });
  }

  /** The blocks of the first lane that are durable, from the number that is asked for. */
  #subscribe(
    call: ServerWritableStream<{ from: { lane: Uint8Array; blockNumber: bigint }[] }, unknown>,
  ): void {
    call.on("error", () => undefined);
    call.sendMetadata(new Metadata());
    for (const { lane, blockNumber } of call.request.from) {
      const cursor = this.cursors.lanes?.find((each) => Buffer.from(each.lane ?? []).equals(lane));
      for (let number = blockNumber; number < (cursor?.durableNext ?? 0n); number++) {
        call.write({ blocks: [{ lane, blockNumber: number, headerHash: new Uint8Array(32) }] });
      }
    }
  }

  #readBlock(_: unknown, done: sendUnaryData<unknown>): void {
    const refusal = this.refusals.get("readBlock");
    if (refusal) done(statusOf(refusal));
    else done(null, { block: this.held });
  }
}

/** An error as the library of gRPC takes it. */
function statusOf(error: PersisterError) {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(detailsOf(error)));
  return Object.assign(new Error(error.message), {
    code: statusNumberOf(error),
    details: error.message,
    metadata,
  });
}

function answering(answer: () => unknown) {
  return (_: unknown, done: sendUnaryData<unknown>): void => done(null, answer());
}

function add(server: Server, service: Service, handlers: UntypedServiceImplementation): void {
  const definition = Object.entries(service.methods).map(([name, method]) => {
    const { request, response, shape } = method;
    const encode = (value: unknown): Buffer => Buffer.from(response.encode(value as never));
    const each = {
      path: pathOf(service, name),
      requestStream: shape === "bidi",
      responseStream: shape !== "unary",
      requestSerialize: (value: unknown) => Buffer.from(request.encode(value as never)),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: encode,
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    };
    return [name, each] as const;
  });
  server.addService(Object.fromEntries(definition), handlers);
}
