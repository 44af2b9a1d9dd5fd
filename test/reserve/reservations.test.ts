import { describe, expect, test } from "vitest";
import type { Register } from "../../src/reserve/chain.js";
import { recordName } from "../../src/reserve/record.js";
import { PersisterError } from "../../src/types/errors.js";
import { homes } from "../archive/bucket/homes.js";
import {
  PLACES,
  begin,
  blocks,
  lane,
  machineOn,
  otherLane,
  takeOver,
  validator,
  votes,
} from "./machines.js";
import { ModelRegister } from "./model-register.js";

const model = (): Register => new ModelRegister().for("all", { isHeld: false });

describe.for(homes)("reservations in %s", ([, make]) => {
  test("R2 one machine reserves ahead of need, and the one that takes over begins above its bounds", async () => {
    const home = await make();
    const a = await machineOn(home.bucket, "a");
    await begin(a);
    await a.reservations.reserved("road", 10n);
    expect(a.reservations.placesOf("road")).toEqual({ first: 0n, next: 11n + PLACES });
    a.reservations.give("road", 10n + PLACES / 2n);
    await a.reservations.reserved("road", 11n + PLACES);

    const { next } = a.reservations.placesOf("road");
    const b = await machineOn(home.bucket, "b");
    expect(b.reservations.status).toMatchObject({ state: "standing by", holder: "a" });
    await expect(b.reservations.reserved("road", next)).rejects.toMatchObject({
      code: "UNRESERVED",
    });
    await takeOver(b);
    await b.reservations.reserved("road", next);
    expect(b.reservations.placesOf("road").first).toBe(next);
    // The first machine goes on to its bound, and no further.
    a.reservations.give("road", next - 1n);
    await expect(a.reservations.reserved("road", next)).rejects.toMatchObject({
      code: "UNRESERVED",
    });
    expect(a.reservations.placesOf("road").next).toBe(next);
    expect(a.told.map(({ message }) => message)).toEqual([
      expect.stringContaining("machine b reserves"),
    ]);
    await b.reservations.close();
    await home.end();
  });

  test("R3 of machines that take over at once each has places of its own", async () => {
    const home = await make();
    const names = ["a", "b", "c", "d"];
    const machines = await Promise.all(names.map((name) => machineOn(home.bucket, name)));
    await begin(machines[0]!);
    await machines[0]!.reservations.reserved("road", 0n);
    await Promise.all(machines.map((machine) => takeOver(machine)));
    const asked = machines.map(({ reservations }) => reservations.reserved("road", 1_000n));
    await Promise.allSettled(asked);
    const reaches = machines
      .map(({ reservations }) => reservations.placesOf("road"))
      .filter(({ first, next }) => first < next)
      .sort((one, other) => Number(one.first - other.first));
    for (const [at, { first }] of reaches.entries()) {
      expect(first).toBeGreaterThanOrEqual(reaches[at - 1]?.next ?? 0n);
    }
    await home.end();
  });
});

