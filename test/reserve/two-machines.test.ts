/** The claim of `bounds.ts`, on drawn histories of two machines, and the judge's own teeth. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { campaignSize } from "../scale.js";
import {
  type Asked,
  type Command,
  lane,
  type Open,
  otherLane,
  TwoMachines,
} from "./two-machines.js";

const on = fc.integer({ min: 0, max: 1 });
const series = fc.constantFrom(
  "road" as const,
  `votes/${otherLane}` as const,
  `blocks/${lane}` as const,
);
const ask = fc.record({ do: fc.constant("ask" as const), on, series });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: ask },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("sign" as const), on }) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      at: fc.nat(3),
      fate: fc.constantFrom(...Array<"done">(8).fill("done"), "unanswered", "late", "lost"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("hear" as const, "wake"), on }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("take" as const), on }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("die" as const, "close"), on }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const), at: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance" as const), by: fc.nat(12) }) },
);
const history = fc.array(command, { minLength: 100, maxLength: 400, size: "max" });

/** Few places at a time bring bounds near; many leave much to give back. */
const places = fc.constantFrom(1n, 4n, 64n);

async function judged(open?: Open) {
  const signed = new Map<string, number>();
  const property = fc.asyncProperty(places, history, async (reserved, commands) => {
    const world = new TwoMachines(reserved, open);
    await world.run(commands);
    for (const at of world.signed) signed.set(at, (signed.get(at) ?? 0) + 1);
    expect(world.violations).toEqual([]);
  });
  const seed = Number(process.env["LANEKEEPER_SEED"] ?? 20);
  const numRuns = campaignSize(2_000, "LANEKEEPER_RUNS");
  const checked = await fc.check(property, { seed, numRuns, endOnFailure: true });
  return { ...checked, signed };
}

test("R1 two machines never sign two messages for one place, whatever is lost, late, paused or killed", async () => {
  const { failed, signed, counterexample, errorInstance, numRuns } = await judged();
  expect(failed, `${JSON.stringify(counterexample)} ${String(errorInstance)}`).toBe(false);
  // The histories do sign, on both machines, in each series.
  expect(signed.size).toBe(6);
  for (const [at, times] of signed) expect(times, at).toBeGreaterThan(numRuns / 10);
});

/** The places that are signed twice in a history, told part by part. */
async function violations(parts: readonly (readonly Command[])[]): Promise<readonly string[]> {
  const world = new TwoMachines(64n);
  await world.run(parts.flat());
  return world.violations;
}

const done = (at = 0): Command => ({ do: "settle", at, fate: "done" });
const of = (action: "take" | "close" | "sign" | "wake" | "die", on: number): Command => {
  return { do: action, on };
};
const asks = (on: number): Command => ({ do: "ask", on, series: `blocks/${lane}` });

test("R1 a block for which a store gave its word before it was closed is not given back by the next one", async () => {
  expect(
    await violations([
      [asks(0), done(), of("take", 1), done()],
      // Machine a gets a word, and closes its store without having used it. The next store stands by.
      [asks(0), of("close", 0), asks(1), done(3), done(), done(), done()],
      [of("wake", 1), done(), done(1), done(), done(), asks(1)],
      [of("sign", 0), of("sign", 1), done()],
    ]),
  ).toEqual([]);
});

test("R1 a lease by time alone signs twice, and the judge finds it", async () => {
  let holder: string | undefined;
  let untilMs = 0;
  const { failed } = await judged((machine, world) => {
    const isMine = (): boolean => holder === machine.name && world.nowMs < untilMs;
    const take = (): Promise<void> => {
      if (world.nowMs >= untilMs || holder === machine.name) {
        holder = machine.name;
        untilMs = world.nowMs + 1_000;
      }
      return Promise.resolve();
    };
    const lease: Asked = {
      placesOf: () => ({ first: 0n, next: isMine() ? 1_000_000n : 0n }),
      give: () => void take(),
      reserved: take,
      take,
      close: () => Promise.resolve(),
    };
    return Promise.resolve(lease);
  });
  expect(failed).toBe(true);
});
