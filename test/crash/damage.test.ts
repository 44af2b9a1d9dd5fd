import { beforeAll, describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../src/disk/simulated.js";
import type { Damage } from "../model/reference-model.js";
import { DIRECTORY } from "../node/surroundings.js";
import { type CrashState, Explorer } from "./explorer.js";
import { initOn } from "./session.js";
import { hastyWork } from "./workloads.js";

const SEED = 13;
const explorer = new Explorer(SEED);
let closed: CrashState;

beforeAll(async () => {
  const disk = new SimulatedDisk();
  await initOn(disk, SEED);
  closed = await explorer.run(disk, hastyWork);
});

const kinds: readonly (readonly [RegExp, Damage])[] = [
  [/\.seg$/, "journal"],
  [/\/mark$/, "mark"],
  [/prune_anchor_[ab]\.pb$/, "anchor"],
  [/consensus_[ab]\.pb$/, "vote"],
  [/\/STORE$/, "store"],
];

function damageOf(path: string): Damage {
  return kinds.find(([form]) => form.test(path))?.[1] ?? "none";
}

/** Places worth harming: every 97th byte of what is not zero, so that heads and records are hit. */
function places(bytes: Uint8Array): number[] {
  return [...bytes.keys()].filter((at) => bytes[at] !== 0).filter((_, at) => at % 97 === 0);
}

describe("one flipped bit in a closed store", () => {
  test.each(kinds)("%s: is refused by name, or harms nothing", async (form, damage) => {
    let harmed = 0;
    for (const { path } of closed.disk.files().filter((file) => form.test(file.path))) {
      const bytes = closed.disk.readNow(path);
      for (const at of places(bytes)) {
        const disk = closed.disk.kill();
        disk.damage(path, at, Uint8Array.of(bytes[at]! ^ 0x10));
        harmed += 1;
        const label = `${path} byte ${at}`;
        await explorer.judge({ disk, model: closed.model, label }, false, damage);
      }
    }
    expect(harmed).toBeGreaterThan(0);
    expect(explorer.violations.slice(0, 5)).toEqual([]);
  });
});

test("a file that is emptied is refused by name, or was free space", async () => {
  for (const { path } of closed.disk.files()) {
    if (!path.startsWith(`/${DIRECTORY}`)) continue;
    const disk = closed.disk.kill();
    disk.shorten(path, 0);
    const label = `${path} emptied`;
    await explorer.judge({ disk, model: closed.model, label }, false, damageOf(path));
  }
  expect(explorer.violations.slice(0, 5)).toEqual([]);
});