describe("a machine", () => {
  test("R6 signs nothing without a record, and none is made but by an operator's word", async () => {
    const a = await machineOn(model(), "a");
    expect(a.reservations.status).toMatchObject({
      state: "opening",
      failure: { code: "UNRESERVED" },
    });
    await expect(a.reservations.reserved("road", 0n)).rejects.toThrow(/there are no reservations/);
    await expect(takeOver(a)).rejects.toThrow(/there are no reservations/);
    await begin(a);
    await a.reservations.reserved("road", 0n);
  });

  test("that closes gives back what it did not sign, and a successor begins right there", async () => {
    const register = model();
    const a = await machineOn(register, "a");
    await begin(a);
    await a.reservations.reserved("road", 5n);
    a.reservations.give("road", 5n);
    await a.reservations.close();
    expect(() => a.reservations.give("road", 6n)).toThrow(/only a place of this machine/);
    const b = await machineOn(register, "b");
    await takeOver(b);
    await b.reservations.reserved("road", 6n);
    expect(b.reservations.placesOf("road").first).toBe(6n);
  });

  test("R5 that crashed goes on where it was, and gives back nothing that its earlier run may have signed", async () => {
    const register = model();
    const crashed = await machineOn(register, "a");
    await begin(crashed);
    await crashed.reservations.reserved("road", 5n);
    const { next } = crashed.reservations.placesOf("road");
    const a = await machineOn(register, "a");
    expect(a.reservations.placesOf("road")).toEqual({ first: 0n, next });
    await a.reservations.close();
    const b = await machineOn(register, "b");
    await takeOver(b);
    await b.reservations.reserved("road", next);
    expect(b.reservations.placesOf("road").first).toBe(next);
  });

  test("R5 that has only read a record gives nothing back of it", async () => {
    const world = new ModelRegister();
    const register = world.for("all", { isHeld: false });
    const crashed = await machineOn(register, "a");
    await begin(crashed);
    await crashed.reservations.reserved("road", 5n);
    const { next } = crashed.reservations.placesOf("road");
    const cut = { ...register, putIfMatch: world.for("cut").putIfMatch };
    const opening = machineOn(cut, "a");
    while (world.calls.length === 0) await new Promise(setImmediate);
    world.calls.shift()?.settle("lost");
    const a = await opening;
    cut.putIfMatch = register.putIfMatch;
    expect(a.reservations.placesOf("road")).toEqual({ first: 0n, next: 0n });
    await a.reservations.close();
    const b = await machineOn(register, "b");
    await takeOver(b);
    await b.reservations.reserved("road", next);
    expect(b.reservations.placesOf("road").first).toBe(next);
  });

  test("R4 that cannot reach the register signs up to its bounds, says so once, and goes on when it can", async () => {
    const register = { ...model() };
    const { get } = register;
    const a = await machineOn(register, "a");
    await begin(a);
    await a.reservations.reserved(votes, 0n);
    const { next } = a.reservations.placesOf(votes);
    let asked = 0;
    register.get = () => {
      asked += 1;
      return get("not/there/at/all").then(() => Promise.reject(failed()));
    };
    const waiting = a.reservations.reserved(votes, next);
    while (asked < 4) await new Promise(setImmediate);
    a.reservations.give(votes, next - 1n);
    expect(a.reservations.placesOf(votes).next).toBe(next);
    expect(a.reservations.status).toMatchObject({
      state: "holding",
      failure: { code: "BUCKET_FAILED" },
    });
    expect(a.told).toHaveLength(1);
    register.get = get;
    await waiting;
    expect(a.reservations.status.failure).toBeUndefined();
    expect(a.reservations.placesOf(votes).next).toBeGreaterThan(next);
  });

  test("R4 whose put was done without an answer puts it again, and may sign then", async () => {
    const world = new ModelRegister();
    const register = { ...world.for("all", { isHeld: false }) };
    const { get, putIfMatch } = register;
    const a = await machineOn(register, "a");
    await begin(a);
    let isAnswered = false;
    register.putIfMatch = async (...put) => {
      const result = await putIfMatch(...put);
      if (isAnswered) return result;
      isAnswered = true;
      throw failed();
    };
    const off = new AbortController();
    let looks = 0;
    register.get = async (name) => {
      looks += 1;
      if (looks > 50) off.abort();
      return await get(name);
    };
    await a.reservations.reserved("road", 0n, { signal: off.signal });
    expect(a.reservations.placesOf("road").next).toBe(1n + PLACES);
  });

  test("R5 that finds another process with a copy of its store in the record is over", async () => {
    const register = model();
    const first = await machineOn(register, "a");
    await begin(first);
    await first.reservations.reserved("road", 0n);
    // A restart from a crash looks the same: the later run is the machine.
    const copy = await machineOn(register, "a");
    const { next } = copy.reservations.placesOf("road");
    await expect(first.reservations.reserved("road", next)).rejects.toThrow(/a copy of this store/);
    expect(first.reservations.placesOf("road")).toEqual({ first: 0n, next: 0n });
    await expect(takeOver(first)).rejects.toThrow(/a copy of this store/);
    await first.reservations.close();
    await copy.reservations.reserved("road", next);
    expect(copy.reservations.placesOf("road").first).toBe(0n);
    expect(first.told).toHaveLength(1);
  });

  test("R6 makes no new record in the place of one that is gone", async () => {
    const world = new ModelRegister();
    const a = await machineOn(world.for("all", { isHeld: false }), "a");
    await begin(a);
    world.objects.delete(recordName("a-chain", validator));
    await expect(a.reservations.reserved("road", 0n)).rejects.toThrow(/are gone/);
    await expect(begin(a)).rejects.toThrow(/are gone/);
    expect(world.objects.has(recordName("a-chain", validator))).toBe(false);
  });

  test("R6 refuses a register that lets two win, and a record of another validator", async () => {
    const world = new ModelRegister();
    const honest = world.for("all", { isHeld: false });
    const lying: Register = {
      ...honest,
      putIfMatch: async (name, bytes) => {
        const tag = world.objects.get(name)?.tag ?? "";
        return await honest.putIfMatch(name, bytes, tag);
      },
    };
    await expect(machineOn(lying, "a")).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
    const other = new Uint8Array(32).fill(8);
    await begin(await machineOn(honest, "a", { validator: other }));
    const found = world.objects.get(recordName("a-chain", other));
    world.objects.set(recordName("a-chain", validator), found!);
    await expect(machineOn(honest, "a")).rejects.toMatchObject({ code: "RESERVATIONS_UNREADABLE" });
  });
});

