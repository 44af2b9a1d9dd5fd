/** The stream of a writer, without a network between. */
import { expect, test } from "vitest";
import { ByteBudget } from "../../../../src/async/byte-budget.js";
import { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import { type PersistRequest, PersistResponseOutcome } from "../../../../src/rpc/api/keeper.js";
import { localCaller } from "../../../../src/service/access/caller.js";
import { Fence } from "../../../../src/service/fence.js";
import { persistAnswers } from "../../../../src/service/grpc/keeper/persist-stream.js";
import { CHAIN_ID, TestChain } from "../../../model/chain.js";
import { laneAt, turns } from "../../../node/kit.js";

const IN_FLIGHT = 64 * 1024;

/** A store in memory, and the stream of its writer; `end` is the end of the client. */
async function streamOf(chain: TestChain) {
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf });
  const fence = await Fence.open(keeper.notes.fences, () => 0);
  const grant = await fence.acquire({ writer: "w", takeOver: false, resumeFence: 0n });
  const inFlight = new ByteBudget(IN_FLIGHT);
  const open = () => ({ keeper, fence });
  const home = { open, status: () => ({}), inFlight, refused: () => undefined };
  const over = new AbortController();
  const call = { signal: over.signal, caller: localCaller };
  async function* opening(): AsyncGenerator<PersistRequest> {
    yield { message: { case: "opening", value: { fence: grant.fence } } };
  }
  const answersTo = (items: () => AsyncGenerator<PersistRequest>) => {
    async function* requests(): AsyncGenerator<PersistRequest> {
      yield* opening();
      yield* items();
    }
    return persistAnswers(requests(), call, home);
  };
  return { keeper, inFlight, over, answersTo };
}

function blockItems(blocks: readonly Uint8Array[]): PersistRequest {
  const items = blocks.map((value, id) => ({
    id: BigInt(id),
    item: { case: "block", value } as const,
  }));
  return { message: { case: "items", value: { items } } };
}

test("a client that sends, does not read and goes away leaves no bytes under way", async () => {
  const { keeper, inFlight, over, answersTo } = await streamOf(new TestChain(1));
  let sent = 0;
  const answers = answersTo(async function* () {
    const rubbish = Array.from({ length: 16 }, () => Buffer.alloc(64, 0xff));
    for (; ; sent++) yield blockItems(rubbish);
  });
  await answers.next();
  await answers.next();
  for (let before = -1; before < sent; await turns(200)) before = sent;
  over.abort(new Error("the call is over"));
  await answers.return(undefined);
  await turns(10);
  expect(inFlight.tryTake(IN_FLIGHT)).toBe(true);
  await keeper.close();
});

test("blocks that are written at once are admitted and durable by one answer", async () => {
  const chain = new TestChain(3);
  const { keeper, answersTo } = await streamOf(chain);
  for (const lane of chain.lanes) {
    await keeper.pushBlock(chain.block(lane, 0n).bytes);
    await keeper.waitForBlock(lane, 0n);
  }
  const blocks = chain.lanes.map((lane) => chain.block(lane, 1n).bytes);
  const answers = answersTo(async function* () {
    yield blockItems(blocks);
  });
  await answers.next();
  const ADMITTED = { outcome: PersistResponseOutcome.ADMITTED };
  expect(await answers.next()).toMatchObject({
    value: {
      verdicts: [ADMITTED, ADMITTED, ADMITTED],
      cursors: { lanes: [{ durableNext: 2n }, { durableNext: 2n }, { durableNext: 2n }] },
    },
  });
  expect(await answers.next()).toEqual({ done: true, value: undefined });
  await keeper.close();
});

test("a small block does not keep the memory of its message", async () => {
  const chain = new TestChain(2);
  const { keeper, answersTo } = await streamOf(chain);
  const lane = laneAt(chain, 0);
  const { bytes } = chain.block(lane, 0n);
  const message = new Uint8Array(4 * bytes.length);
  message.set(bytes);
  const answers = answersTo(async function* () {
    yield blockItems([message.subarray(0, bytes.length)]);
    // The memory is another's by now.
    message.fill(0);
  });
  for await (const _ of answers);
  expect(await keeper.readBlock(lane, 0n)).toEqual(bytes);
  await keeper.close();
});
