import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { drained } from "../history/explorer.js";
import { initOn, openOn } from "../history/session.js";

/** The code that an open refuses with; `undefined` where it opens (and is closed again). */
async function refusalOf(disk: SimulatedDisk): Promise<string | undefined> {
  try {
    const keeper = await openOn(disk.kill(), 99);
    await keeper.close();
    return undefined;
  } catch (cause) {
    return cause instanceof PersisterError ? cause.code : String(cause);
  }
}

test("a crash at any step of init leaves a whole store, or nothing that open takes for one", async () => {
  const whole = new SimulatedDisk();
  await initOn(whole, 1);
  let states = 0;
  for (let step = 1; step <= whole.steps + 1; step++) {
    const disk = new SimulatedDisk();
    disk.crashAt(step);
    let resolved = false;
    const born = initOn(disk, 1).then(() => {
      resolved = true;
    });
    await Promise.race([born, disk.stopped]);
    await drained();
    for (const left of [disk.kill(), ...disk.powerCuts(5, 12)]) {
      states += 1;
      const refusal = await refusalOf(left);
      if (resolved || refusal === undefined) {
        expect(refusal).toBeUndefined();
        // D10: whole is whole, also where INIT still stands beside it.
        await expect(initOn(left, 3)).rejects.toMatchObject({ code: "STORE_EXISTS" });
        expect(await refusalOf(left)).toBeUndefined();
      } else {
        expect(refusal).toBe("NOT_A_STORE");
        await initOn(left, 2);
        expect(await refusalOf(left)).toBeUndefined();
      }
    }
  }
  console.log(`crash states of init: ${states}`);
});

test("an init that a full disk stops anywhere leaves no store, and the next one makes it", async () => {
  const whole = new SimulatedDisk();
  await initOn(whole, 1);
  const pieces = 24;
  for (let piece = 0; piece < pieces; piece++) {
    const disk = new SimulatedDisk();
    // Odd numbers of bytes: what is written last is cut in its middle.
    disk.capacityBytes = Math.floor((whole.usedBytes * piece) / pieces) + 13;
    await expect(initOn(disk, 1)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await refusalOf(disk)).toBe("NOT_A_STORE");
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await initOn(disk, 2);
    expect(await refusalOf(disk)).toBeUndefined();
  }
});
