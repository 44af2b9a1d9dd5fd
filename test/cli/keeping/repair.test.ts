/** `lanekeeper repair` on real files: told first, then done, and the damaged store stays. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { call } from "../program-kit.js";
import { sceneOf } from "../scene.js";

const chain = new TestChain();

/** Harms the bytes behind every head of the journal, as far as there are records. */
function harm(state: string): void {
  const journal = join(state, "journal");
  for (const name of readdirSync(journal)) {
    const bytes = readFileSync(join(journal, name));
    bytes.fill(0xff, 4096 + 100, 4096 + 140);
    writeFileSync(join(journal, name), bytes);
  }
}

test("a damaged store is told of, repaired from a backup, guarded, and kept beside", async () => {
  await using scene = await sceneOf(["./state ./committee.json"]);
  const [state, backups, committee] = ["state", "backups", "committee.json"].map(scene.at);
  if (!state || !backups || !committee) throw new Error("the scene has places");
  expect(await call("backup", state, backups)).toMatchObject({ code: 0 });
  const args = ["repair", state, "--committee", committee];
  expect((await call(...args)).stdout).toContain("there is nothing to repair");
  harm(state);
  const told = await call(...args);
  expect(told).toMatchObject({ code: 0 });
  expect(told.stdout).toContain("nobody can tell what was acknowledged behind the records");
  expect(told.stdout).toContain("nothing was changed");
  expect(await call(...args, "--apply")).toMatchObject({ code: 21 });
  const dry = await call(...args, "--apply", "--accept-loss", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toMatchObject({ repaired: false, hasLoss: true });
  const done = await call(...args, "--from", backups, "--apply", "--accept-loss", "--json");
  expect(done).toMatchObject({ code: 0 });
  const damaged = `${state}.damaged-1`;
  expect(JSON.parse(done.stdout)).toMatchObject({ repaired: true, damaged });
  expect(readdirSync(dirname(state))).toContain(basename(damaged));
  const choices = { chainId: CHAIN_ID, epochOf: chain.epochOf };
  await using keeper = await Lanekeeper.open(state, choices);
  for (const lane of chain.lanes) {
    expect(keeper.recovery.lanes.get(lane)).toMatchObject({ next: 4n });
    expect(keeper.maySign({ kind: "block", lane, number: 4n })).toMatchObject({ may: false });
  }
});
