/** Readers that do not read: little waits for them, others are served, and who goes on reading misses nothing. */
import { connect as connectHttp2, constants, type ClientHttp2Stream } from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import {
  DurableBlocksRequest,
  DurableBlocksResponse,
  ReadBlocksRequest,
  ReadBlocksResponse,
} from "../../../src/rpc/api/keeper.js";
import { laneBytes } from "../../../src/rpc/failures.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushAnchor, pushBlocks, pushQCs } from "../../node/kit.js";
import type { ForeignClient } from "../foreign-client.js";
import { type Running, running } from "../running.js";

const MESSAGE_HEAD_BYTES = 5;

interface Kept extends Running {
  readonly keeper: Lanekeeper;
}

async function kept(chain: TestChain): Promise<Kept> {
  const { epochOf } = chain;
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  return { ...(await running(chain, { open: () => Promise.resolve(keeper) })), keeper };
}

/**
 * The answers of a call, without a client that reads ahead: what is not asked for here is not read from the connection.
 * Its window of HTTP/2 is all that is sent to it.
 */
class Reader {
  readonly #stream: ClientHttp2Stream;
  #wake = (): void => undefined;
  #bytes = Buffer.alloc(0);
  readonly #trailers: Promise<Record<string, unknown>>;

  constructor(socket: string, method: string, request: Uint8Array) {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
    onTestFinished(() => session.destroy());
    this.#stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: `/lanekeeper.v1.KeeperService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const wake = (): void => this.#wake();
    this.#stream.on("readable", wake).once("end", wake);
    this.#trailers = new Promise((resolve) => this.#stream.once("trailers", resolve));
    const head = Buffer.alloc(MESSAGE_HEAD_BYTES);
    head.writeUInt32BE(request.length, 1);
    this.#stream.end(Buffer.concat([head, request]));
  }

  async #moved(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The next message; the status of gRPC behind the last one. */
  async next(): Promise<Buffer | number> {
    for (;;) {
      const length = this.#bytes.length < MESSAGE_HEAD_BYTES ? 0 : this.#bytes.readUInt32BE(1);
      const end = MESSAGE_HEAD_BYTES + length;
      if (this.#bytes.length >= end) {
        const message = this.#bytes.subarray(MESSAGE_HEAD_BYTES, end);
        this.#bytes = this.#bytes.subarray(end);
        return message;
      }
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk) this.#bytes = Buffer.concat([this.#bytes, chunk]);
      else if (this.#stream.readableEnded) return Number((await this.#trailers)["grpc-status"]);
      else await this.#moved();
    }
  }
}

/** Others are served: a status comes. */
async function isServed(client: ForeignClient): Promise<void> {
  expect(await client.call("KeeperService/GetStatus", {}, { deadlineMs: 60_000 })).toMatchObject({
    status: { state: "STATE_SERVING" },
  });
}

/** The number that `count` gives once it has not moved for a while. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ; await sleep(200)) {
    const now = count();
    if (now === before) return now;
    before = now;
  }
}

test("a range that nobody reads waits with few of its messages in memory, and is whole for who goes on", async () => {
  const chain = new TestChain(1, 256 * 1024);
  const lane = laneAt(chain, 0);
  const store = await kept(chain);
  await pushBlocks(store.keeper, chain, lane, { to: 30n });
  const request = ReadBlocksRequest.encode({ lane: laneBytes(lane), first: 0n });
  const reader = new Reader(store.socket, "ReadBlocks", request);
  // Each block is a message. A few are under way; the store was asked for no more.
  const reads = (): number => {
    const { cacheHits, cacheMisses } = store.keeper.status().counters;
    return cacheHits + cacheMisses;
  };
  await expect.poll(reads).toBeGreaterThan(0);
  expect(await settled(reads)).toBeLessThan(6);
  await isServed(store.client);

  let number = 0n;
  for (let each = await reader.next(); each !== 0; each = await reader.next()) {
    if (typeof each === "number") throw new Error(`the range ended with ${each}`);
    const { first, blocks } = ReadBlocksResponse.decode(each);
    expect(first).toBe(number);
    for (const block of blocks) {
      expect(Buffer.compare(block, chain.block(lane, number).bytes)).toBe(0);
      number += 1n;
    }
  }
  expect(number).toBe(30n);
});

test("offers that nobody reads wait in the store: those pruned meanwhile are passed over, and the rest comes in order", async () => {
  const chain = new TestChain(2);
  const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];
  const store = await kept(chain);
  const { keeper } = store;
  const from = chain.lanes.map((each) => ({ lane: laneBytes(each), blockNumber: 0n }));
  const reader = new Reader(store.socket, "DurableBlocks", DurableBlocksRequest.encode({ from }));
  const ROUNDS = 600n;
  for (let at = 0n; at < ROUNDS; at += 25n) {
    const range = { from: at, to: at + 25n };
    for (const each of [lane, other]) await pushBlocks(keeper, chain, each, range);
    await pushQCs(keeper, chain, range);
    await pushAnchor(keeper, chain.qc(range.to - 1n).anchor);
  }
  await isServed(store.client);

  const next = new Map(
    chain.lanes.map((each) => [Buffer.from(laneBytes(each)).toString("hex"), 0n]),
  );
  let passedOver = 0n;
  while ([...next.values()].some((number) => number < ROUNDS)) {
    const message = await reader.next();
    if (typeof message === "number") throw new Error(`the offers ended with ${message}`);
    for (const { lane: id, blockNumber } of DurableBlocksResponse.decode(message).blocks) {
      const key = Buffer.from(id).toString("hex");
      const due = next.get(key) ?? 0n;
      expect(blockNumber).toBeGreaterThanOrEqual(due);
      passedOver += blockNumber - due;
      next.set(key, blockNumber + 1n);
    }
  }
  // More than its window was offered while it did not read: the rest was not kept for it anywhere.
  expect(passedOver).toBeGreaterThan(0n);
  await store.service.close();
  let last = await reader.next();
  while (typeof last !== "number") last = await reader.next();
  expect(last).toBe(0);
});
