/** The memory of a validator by a client that knows nothing but reflection. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { encodeCommitQC, encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, turns } from "../../node/kit.js";
import type { ForeignClient } from "../foreign-client.js";
import { callRefusal, running } from "../running.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const laneBytes = Buffer.from(lane, "hex");

async function writer(client: ForeignClient, more: object = {}): Promise<string> {
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "test", ...more });
  return String(fence);
}

function block(number: bigint): Uint8Array {
  return chain.block(lane, number).bytes;
}

test("a block is pushed, durable, and read back byte for byte", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  const push = { fence, block: block(0n), durability: "DURABILITY_DURABLE" };
  expect(await client.call("KeeperService/PushBlock", push)).toMatchObject({
    result: "RESULT_ADMITTED",
  });
  expect(await client.call("KeeperService/PushBlock", push)).toMatchObject({
    result: "RESULT_DUPLICATE",
  });
  const read = await client.call("KeeperService/ReadBlock", { lane: laneBytes, blockNumber: 0 });
  expect(Buffer.from(read["block"] as Uint8Array)).toEqual(Buffer.from(block(0n)));
  const waited = await client.call("KeeperService/WaitForBlock", {
    lane: laneBytes,
    blockNumber: 0,
  });
  expect(waited).toEqual({ waited: "WAITED_DURABLE" });
});

test("refusals have a status, a reason, the lane and the number", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  const gap = client.call("KeeperService/PushBlock", { fence, block: block(5n) });
  expect(await callRefusal(gap)).toMatchObject({
    status: status.OUT_OF_RANGE,
    error: { code: "OUT_OF_SEQUENCE", lane, blockNumber: 5n },
  });
  const garbage = client.call("KeeperService/PushBlock", { fence, block: Buffer.from("no block") });
  expect(await callRefusal(garbage)).toMatchObject({
    status: status.INVALID_ARGUMENT,
    error: { code: "INVALID" },
  });
  const held = client.call("KeeperService/ReadBlock", { lane: laneBytes, blockNumber: 7 });
  expect(await callRefusal(held)).toMatchObject({ status: status.OUT_OF_RANGE });
  const noLane = client.call("KeeperService/ReadBlock", { lane: Buffer.alloc(3) });
  expect(await callRefusal(noLane)).toMatchObject({
    status: status.INVALID_ARGUMENT,
    error: { code: "USAGE" },
  });
  const { qc } = chain.qc(0n);
  const view = { ...qc.vote.view, epochIndex: 7n };
  const later = encodeCommitQC({ ...qc, vote: { ...qc.vote, view } });
  const epoch = client.call("KeeperService/PushCommitQc", { fence, commitQc: later });
  expect(await callRefusal(epoch)).toMatchObject({
    status: status.INVALID_ARGUMENT,
    error: { code: "INVALID", message: expect.stringContaining("epoch 7") as string },
  });
  const other = client.call("KeeperService/PushBlock", { fence: 99, block: block(0n) });
  expect(await callRefusal(other)).toMatchObject({
    status: status.ABORTED,
    error: { code: "FENCED" },
  });
});

test("a stream: verdicts by id, cursors behind them, and a half-close that waits for all", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  const stream = client.duplex("KeeperService/Persist");
  const answers: Record<string, unknown>[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("data", (answer: Record<string, unknown>) => answers.push(answer));
    stream.on("end", resolve);
    stream.on("error", reject);
  });
  stream.write({ opening: { fence } });
  const other = laneAt(chain, 1);
  stream.write({
    items: {
      items: [
        { id: 1, block: block(0n) },
        { id: 2, block: block(1n) },
        { id: 3, block: chain.block(other, 0n).bytes },
        { id: 4, block: block(9n) },
        { id: 5, block: block(0n) },
      ],
    },
  });
  stream.end();
  await ended;
  const verdicts = answers.flatMap(
    ({ verdicts: each }) =>
      each as { id: string; outcome: string; failure: { code: string } | null }[],
  );
  expect(new Map(verdicts.map(({ id, outcome }) => [id, outcome]))).toEqual(
    new Map([
      ["1", "OUTCOME_ADMITTED"],
      ["2", "OUTCOME_ADMITTED"],
      ["3", "OUTCOME_ADMITTED"],
      ["4", "OUTCOME_REFUSED"],
      ["5", "OUTCOME_DUPLICATE"],
    ]),
  );
  expect(verdicts.find(({ id }) => id === "4")?.failure?.code).toBe("OUT_OF_SEQUENCE");
  const cursors = new Map<string, string>();
  for (const { cursors: moved } of answers) {
    const { lanes = [] } = (moved ?? {}) as { lanes?: { lane: Uint8Array; durableNext: string }[] };
    for (const each of lanes) cursors.set(Buffer.from(each.lane).toString("hex"), each.durableNext);
  }
  expect(cursors).toEqual(
    new Map([
      [lane, "2"],
      [other, "1"],
    ]),
  );
});

test("a take-over: everything of the first writer is ABORTED, its stream too", async () => {
  const { client } = await running(chain);
  const first = await writer(client);
  const stream = client.duplex("KeeperService/Persist");
  const failed = new Promise<{ code: number }>((resolve) => stream.on("error", resolve));
  stream.on("data", () => undefined);
  stream.write({ opening: { fence: first } });
  const refused = client.call("KeeperService/AcquireWriter", { writer: "second" });
  expect(await callRefusal(refused)).toMatchObject({
    status: status.FAILED_PRECONDITION,
    error: { code: "WRITER_PRESENT" },
  });
  await turns();
  const second = await writer(client, { writer: "second", takeOver: true });
  expect(second).toBe("2");
  expect((await failed).code).toBe(status.ABORTED);
  const late = client.call("KeeperService/PushBlock", { fence: first, block: block(0n) });
  expect(await callRefusal(late)).toMatchObject({ status: status.ABORTED });
  await client.call("KeeperService/PushBlock", { fence: second, block: block(0n) });
});

test("a take-over: who waits or listens under the fence of the first writer is told FENCED", async () => {
  const { client } = await running(chain);
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "first" });
  const under = { fence };
  const waits = [
    client.call("KeeperService/WaitForBlock", { lane: laneBytes, blockNumber: 7, ...under }),
    client.call("KeeperService/WaitForCommitQc", { roadIndex: 7, ...under }),
    client.call("KeeperService/WaitForAnchor", { roadIndex: 7, ...under }),
    ...["DurableBlocks", "DurableCommitQcs", "WatchDurable"].map(async (name) => {
      for await (const _ of client.stream(`KeeperService/${name}`, under));
    }),
  ].map(callRefusal);
  // Calls of one connection arrive in their order: behind this answer all of the waits have begun.
  await client.call("KeeperService/GetStatus");
  await client.call("KeeperService/AcquireWriter", { writer: "second", takeOver: true });
  for (const wait of waits) {
    expect(await wait).toMatchObject({ status: status.ABORTED, error: { code: "FENCED" } });
  }
});

test("votes, a commit QC and an anchor; pruned blocks are read as long as they are retained", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  for (let number = 0n; number < 4n; number++) {
    await client.call("KeeperService/PushBlock", { fence, block: block(number) });
  }
  const made = chain.qc(0n);
  await client.call("KeeperService/PushCommitQc", { fence, commitQc: made.bytes });
  const votes = { votes: Buffer.alloc(0) };
  expect(
    await callRefusal(client.call("KeeperService/WriteVoteState", { fence, voteState: votes })),
  ).toMatchObject({
    error: { code: "USAGE" },
  });
  await client.call("KeeperService/PushAnchor", { fence, anchor: encodePruneAnchor(made.anchor) });
  const anchor = await client.call("KeeperService/GetAnchor");
  expect(anchor).toMatchObject({ roadIndex: "0" });
  const blocks: number[] = [];
  for await (const { first, blocks: each } of client.stream("KeeperService/ReadBlocks", {
    lane: laneBytes,
  })) {
    for (let at = 0; at < (each as unknown[]).length; at++) blocks.push(Number(first) + at);
  }
  expect(blocks.at(-1)).toBe(3);
});

test("reflection alone tells of health, and how to read the reason of an error", async () => {
  const { client } = await running(chain);
  expect(await client.call("grpc.health.v1.Health/Check")).toEqual({ status: "SERVING" });
  const info = client.decoded("google.rpc.ErrorInfo", Buffer.from("\n\u0006FENCED"));
  expect(info).toMatchObject({ reason: "FENCED", metadata: {} });
});

test("status, its stream, recovery and health", async () => {
  const { client } = await running(chain);
  const { status: told } = (await client.call("KeeperService/GetStatus")) as {
    status: Record<string, unknown>;
  };
  expect(told).toMatchObject({
    state: "STATE_SERVING",
    fence: "0",
    store: { chainId: "test-chain", onDisk: false },
  });
  for await (const { status: first } of client.stream("KeeperService/WatchStatus")) {
    expect(first).toMatchObject({ state: "STATE_SERVING" });
    break;
  }
  expect(await client.call("KeeperService/GetRecovery")).toMatchObject({ recordsRead: "0" });
});

test("a deadline ends a wait, and the block may still come", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  const late = client.call(
    "KeeperService/WaitForBlock",
    { lane: laneBytes, blockNumber: 0 },
    { deadlineMs: 50 },
  );
  await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  await client.call("KeeperService/PushBlock", { fence, block: block(0n) });
});
