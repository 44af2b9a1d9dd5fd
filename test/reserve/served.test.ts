/** Two services of one validator, and the record that both reach, as their validators see it. */
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { LanekeeperClient } from "../../src/client/client.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { Place } from "../../src/persist/guards/may-sign.js";
import { laneParts } from "../../src/types/lane.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { laneAt, refusal } from "../node/kit.js";
import { call } from "../cli/program-kit.js";
import { type Running, running, temporaryFolder } from "../service/running.js";

const chain = new TestChain(2);
const own = laneAt(chain, 0);
const vote = (roadIndex: bigint): Place => ({ kind: "vote", roadIndex });

async function served(folder: string): Promise<Running & { readonly keeper: LanekeeperClient }> {
  const at = pathToFileURL(folder).href;
  const reserve = { at, validator: laneParts(own).key, remote: true };
  const { epochOf } = chain;
  const one = await running(chain, {
    open: async () => await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf, reserve }),
  });
  const keeper = await LanekeeperClient.connect(`unix:${one.socket}`, { writer: "validator" });
  onTestFinished(() => keeper.close());
  return { ...one, keeper };
}

test("R10 a validator behind a service reserves, and one behind another service takes over", async () => {
  const folder = await temporaryFolder();
  const [first, standby] = [await served(folder), await served(folder)];
  expect(await first.keeper.maySign(vote(0n))).toMatchObject({ may: false, code: "UNRESERVED" });
  await refusal(first.keeper.reserved(vote(0n)), "UNRESERVED");
  await first.keeper.takeReservations({ reason: "the first machine", first: true });
  await first.keeper.reserved(vote(0n));
  expect(await first.keeper.maySign(vote(0n))).toEqual({ may: true });

  const unreserved = new Promise((resolve) => first.keeper.on("unreserved", resolve));
  await standby.keeper.takeReservations({ reason: "a drill" });
  const { store } = first.service;
  const state = store();
  if (state.kind !== "open") throw new Error("the store is open");
  const bound = state.keeper.status().reservations?.places.get("road")?.next ?? 0n;
  await standby.keeper.reserved(vote(bound));
  expect(await standby.keeper.maySign(vote(bound))).toEqual({ may: true });
  expect(await standby.keeper.maySign(vote(bound - 1n))).toMatchObject({ code: "UNRESERVED" });
  expect(await first.keeper.maySign(vote(bound - 1n))).toEqual({ may: true });
  await refusal(first.keeper.reserved(vote(bound)), "UNRESERVED");
  expect(await unreserved).toMatchObject({ error: { code: "UNRESERVED" } });
  const { decisions } = await standby.client.call("OperatorService/ListDecisions");
  expect(decisions).toMatchObject([
    { action: "TakeReservations", about: "reservations: {}", reason: { why: "a drill" } },
  ]);
});

test("R10 an operator takes over by a command, and status and metrics tell of it", async () => {
  const folder = await temporaryFolder();
  const { keeper, service, socket } = await served(folder);
  const take = ["reservations", "take", `unix:${socket}`, "--reason", "the first machine"];
  expect(await call(...take, "--first")).toMatchObject({ code: 2 });
  const rehearsed = await call(...take, "--first", "--dry-run");
  expect(rehearsed).toMatchObject({ code: 0, stdout: "this machine would reserve\n" });
  expect(await call(...take, "--yes")).toMatchObject({ code: 87 });
  expect(await call(...take, "--first", "--yes")).toMatchObject({ code: 0 });
  await keeper.reserved(vote(0n));
  const { stdout } = await call("status", `unix:${socket}`);
  expect(stdout).toMatch(/^reservations +holding, at .*\n +road: may sign \[0, 65\)$/m);
  const scrape = await service.meters.text(service);
  expect(scrape).toMatch(/^lanekeeper_reservations_state\{state="holding"\} 1$/m);
  expect(scrape).toMatch(/^lanekeeper_reservations_state\{state="standing_by"\} 0$/m);
  expect(scrape).toMatch(/^lanekeeper_reservations_failing 0$/m);
  expect(scrape).toMatch(/^lanekeeper_reservations_road_next_index 65$/m);
  expect(scrape).toMatch(/^lanekeeper_reservations_puts_total [1-9]/m);
});

test("R10 a service without reservations puts no take-over on record, and every place is its own", async () => {
  const { client, socket } = await running(chain);
  await using keeper = await LanekeeperClient.connect(`unix:${socket}`, { writer: "validator" });
  await keeper.reserved(vote(3n));
  await refusal(keeper.takeReservations({ reason: "none" }), "USAGE");
  expect(await client.call("OperatorService/ListDecisions")).toEqual({ decisions: [] });
  expect(keeper.status().reservations).toBeUndefined();
});
