/** The calls of a validator in another language that go on: durable blocks, QCs and cursors, events; its votes. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { LaneId } from "../../../src/types/lane.js";
import { encodePersistedInner, encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import { TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";
import type { ForeignClient } from "../foreign-client.js";
import { callRefusal, running } from "../running.js";

type Plain = Readonly<Record<string, unknown>>;

const chain = new TestChain(2);
const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];
const bytesOf = (id: string): Buffer => Buffer.from(id, "hex");

async function writer(client: ForeignClient): Promise<string> {
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "test" });
  return String(fence);
}

async function push(
  client: ForeignClient,
  fence: string,
  id: LaneId,
  number: bigint,
): Promise<void> {
  const { bytes } = chain.block(id, number);
  await client.call("KeeperService/PushBlock", {
    fence,
    block: bytes,
    durability: "DURABILITY_DURABLE",
  });
}

/** The first answers of a stream, until `isEnough`. */
async function taken(
  stream: AsyncGenerator<Plain>,
  isEnough: (answers: readonly Plain[]) => boolean,
): Promise<Plain[]> {
  const answers: Plain[] = [];
  for await (const answer of stream) {
    answers.push(answer);
    if (isEnough(answers)) break;
  }
  return answers;
}

test("durable blocks are offered once each, those of a lane in order, from where the reader asks", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  for (let number = 0n; number < 3n; number++) await push(client, fence, lane, number);
  const from = [{ lane: bytesOf(lane), blockNumber: 1 }];
  const stream = client.stream("KeeperService/DurableBlocks", { from });
  const offered = (answers: readonly Plain[]) => answers.flatMap(({ blocks }) => blocks as Plain[]);
  const first = await stream.next();
  expect(offered([first.value as Plain])).toMatchObject([{ blockNumber: "1" }]);
  await push(client, fence, other, 0n);
  await push(client, fence, lane, 3n);
  const rest = offered(await taken(stream, (answers) => offered(answers).length === 3));
  const places = rest.map(({ lane: id, blockNumber }) => {
    return `${Buffer.from(id as Uint8Array).toString("hex") === lane ? "lane" : "other"} ${String(blockNumber)}`;
  });
  expect(places).toEqual(["lane 2", "other 0", "lane 3"]);
  expect(Buffer.from(rest[0]?.["headerHash"] as Uint8Array)).toEqual(
    Buffer.from(chain.block(lane, 2n).hash),
  );
});

test("the marker stands between what was durable at the call and what came later", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  for (let number = 0n; number < 2n; number++) await push(client, fence, lane, number);
  const from = [{ lane: bytesOf(lane), blockNumber: 0 }];
  const stream = client.stream("KeeperService/DurableBlocks", { from });
  const words = ({ blocks, caughtUp }: Plain): string[] => {
    const numbers = (blocks as Plain[]).map(({ blockNumber }) => String(blockNumber));
    return caughtUp === true ? ["caught up"] : numbers;
  };
  const told = async (): Promise<string[]> => words((await stream.next()).value as Plain);
  expect([await told(), await told(), await told()]).toEqual([["0"], ["1"], ["caught up"]]);
  await push(client, fence, lane, 2n);
  expect(await told()).toEqual(["2"]);
  const qcs = client.stream("KeeperService/DurableCommitQcs", {});
  expect((await qcs.next()).value).toMatchObject({ caughtUp: true });
});

test("durable commit QCs come in order, byte for byte", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  for (let index = 0n; index < 3n; index++) {
    for (const id of [lane, other]) await push(client, fence, id, index);
    await client.call("KeeperService/PushCommitQc", { fence, commitQc: chain.qc(index).bytes });
  }
  const stream = client.stream("KeeperService/DurableCommitQcs", { from: 1 });
  const answers = await taken(stream, ({ length }) => length === 2);
  expect(answers.map(({ roadIndex }) => roadIndex)).toEqual(["1", "2"]);
  expect(Buffer.from(answers[1]?.["commitQc"] as Uint8Array)).toEqual(
    Buffer.from(chain.qc(2n).bytes),
  );
});

test("the first cursors are all of them, the next ones those that moved; a fence that is lost ends it", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  await push(client, fence, lane, 0n);
  await push(client, fence, other, 0n);
  const stream = client.stream("KeeperService/WatchDurable", { fence });
  const moved = async (): Promise<string[]> => {
    const { cursors } = (await stream.next()).value as { cursors: { lanes: Plain[] } };
    return cursors.lanes.map(({ durableNext }) => String(durableNext));
  };
  expect(await moved()).toEqual(["1", "1"]);
  await push(client, fence, other, 1n);
  expect(await moved()).toEqual(["2"]);
  const ended = callRefusal(stream.next());
  await client.call("KeeperService/AcquireWriter", { writer: "second", takeOver: true });
  expect(await ended).toMatchObject({ status: status.ABORTED, error: { code: "FENCED" } });
});

test("votes are durable when answered, and read back", async () => {
  const { client } = await running(chain);
  const fence = await writer(client);
  expect(await client.call("KeeperService/GetVoteState")).not.toHaveProperty("abstainThrough");
  const votes = encodePersistedInner({
    commitQC: chain.qc(3n).qc,
    prepareQC: undefined,
    timeoutQC: undefined,
    commitVote: undefined,
    prepareVote: undefined,
    timeoutVote: undefined,
  });
  await client.call("KeeperService/WriteVoteState", { fence, voteState: { votes, roadIndex: 4 } });
  const { votes: read } = await client.call("KeeperService/GetVoteState");
  expect(Buffer.from(read as Uint8Array).subarray(0, votes.length)).toEqual(Buffer.from(votes));
  const late = client.call("KeeperService/WriteVoteState", {
    fence: 99,
    voteState: { votes, roadIndex: 5 },
  });
  expect(await callRefusal(late)).toMatchObject({
    status: status.ABORTED,
    error: { code: "FENCED" },
  });
});

test("events have their facts, and the last one is the end of the store", async () => {
  const { client, service } = await running(chain);
  const fence = await writer(client);
  const stream = client.stream("KeeperService/WatchEvents");
  const first = stream.next();
  // The subscription is in place when its headers are here; a status that was asked for later is behind it.
  await client.call("KeeperService/GetStatus");
  for (const id of [lane, other]) await push(client, fence, id, 0n);
  const { bytes, anchor } = chain.qc(0n);
  await client.call("KeeperService/PushCommitQc", { fence, commitQc: bytes });
  await client.call("KeeperService/PushAnchor", { fence, anchor: encodePruneAnchor(anchor) });
  expect((await first).value).toMatchObject({ kind: "anchor", roadIndex: "0", missed: "0" });
  const rest = taken(stream, () => false);
  await service.close();
  expect((await rest).at(-1)).toMatchObject({ kind: "closed" });
});
