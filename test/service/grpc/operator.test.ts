/** The decisions of an operator: on record with author and reason, and in effect behind that. */
import { status } from "@grpc/grpc-js";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { serviceLog } from "../../../src/service/config/log.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";
import { callRefusal, running, temporaryFolder } from "../running.js";

const chain = new TestChain(2);
const reason = { who: "ada", why: "the old epoch is over" };

test("a decision without author or reason is refused, and nothing is on record", async () => {
  const { client } = await running(chain);
  for (const wrong of [undefined, { who: "", why: "x" }, { who: "ada", why: " " }]) {
    const drop = client.call("OperatorService/DropLanesExcept", { reason: wrong, dropAll: true });
    expect(await callRefusal(drop)).toMatchObject({ status: status.INVALID_ARGUMENT });
  }
  expect(await client.call("OperatorService/ListDecisions")).toEqual({ decisions: [] });
});

test("lanes are dropped, the level of the log is set, and both are on record", async () => {
  const lines: string[] = [];
  const log = serviceLog("info", { write: (line) => void lines.push(line) });
  const { client } = await running(chain, { log });
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  for (const index of [0, 1]) {
    const { bytes } = chain.block(laneAt(chain, index), 0n);
    await client.call("KeeperService/PushBlock", { fence, block: bytes });
  }
  const keep = [Buffer.from(laneAt(chain, 0), "hex")];
  await client.call("OperatorService/DropLanesExcept", { reason, keep });
  expect(await client.call("OperatorService/SetLogLevel", { reason, level: "error" })).toEqual({
    previous: "info",
  });
  expect(log.level).toBe("error");
  const { decisions } = await client.call("OperatorService/ListDecisions");
  expect(decisions).toMatchObject([
    { action: "DropLanesExcept", reason: { who: "local: ada", why: reason.why } },
    { action: "SetLogLevel", about: "error" },
  ]);
  const { status: told } = (await client.call("KeeperService/GetStatus")) as {
    status: { store: { lanes: unknown[] } };
  };
  expect(told.store.lanes).toHaveLength(1);
  expect(lines.filter((line) => line.includes('"decision"'))).toHaveLength(2);
});

test("a verification of a running store: progress or findings, and then the result", async () => {
  const directory = join(await temporaryFolder(), "store");
  await Lanekeeper.init(directory, { chainId: CHAIN_ID });
  const { client } = await running(chain, {
    directory,
    open: async () =>
      await Lanekeeper.open(directory, { chainId: CHAIN_ID, epochOf: chain.epochOf }),
  });
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "w" });
  await client.call("KeeperService/PushBlock", {
    fence,
    block: chain.block(laneAt(chain, 0), 0n).bytes,
  });
  const answers = [];
  for await (const answer of client.stream("OperatorService/Verify")) answers.push(answer);
  expect(answers.at(-1)).toMatchObject({ result: { sound: true, errors: "0" } });
});

test("a drain by an operator's word is told to whoever runs the service", async () => {
  const { service, client } = await running(chain);
  await client.call("OperatorService/Drain", { reason });
  await service.draining;
  const { epochs } = (await client.call("OperatorService/ListEpochs")) as {
    epochs: { members: unknown[] }[];
  };
  expect(epochs[0]?.members).toHaveLength(2);
});
