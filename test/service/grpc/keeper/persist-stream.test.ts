/** The bounds of a writer's stream, without a network between. */
import { expect, test } from "vitest";
import { ByteBudget } from "../../../../src/async/byte-budget.js";
import { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import type { PersistRequest } from "../../../../src/rpc/api/keeper.js";
import { localCaller } from "../../../../src/service/access/caller.js";
import { Fence } from "../../../../src/service/fence.js";
import { persistAnswers } from "../../../../src/service/grpc/keeper/persist-stream.js";
import { CHAIN_ID, TestChain } from "../../../model/chain.js";
import { turns } from "../../../node/kit.js";

const IN_FLIGHT = 64 * 1024;

test("a client that sends, does not read and goes away leaves no bytes under way", async () => {
  const { epochOf } = new TestChain(1);
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  const fence = await Fence.open(keeper.notes.fences, () => 0);
  const grant = await fence.acquire({ writer: "w", takeOver: false, resumeFence: 0n });
  const inFlight = new ByteBudget(IN_FLIGHT);
  const open = () => ({ keeper, fence });
  const home = { open, status: () => ({}), inFlight, refused: () => undefined };
  const over = new AbortController();
  let sent = 0;
  async function* requests(): AsyncGenerator<PersistRequest> {
    yield { message: { case: "opening", value: { fence: grant.fence } } };
    const item = { case: "block", value: Buffer.alloc(64, 0xff) } as const;
    for (; ; sent++) {
      const items = Array.from({ length: 16 }, (_, id) => ({ id: BigInt(id), item }));
      yield { message: { case: "items", value: { items } } };
    }
  }
  const answers = persistAnswers(requests(), { signal: over.signal, caller: localCaller }, home);
  await answers.next();
  await answers.next();
  for (let before = -1; before < sent; await turns(200)) before = sent;
  over.abort(new Error("the call is over"));
  await answers.return(undefined);
  await turns(10);
  expect(inFlight.tryTake(IN_FLIGHT)).toBe(true);
  await keeper.close();
});