describe("R7 blocks have no holes: the own lane", () => {
  const afterTakeOver = async (ended?: bigint) => {
    const register = model();
    const a = await machineOn(register, "a");
    await begin(a);
    await a.reservations.reserved(blocks, 0n);
    for (const number of [0n, 1n, 2n]) a.reservations.give(blocks, number);
    a.blocks = 3n;
    const b = await machineOn(register, "b", { blocks: 2n });
    await takeOver(b, ended);
    return { register, a, b };
  };

  test("stays with the machine that reserved it, and goes to one that holds all blocks up to its bound", async () => {
    const { a, b } = await afterTakeOver();
    const { next } = a.reservations.placesOf(blocks);
    const waiting = b.reservations.reserved(blocks, 2n, { signal: AbortSignal.timeout(50) });
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    a.reservations.give(blocks, next - 1n);
    b.blocks = next;
    await b.reservations.reserved(blocks, next);
    expect(b.reservations.placesOf(blocks).first).toBe(next);
  });

  test("is given back by a machine that learns that another one took over", async () => {
    const { a, b } = await afterTakeOver();
    await expect(a.reservations.reserved("road", 500n)).rejects.toMatchObject({
      code: "UNRESERVED",
    });
    await a.reservations.close();
    expect(a.reservations.placesOf(blocks).next).toBe(0n);
    b.blocks = 3n;
    await b.reservations.reserved(blocks, 3n);
    expect(b.reservations.placesOf(blocks).first).toBe(3n);
  });

  test("is given back by a machine that comes back from a crash, as far as its store says", async () => {
    const { register, b } = await afterTakeOver();
    const a = await machineOn(register, "a", { blocks: 3n });
    expect(a.reservations.status).toMatchObject({ state: "standing by", holder: "b" });
    b.blocks = 3n;
    await b.reservations.reserved(blocks, 3n);
    expect(b.reservations.placesOf(blocks).first).toBe(3n);
  });

  test("goes on by an operator's word about a machine that never comes back", async () => {
    const { b } = await afterTakeOver(3n);
    b.blocks = 3n;
    await b.reservations.reserved(blocks, 3n);
    expect(b.reservations.placesOf(blocks).first).toBe(3n);
    expect(b.reservations.status.series.has(`votes/${otherLane}`)).toBe(false);
    expect(b.reservations.status.series.get(`blocks/${lane}`)?.first).toBe(3n);
  });
});

function failed(): Error {
  return new PersisterError("BUCKET_FAILED", "the register is away");
}
