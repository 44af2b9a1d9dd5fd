/**
 * A journal on a disk that stops at every step of its work. The disks that a killed process and power cuts
 * leave are opened. Each must hold every durable record, no record that was never appended, and of a batch
 * all records or none.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { Journal } from "../../../src/records/journal.js";
import { born, DIRECTORY, opened, put, SEGMENT_BYTES, surroundings, textOf } from "../kit.js";
import { faultsOf, Life, type Promised } from "./life.js";
import { STRIDE } from "../../scale.js";

/** Power cuts that are tried at each step. */
const CUTS_MAX = 8;

/** The disk as it stopped, and the promises that were made by then. */
interface Moment extends Promised {
  readonly disk: SimulatedDisk;
}

/** Records of many sizes, some of which fill a tenth of a segment. */
function sizeOf(lsn: bigint): number {
  const draw = createHash("sha256").update(`size ${lsn}`).digest();
  return draw.readUInt8(0) < 40 ? 2500 : draw.readUInt8(1);
}

/** A life that ended, with every moment of it. */
async function lived(): Promise<{ readonly life: Life; readonly moments: readonly Moment[] }> {
  const moments: Moment[] = [];
  const look = (): void => {
    moments.push({ disk: disk.kill(), ...life.promised });
  };
  const disk: SimulatedDisk = (await born()).kill({ onStep: look });
  const life: Life = new Life(disk, sizeOf);
  for (let round = 0; round < 3; round++) {
    await life.open();
    await life.append();
    await Promise.all([life.append(), life.batch(3), life.append(), life.batch(2)]);
    await life.forget(2n);
    await Promise.all([life.batch(5), life.append(), life.batch(4)]);
    await life.batch(7);
    await life.forget(6n);
    await life.close();
  }
  look();
  return { life, moments };
}

test("a crash at any step of a journal's life leaves all that was durable, and no part of a batch", async () => {
  const { life, moments } = await lived();
  let states = 0;
  for (const [at, moment] of moments.entries()) {
    if (at % STRIDE > 0) continue;
    for (const left of [moment.disk.kill(), ...moment.disk.powerCuts(7, CUTS_MAX)]) {
      states += 1;
      const journal = await opened(left);
      expect(await faultsOf(journal, moment, life.texts)).toEqual([]);
      const lsn = await journal.append(put("after the crash"));
      await journal.close();
      const again = await opened(left);
      expect(textOf(await again.read(lsn))).toBe("after the crash");
      await again.close();
    }
  }
  console.log(`crash states of a journal: ${states}, at ${moments.length} steps`);
  expect(states).toBeGreaterThan(500 / STRIDE);
});

test("a crash at any step of a recovery leaves what the next recovery needs", async () => {
  const { life, moments } = await lived();
  let states = 0;
  for (const [index, moment] of moments.entries()) {
    if (index % 9 !== 0) continue;
    for (const left of moment.disk.powerCuts(index, 2)) {
      const recovering: SimulatedDisk[] = [];
      const watched: SimulatedDisk = left.kill({ onStep: () => recovering.push(watched.kill()) });
      await (await opened(watched)).close();
      for (const [step, cut] of recovering.entries()) {
        if (step % 3 !== index % 3) continue;
        for (const again of cut.powerCuts(step, 2)) {
          states += 1;
          const journal = await opened(again);
          expect(await faultsOf(journal, moment, life.texts)).toEqual([]);
          await journal.close();
        }
      }
    }
  }
  console.log(`crash states of a journal's recovery: ${states}`);
  expect(states).toBeGreaterThan(150);
});

test("a crash at any step of init leaves a whole journal, or nothing that open takes for one", async () => {
  const moments: SimulatedDisk[] = [];
  const disk: SimulatedDisk = new SimulatedDisk({ onStep: () => moments.push(disk.kill()) });
  await born(disk);
  let states = 0;
  for (const moment of moments) {
    for (const left of [moment.kill(), ...moment.powerCuts(3, CUTS_MAX)]) {
      states += 1;
      const outcome = await opened(left).then(
        (journal) => journal.close(),
        (error: { readonly code: string }) => error.code,
      );
      if (outcome === undefined) continue;
      expect(outcome).toBe("NOT_A_STORE");
      await Journal.initOn(surroundings(left), DIRECTORY, { segmentBytes: SEGMENT_BYTES });
      await (await opened(left)).close();
    }
  }
  console.log(`crash states of a journal's init: ${states}`);
});
