/**
 * D6: the mark names what is in flight. The judge of crash states takes its word for it; here the mark
 * itself is judged, by the records that lie in the journal beside it.
 */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { recordType } from "../../../src/journal/form/records.js";
import { Campaign } from "./campaign.js";
import type { Frame } from "./film.js";
import { freezeTime } from "../history/frozen-time.js";
import { recordsIn } from "../harms/harms.js";
import { newestMarkIn } from "../history/named.js";
import { openOn } from "../history/session.js";
import { workloads } from "../history/workloads.js";
import { wideWorkloads } from "../history/workloads-wide.js";
import { filesOf } from "../history/worlds.js";

const SEED = 41;
const ORDERS = 3;
/** Of the lanes that are dropped, as the history tells. */
const NEXT_BEFORE_DROP = 4n;

freezeTime();

/** Of the records that lie above the acknowledged LSN, the numbers of blocks, in order. */
function numbersInFlight(world: World, acked: bigint, intended: bigint): bigint[] {
  const segments = [...filesOf(world)].filter(([path]) => path.endsWith(".seg"));
  return segments
    .flatMap(([, { visible }]) => recordsIn(visible).map(({ header }) => header))
    .filter(({ lsn, type }) => lsn > acked && lsn <= intended && type === recordType.append)
    .map(({ number }) => number)
    .sort();
}

async function* moments(campaign: Campaign, name: keyof typeof workloads): AsyncGenerator<Frame> {
  for (let order = 1; order <= ORDERS; order++) {
    const from = await campaign.born();
    yield* (await campaign.run(from, workloads[name].workload, name, order)).frames;
  }
}

test("every block of a group on its way is named, by its number", async () => {
  const wrong: string[] = [];
  let groups = 0;
  for await (const { world, label } of moments(new Campaign(SEED), "stragglingWork")) {
    const mark = newestMarkIn(world);
    if (!label.includes("at rest") || !mark || mark.intended === mark.acked) continue;
    const written = numbersInFlight(world, mark.acked, mark.intended);
    const named = mark.appends.map(({ number }) => number).sort();
    groups += 1;
    // A QC has no hash to be pinned to, and is not named.
    const unnamed = written.length - named.length;
    const isAll = named.every((number) => written.includes(number)) && unnamed <= 1;
    if (!isAll) wrong.push(`${label}: ${String(written)} written, ${String(named)} named`);
  }
  expect(wrong.slice(0, 8)).toEqual([]);
  expect(groups).toBeGreaterThan(20);
});

test("a drop that it names is done again at the next open", async () => {
  const { workload, stand } = wideWorkloads.manyLanesWork;
  const campaign = new Campaign(SEED, stand);
  const { frames } = await campaign.run(await campaign.born(), workload, "many lanes", 1);
  const back: string[] = [];
  let drops = 0;
  for (const [at, frame] of frames.entries()) {
    for (const { world, label } of [...campaign.crashes(frame, 6, at)].slice(1)) {
      for (const { name } of newestMarkIn(world)?.drops ?? []) {
        drops += 1;
        const disk = SimulatedDisk.holding(copyWorld(world));
        const { recovery } = await openOn(disk, 1_000 + drops, stand);
        const held = [...recovery.lanes].find(([lane]) => lane === name)?.[1];
        // One that was begun again since, with one block in it, is another lane.
        if (held?.next === NEXT_BEFORE_DROP) back.push(`${label}: ${name.slice(0, 6)} is back`);
      }
    }
  }
  expect(back.slice(0, 8)).toEqual([]);
  expect(drops).toBeGreaterThan(0);
});
