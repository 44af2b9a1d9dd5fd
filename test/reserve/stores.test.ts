/** Two stores of one validator, and the record that both reach: which one may sign where. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { Place } from "../../src/persist/guards/may-sign.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { encodeRestored } from "../../src/persist/guards/restored.js";
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

async function machine(model: ModelRegister, disk: SimulatedDisk): Promise<Lanekeeper> {
  const openRegister = () => Promise.resolve(model.for("all", { isHeld: false }));
  seeds += 1;
  return await Lanekeeper.openOn(
    { ...simulatedSurroundings(disk, seeds), openRegister },
    DIRECTORY,
    {
      chainId: CHAIN_ID,
      segmentBytes: SEGMENT_BYTES,
      epochOf: chain.epochOf,
      reserve: { at: "model:", validator: laneParts(own).key },
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
