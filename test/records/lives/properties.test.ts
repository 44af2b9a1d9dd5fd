/**
 * Any history of a journal, crashed at any of its steps and lived on, again and again. Every durable record
 * is there, every record that is there was appended, batches are whole, and a record that was lost never
 * comes back under the LSN of another.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Fault, SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { type ErrorCode, PersisterError } from "../../../src/types/errors.js";
import { born, opened } from "../kit.js";
import { faultsOf, Life, type Promised, promisedBy } from "./life.js";
import { campaignSize } from "../../scale.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_263);
const RUNS = campaignSize(150, "LANEKEEPER_RUNS");

type Operation =
  | { readonly do: "append" | "reopen" }
  | { readonly do: "batch"; readonly count: number }
  | { readonly do: "forget"; readonly back: number }
  | { readonly do: "burst"; readonly counts: readonly number[] };

/** A life and its end: the step at which its disk stops, and the choice among the disks that this may leave. */
interface Fate {
  readonly operations: readonly Operation[];
  readonly stopAt: number;
  readonly cut: number;
  /** A write that fails on the way there, once or from then on. */
  readonly fault: Fault | undefined;
  /** Bytes that are free on the disk; `undefined` is no bound. */
  readonly roomBytes: number | undefined;
  readonly sizes: readonly number[];
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constantFrom<Operation>({ do: "append" }, { do: "reopen" }),
  fc.record({ do: fc.constant("batch" as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant("forget" as const), back: fc.nat({ max: 6 }) }),
  fc.record({
    do: fc.constant("burst" as const),
    counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 6 }),
  }),
);
const fate: fc.Arbitrary<Fate> = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 12 }),
  stopAt: fc.integer({ min: 1, max: 150 }),
  cut: fc.nat({ max: 9 }),
  fault: fc.option(
    fc.record({
      operation: fc.constant("write" as const),
      nth: fc.integer({ min: 1, max: 40 }),
      mode: fc.constantFrom("once" as const, "from-then-on" as const),
      effect: fc.constantFrom("nothing" as const, "visible-not-durable" as const, "torn" as const),
      error: fc.constantFrom("EIO" as const, "ENOSPC" as const),
    }),
    { nil: undefined, freq: 3 },
  ),
  roomBytes: fc.option(fc.constantFrom(0, 30_000, 60_000), { nil: undefined, freq: 3 }),
  // Nine of the largest fit one segment.
  sizes: fc.array(fc.nat({ max: 1200 }), { minLength: 1, maxLength: 7 }),
});

async function act(life: Life, each: Operation): Promise<void> {
  switch (each.do) {
    case "append":
      return await life.append();
    case "batch":
      return await life.batch(each.count);
    case "forget":
      return await life.forget(BigInt(each.back));
    case "reopen":
      await life.close();
      return await life.open();
    case "burst":
      await Promise.all(
        each.counts.map((count) => (count === 1 ? life.append() : life.batch(count))),
      );
  }
}

/** Lives until an operation is refused. Only a full or a failing disk may refuse one. */
async function live(life: Life, operations: readonly Operation[], mayFail: boolean): Promise<void> {
  try {
    await life.open();
    for (const each of operations) await act(life, each);
  } catch (error) {
    const isRefusal = error instanceof PersisterError && refusals.has(error.code);
    if (!mayFail || !isRefusal) throw error;
  }
}

const refusals = new Set<ErrorCode>(["POISONED", "DISK_FULL", "IO"]);

/** The disk that the power cut leaves: the one that `cut` picks. */
function leftOf(disk: SimulatedDisk, cut: number): SimulatedDisk {
  const lefts = [disk.kill(), ...disk.powerCuts(cut, 9)].map((each) => each.kill());
  return lefts[cut % lefts.length] ?? disk.kill();
}

test("histories of lives and crashes", { timeout: 240_000 }, async () => {
  let crashes = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 5 }), async (fates) => {
      let disk = await born();
      let before: { readonly life: Life; readonly found: Promised } | undefined;
      for (const { operations, stopAt, cut, fault, roomBytes, sizes } of fates) {
        const sizeOf = (lsn: bigint): number => sizes[Number(lsn) % sizes.length] ?? 0;
        disk.crashAt(stopAt);
        if (fault) disk.fail(fault);
        disk.capacityBytes = disk.usedBytes + (roomBytes ?? Number.POSITIVE_INFINITY);
        const mayFail = fault !== undefined || roomBytes !== undefined;
        const life: Life = new Life(disk, sizeOf, before);
        // Nothing settles on a disk that has stopped. A failure on a disk that runs is a defect.
        await Promise.race([live(life, operations, mayFail), disk.stopped]);
        if (disk.isStopped) crashes += 1;
        else disk.crash();
        const { promised } = life;
        disk = leftOf(disk, cut);
        const journal = await opened(disk);
        expect(await faultsOf(journal, promised, life.texts)).toEqual([]);
        before = { life, found: promisedBy(journal) };
        await journal.close();
      }
    }),
    { seed: SEED, numRuns: RUNS },
  );
  console.log(`crashes in histories of journals: ${crashes}`);
});
