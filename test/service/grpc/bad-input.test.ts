/** Input that no client of ours sends: a clear error or a closed connection, and everybody else is served. */
import { randomBytes } from "node:crypto";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Client, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";
import { ForeignClient } from "../foreign-client.js";
import { callRefusal, running } from "../running.js";

type Plain = Readonly<Record<string, unknown>>;

const chain = new TestChain(1);
const lane = laneAt(chain, 0);
const asIs = (bytes: Buffer): Buffer => bytes;

/** Others are served: a status comes at once. */
async function isServed(client: ForeignClient): Promise<void> {
  expect(await client.call("KeeperService/GetStatus", {}, { deadlineMs: 60_000 })).toMatchObject({
    status: { state: "STATE_SERVING" },
  });
}

function connected(path: string): Socket {
  const socket = createConnection(path);
  socket.on("error", () => undefined).resume();
  return socket;
}

test("garbage, half-open connections and a thousand of them: the others are served", async () => {
  const { service, client, socket } = await running(chain, { limits: { connections: 64 } });
  const idle = Array.from({ length: 40 }, () => connected(socket));
  for (let each = 0; each < 20; each++) {
    const noisy = connected(socket);
    noisy.end(randomBytes(64 * 1024));
  }
  await sleep(50);
  await isServed(client);
  const crowd = Array.from({ length: 1000 }, () => connected(socket));
  await sleep(100);
  await isServed(client);
  // Connections that never said a word do not hold up the end of the service.
  const beganMs = performance.now();
  await service.close();
  expect(performance.now() - beganMs).toBeLessThan(100_000);
  for (const each of [...idle, ...crowd]) each.destroy();
});

test("bytes that are no request, and messages over the limit", async () => {
  const { client, socket } = await running(chain);
  const raw = new Client(`unix:${socket}`, credentials.createInsecure());
  const unary = async (bytes: Buffer): Promise<unknown> => {
    const path = "/lanekeeper.v1.KeeperService/PushBlock";
    return await new Promise((resolve, reject) => {
      raw.makeUnaryRequest(path, asIs, asIs, bytes, (error, answer) => {
        if (error) reject(error);
        else resolve(answer);
      });
    });
  };
  expect(await callRefusal(unary(Buffer.from([0x12, 0xff, 0xff])))).toMatchObject({
    status: status.INVALID_ARGUMENT,
    error: { code: "USAGE" },
  });
  await expect(unary(Buffer.alloc(9 * 1024 * 1024))).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
  raw.close();
  await isServed(client);
});

test("a stream that begins without an opening, or goes on with something else", async () => {
  const { client } = await running(chain);
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  const endOf = async (...messages: readonly Plain[]): Promise<number> => {
    const stream = client.duplex("KeeperService/Persist");
    stream.on("data", () => undefined);
    const ended = new Promise<number>((resolve) =>
      stream.on("error", ({ code }: { code: number }) => resolve(code)),
    );
    for (const message of messages) stream.write(message);
    return await ended;
  };
  expect(await endOf({ items: { items: [] } })).toBe(status.INVALID_ARGUMENT);
  expect(await endOf({ opening: { fence: 77 } })).toBe(status.ABORTED);
  expect(await endOf({ opening: { fence } }, { opening: { fence } })).toBe(status.INVALID_ARGUMENT);
  expect(await endOf({ opening: { fence } }, { items: { items: [{ id: 1 }] } })).toBe(
    status.INVALID_ARGUMENT,
  );
  await isServed(client);
});

