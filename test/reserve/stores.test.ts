/** Two stores of one validator, and the record that both reach: which one may sign where. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { Place } from "../../src/persist/guards/may-sign.js";
import type { Words } from "../../src/reserve/run.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { encodeRestored } from "../../src/journal/form/restored.js";
import { laneParts } from "../../src/types/lane.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { PLACES } from "./machines.js";
import { ModelRegister } from "./model-register.js";
import { born, laneAt, pushBlocks, refusal } from "../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../node/surroundings.js";

const chain = new TestChain(2);
const own = laneAt(chain, 0);
const other = laneAt(chain, 1);
const vote = (roadIndex: bigint): Place => ({ kind: "vote", roadIndex });
const block = (number: bigint): Place => ({ kind: "block", lane: own, number });
const laneVote = (number: bigint): Place => {
  return { kind: "laneVote", lane: other, number, headerHash: chain.block(other, number).hash };
};

let seeds = 0;

async function machine(
  model: ModelRegister,
  disk: SimulatedDisk,
  choices: { readonly remote?: boolean; readonly words?: Words } = {},
): Promise<Lanekeeper> {
  const { remote, words } = choices;
  const openRegister = () => Promise.resolve(model.for("all", { isHeld: false }));
  seeds += 1;
  return await Lanekeeper.openOn(
    { ...simulatedSurroundings(disk, seeds), openRegister, ...(words ? { words } : {}) },
    DIRECTORY,
    {
      chainId: CHAIN_ID,
      segmentBytes: SEGMENT_BYTES,
      epochOf: chain.epochOf,
      reserve: { at: "model:", validator: laneParts(own).key, remote },
    },
  );
}

test("a store that reserves signs nothing before the record is made, and then what it reserved", async () => {
  await using keeper = await machine(new ModelRegister(), await born());
  expect(keeper.maySign(vote(0n))).toMatchObject({ may: false, code: "UNRESERVED" });
  await refusal(keeper.reserved(vote(0n)), "UNRESERVED");
  await keeper.takeReservations({ reason: "the first machine", first: true });
  for (const place of [vote(0n), block(0n)]) {
    await keeper.reserved(place);
    expect(keeper.maySign(place)).toEqual({ may: true });
  }
  expect(keeper.maySign(vote(1n + PLACES))).toMatchObject({ may: false, code: "UNRESERVED" });
  // An app vote is the same on each machine.
  expect(keeper.maySign({ kind: "appVote", roadIndex: 9n })).toEqual({ may: true });
  expect(keeper.status().reservations).toMatchObject({ state: "holding", failure: undefined });
});

test("a standby takes over from a machine that runs, and no place is both's", async () => {
  const model = new ModelRegister();
  await using first = await machine(model, await born());
  await first.takeReservations({ reason: "the first machine", first: true });
  await first.reserved(vote(0n));
  await using standby = await machine(model, await born());
  const heard: string[] = [];
  first.on("unreserved", ({ error }) => heard.push(error.message));
  expect(standby.maySign(vote(0n))).toMatchObject({ may: false, code: "UNRESERVED" });

  await standby.takeReservations({ reason: "a drill" });
  const bound = first.status().reservations!.places.get("road")!.next;
  // It leaves these roads out, and says from which one on it will sign.
  expect(standby.status().reservations!.places.get("road")).toEqual({ first: bound, next: bound });
  await standby.reserved(vote(bound));
  for (let road = 0n; road < bound + 5n; road++) {
    expect([first.maySign(vote(road)).may, standby.maySign(vote(road)).may]).toEqual([
      road < bound,
      road >= bound,
    ]);
  }
  await refusal(first.reserved(vote(bound)), "UNRESERVED");
  expect(first.status().reservations).toMatchObject({ state: "standing by" });
  expect(heard).toEqual([expect.stringContaining("a drill")]);
});

test("a machine that says that it is the first takes nothing from one that was there before", async () => {
  const model = new ModelRegister();
  await using first = await machine(model, await born());
  const why = { reason: "the first machine", first: true };
  await first.takeReservations(why);
  await first.takeReservations(why);
  await using other = await machine(model, await born());
  await refusal(other.takeReservations(why), "UNRESERVED");
  expect(other.status().reservations).toMatchObject({ state: "standing by" });
  await first.reserved(vote(0n));
  expect(first.status().reservations).toMatchObject({ state: "holding" });
});

test("lane votes follow what is durable, and each lane has a bound of its own", async () => {
  await using keeper = await machine(new ModelRegister(), await born());
  await keeper.takeReservations({ reason: "the first machine", first: true });
  await pushBlocks(keeper, chain, other, { to: 2n });
  await keeper.reserved(laneVote(0n));
  expect(keeper.maySign(laneVote(1n))).toEqual({ may: true });
  const { places } = keeper.status().reservations!;
  expect([...places.keys()]).toEqual([`votes/${other}`]);
});

test("a store comes back from a crash to its own places; the blocks of a machine that is gone come by its word", async () => {
  const model = new ModelRegister();
  const disk = await born();
  const first = await machine(model, disk);
  await first.takeReservations({ reason: "the first machine", first: true });
  await first.reserved(block(0n));
  await pushBlocks(first, chain, own, { to: 3n });
  const left = disk.kill();
  await using standby = await machine(model, await born());
  await standby.takeReservations({ reason: "the first machine crashed" });
  await pushBlocks(standby, chain, own, { to: 3n });
  expect(standby.maySign(block(3n))).toMatchObject({ may: false, code: "UNRESERVED" });
  // The store of the first machine knows that its blocks end at 3.
  await using back = await machine(model, left);
  expect(back.status().reservations).toMatchObject({ state: "standing by" });
  await standby.reserved(block(3n));
  expect(standby.maySign(block(3n))).toEqual({ may: true });
  expect(back.maySign(block(3n))).toMatchObject({ may: false, code: "UNRESERVED" });
});

test("R5 a block for which a store gave its word before its close is not given back by the next open", async () => {
  const model = new ModelRegister();
  const disk = await born();
  const first = await machine(model, disk);
  await first.takeReservations({ reason: "the first machine", first: true });
  await first.reserved(block(0n));
  expect(first.maySign(block(0n))).toEqual({ may: true });
  await using standby = await machine(model, await born());
  await standby.takeReservations({ reason: "the first machine is closed" });
  await first.close();
  await using again = await machine(model, disk);
  await refusal(standby.reserved(block(0n), { signal: AbortSignal.timeout(50) }), "ABORTED");
  // The validator signs it on the word of the closed store, and pushes it into this one.
  for (const keeper of [again, standby]) await pushBlocks(keeper, chain, own, { to: 1n });
  await standby.reserved(block(1n));
  expect(standby.maySign(block(1n))).toEqual({ may: true });
});

test.for([
  ["the validator was in it", false],
  ["the validator lives behind a service", true],
] as const)(
  "R5 a word for a block that was given before a crash ends with the validator's process: %s",
  async ([, remote]) => {
    const model = new ModelRegister();
    const disk = await born();
    const first = await machine(model, disk, { remote, words: new Map() });
    await first.takeReservations({ reason: "the first machine", first: true });
    await first.reserved(block(0n));
    expect(first.maySign(block(0n))).toEqual({ may: true });
    const left = disk.kill();
    await using standby = await machine(model, await born(), { remote });
    await standby.takeReservations({ reason: "the first machine crashed" });
    await using back = await machine(model, left, { remote, words: new Map() });
    expect(back.status().reservations).toMatchObject({ state: "standing by" });
    if (!remote) return await standby.reserved(block(0n));
    const signal = AbortSignal.timeout(50);
    await refusal(standby.reserved(block(0n), { signal }), "ABORTED");
    await standby.takeReservations({ reason: "its validator ended, too", ended: 0n });
    await standby.reserved(block(0n));
    expect(standby.maySign(block(0n))).toEqual({ may: true });
  },
);

test("a store that was restored is another machine than its earlier life, and begins above its bounds", async () => {
  const model = new ModelRegister();
  const disk = await born();
  const first = await machine(model, disk);
  await first.takeReservations({ reason: "the first machine", first: true });
  await first.reserved(vote(0n));
  const bound = first.status().reservations!.places.get("road")!.next;
  const copy = disk.kill();
  const reason = "backup of Monday";
  const record = encodeRestored({ guard: "none", reason, atMs: 1, claim: "12".repeat(16) });
  const file = await copy.create(`${DIRECTORY}/RESTORED`);
  await file.writeDurable(0, [record]);
  await file.close();
  await using restored = await machine(model, copy);
  expect(restored.status().reservations).toMatchObject({ state: "standing by" });
  await restored.takeReservations({ reason: "restored" });
  await restored.reserved(vote(bound));
  expect(restored.status().reservations!.places.get("road")!.first).toBe(bound);
  await first.close();
});

test("an open that fails over its reservations leaves nothing open; a store without them needs none", async () => {
  const disk = await born();
  const model = new ModelRegister();
  const lying = { ...model.for("all", { isHeld: false }), get: () => Promise.resolve(undefined) };
  const surroundings = { ...simulatedSurroundings(disk, 1), openRegister: async () => lying };
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
  const reserve = { at: "model:", validator: laneParts(own).key };
  await refusal(
    Lanekeeper.openOn(surroundings, DIRECTORY, { ...choices, reserve }),
    "BUCKET_UNSAFE",
  );
  await using plain = await Lanekeeper.openOn(surroundings, DIRECTORY, choices);
  await plain.reserved(vote(3n));
  expect(plain.maySign(vote(3n))).toEqual({ may: true });
  expect(plain.status().reservations).toBeUndefined();
  await refusal(plain.takeReservations({ reason: "none" }), "USAGE");
});
