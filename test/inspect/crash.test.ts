/** A mere crash leaves no error, and inspection foretells what the next open finds. */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { ROAD } from "../../src/persist/kinds.js";
import { PersisterError } from "../../src/types/errors.js";
import { drained, Explorer } from "../crash/history/explorer.js";
import { initOn, openOn } from "../crash/history/session.js";
import { workloads } from "../crash/history/workloads.js";
import { fingerprints } from "../node/kit.js";
import { inspected } from "./kit.js";
import { IS_SHORT } from "../scale.js";

const SEED = 11;
/** Every so many steps of a workload are crashed, with so many power cuts each; the disks that come of it, at least. */
const [STEP, STATES_MIN] = IS_SHORT ? [61, 3] : [13, 30];
const POWER_CUTS = 4;

test.each(Object.entries(workloads))(
  "%s: inspection foretells what open finds",
  async (_, { workload: work }) => {
    const disk = new SimulatedDisk();
    await initOn(disk, SEED);
    const explorer = new Explorer(SEED);
    const { steps } = (await explorer.run(disk.kill(), work)).disk;
    let states = 0;
    for (let step = 1; step <= steps; step += STEP) {
      const stopped = await explorer.run(disk.kill(), work, step);
      for (const { disk: left, label } of explorer.crashes(stopped, POWER_CUTS)) {
        states += 1;
        const before = fingerprints(left);
        const { errors, findings, summary } = await inspected(left);
        expect(fingerprints(left), label).toEqual(before);
        expect(errors, label).toEqual([]);
        expect(summary.verdict, label).toEqual({ opens: true });
        const { lanes, road, pins, anchor } = (await openOn(left, 1_000 + states)).recovery;
        const found = summary.logs.filter(({ name }) => name !== ROAD);
        expect(new Map(found.map(({ name, first, next }) => [name, { first, next }]))).toEqual(
          lanes,
        );
        for (const { first, next, records } of found) expect(BigInt(records)).toBe(next - first);
        const foundRoad = summary.logs.find(({ name }) => name === ROAD) ?? { first: 0n, next: 0n };
        // Open writes the anchor's own QC where it is missing.
        const isWritten = foundRoad.first === foundRoad.next && road.next === road.first + 1n;
        expect([foundRoad.first, foundRoad.next + (isWritten ? 1n : 0n)]).toEqual([
          road.first,
          road.next,
        ]);
        expect(summary.pins.map(({ name, number }) => `${name} ${number}`).sort()).toEqual(
          pins.map(({ lane, number }) => `${lane} ${number}`).sort(),
        );
        // Each of them is a warning that says what may be signed, and how it ends.
        const pinned = findings.filter((each) => each.class === "PINNED");
        expect(pinned.map(({ lane, number }) => `${lane} ${number}`)).toEqual(
          summary.pins.map(({ name, number }) => `${name} ${number}`),
        );
        for (const { severity, message } of pinned) {
          expect(severity).toBe("warning");
          expect(message).toMatch(/only the block with header [0-9a-f]{64} may be signed.*release/);
        }
        expect(summary.anchor?.roadIndex).toBe(anchor?.commitQC.vote.view.index);
      }
    }
    expect(states).toBeGreaterThan(STATES_MIN);
  },
);

test("what a crash of init leaves is a store, or none; nothing else is said of it", async () => {
  const whole = new SimulatedDisk();
  await initOn(whole, SEED);
  const verdicts = new Set<string>();
  for (let step = 1; step <= whole.steps + 1; step += 2) {
    const disk = new SimulatedDisk();
    disk.crashAt(step);
    await Promise.race([initOn(disk, SEED), disk.stopped]);
    await drained();
    for (const left of [disk.kill(), ...disk.powerCuts(SEED, 4)]) {
      const { errors, summary } = await inspected(left);
      const refusal = await openOn(left, 1).then(
        () => undefined,
        (cause: unknown) => (cause instanceof PersisterError ? cause.code : String(cause)),
      );
      expect(summary.verdict.opens ? undefined : summary.verdict.class).toBe(refusal);
      expect(errors.map((each) => each.class)).toEqual(refusal === undefined ? [] : [refusal]);
      verdicts.add(refusal ?? "opens");
    }
  }
  expect([...verdicts].sort()).toEqual(["NOT_A_STORE", "opens"]);
});