test("a client that sends and does not read is stopped, and what it sent within the bounds is kept", async () => {
  const { service, client, socket } = await running(chain);
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  const slow = await ForeignClient.connect(`unix:${socket}`);
  const stream = slow.duplex("KeeperService/Persist");
  stream.on("error", () => undefined);
  stream.write({ opening: { fence } });
  // Until its first read the library's client keeps all that comes: it is stopped behind one.
  await new Promise((resolve) => stream.once("data", resolve));
  stream.pause();
  stream.write({ items: { items: [{ id: 1, block: chain.block(lane, 0n).bytes }] } });
  // A block that is refused has a longer verdict than one that is held.
  const { bytes: beyond } = chain.block(lane, 2n);
  let id = 1;
  const more = (): Plain => ({
    items: { items: Array.from({ length: 64 }, () => ({ id: (id += 1), block: beyond })) },
  });
  let isStopped = false;
  for (let round = 0; round < 4000 && !isStopped; round++) {
    if (!stream.write(more())) isStopped = await Promise.race([drained(stream), sleep(2000, true)]);
  }
  expect(isStopped).toBe(true);
  await isServed(client);
  stream.cancel();
  slow.close();
  const waited = await client.call("KeeperService/WaitForBlock", {
    lane: Buffer.from(lane, "hex"),
    blockNumber: 0,
  });
  expect(waited).toEqual({ waited: "WAITED_DURABLE" });
  expect(service.writer()).toMatchObject({ fence: 1n });
});

async function drained(stream: {
  once(event: "drain", listener: () => void): unknown;
}): Promise<false> {
  return await new Promise((resolve) => stream.once("drain", () => resolve(false)));
}

test("a client that is killed mid-stream takes nothing with it, and its writer is gone", async () => {
  const { service, client, socket } = await running(chain);
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  const killed = await ForeignClient.connect(`unix:${socket}`);
  const stream = killed.duplex("KeeperService/Persist");
  const answered = new Promise((resolve) => stream.once("data", resolve));
  stream.on("error", () => undefined);
  stream.write({ opening: { fence } });
  await answered;
  expect(service.writer()).toMatchObject({ isConnected: true });
  stream.write({ items: { items: [{ id: 1, block: chain.block(lane, 0n).bytes }] } });
  await client.call("KeeperService/WaitForBlock", {
    lane: Buffer.from(lane, "hex"),
    blockNumber: 0,
  });
  killed.close();
  stream.cancel();
  while (service.writer()?.isConnected === true) await sleep(5);
  expect(await client.call("KeeperService/AcquireWriter", { writer: "next" })).toMatchObject({
    fence: "2",
  });
});

test("a window of blocks that wait for room is refused as LANE_FULL, and the stream goes on", async () => {
  const { client } = await running(chain);
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  const stream = client.duplex("KeeperService/Persist");
  const outcomes = new Map<string, string>();
  const news = new Set<() => void>();
  stream.on(
    "data",
    (answer: { verdicts: { id: string; failure: { code: string } | null; outcome: string }[] }) => {
      for (const { id, outcome, failure } of answer.verdicts)
        outcomes.set(id, failure?.code ?? outcome);
      for (const tell of news) tell();
    },
  );
  stream.on("error", () => undefined);
  stream.write({ opening: { fence } });
  for (let id = 0; id < 30 + 256 + 1; id++) {
    const { bytes } = chain.block(lane, BigInt(id));
    stream.write({ items: { items: [{ id, block: bytes }] } });
  }
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if ([...outcomes.values()].filter((each) => each === "LANE_FULL").length >= 256) resolve();
    };
    news.add(look);
  });
  expect(outcomes.get("29")).toBe("OUTCOME_ADMITTED");
  expect(outcomes.get("30")).toBe("LANE_FULL");
  stream.cancel();
});

test("a store that is refused: the service stays, not ready, and says why", async () => {
  const damage = new PersisterError("JOURNAL_CORRUPT", "segment 7 is damaged", {
    file: "0007.seg",
  });
  const { client, service } = await running(chain, {
    open: () => Promise.reject(damage),
  });
  expect(await service.opened()).toBe(damage);
  expect(await client.call("KeeperService/GetStatus")).toMatchObject({
    status: { state: "STATE_REFUSED", refusal: { code: "JOURNAL_CORRUPT", file: "0007.seg" } },
  });
  const push = client.call("KeeperService/AcquireWriter", { writer: "w" });
  expect(await callRefusal(push)).toMatchObject({
    status: status.UNAVAILABLE,
    error: {
      code: "NOT_READY",
      message: expect.stringContaining("segment 7 is damaged") as string,
    },
  });
});
