/**
 * D1, D6: an LSN or a slot's sequence that the mark has named, or that was seen, is never given again,
 * whatever became of what bore it.
 */
import { expect, test } from "vitest";
import { bytesOf } from "../../../src/testing/simulated/content.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { decodeSlot } from "../../../src/disk/slots/form.js";
import { claimedHeadBytes, decodeHead, type Head } from "../../../src/journal/form/head.js";
import { ReferenceModel } from "../../model/reference-model.js";
import { Campaign } from "./campaign.js";
import { freezeTime } from "../history/frozen-time.js";
import { recordsIn, STORE_PATH } from "../harms/harms.js";
import { newestMarkIn } from "../history/named.js";
import { chain, openOn, recoveredOf, Session } from "../history/session.js";
import { hastyWork } from "../history/workloads.js";
import { bytesIn, filesOf } from "../history/worlds.js";
import { STRIDE } from "../../scale.js";

const SEED = 37;
const KIB = 1024;

freezeTime();

function newestHeadIn(world: World): Head {
  const heads = [...filesOf(world)].flatMap(([path, { visible }]) => {
    if (!path.endsWith(".seg")) return [];
    const bytes = bytesOf(visible, 0, 8 * KIB);
    const found = decodeHead(bytes.subarray(0, claimedHeadBytes(bytes) ?? 0));
    return found.status === "head" ? [found.head] : [];
  });
  const [newest] = heads.sort((one, other) => (one.sequence > other.sequence ? -1 : 1));
  if (!newest) throw new Error("no slot has a head");
  return newest;
}

/** The sequences in the slots of a pair. */
function sequencesIn(world: World, name: string): bigint[] {
  return ["a", "b"].map((slot) => {
    const state = decodeSlot(bytesIn(world, `${STORE_PATH}/${name}_${slot}.pb`, 0, 64 * KIB));
    return state.status === "valid" ? state.seq : 0n;
  });
}

/** Of every record and footer that is there, in groups that are not whole, too. */
function lsnsIn(world: World): readonly bigint[] {
  return [...filesOf(world)].flatMap(([path, { visible }]) =>
    path.endsWith(".seg") ? recordsIn(visible).map(({ header }) => header.lsn) : [],
  );
}

function highest(numbers: readonly bigint[]): bigint {
  return numbers.reduce((most, each) => (each > most ? each : most), 0n);
}

/** Opens, writes a vote and an anchor, and says what was given again. */
async function givenAgain(left: World, at: number): Promise<string[]> {
  const mark = newestMarkIn(left);
  if (!mark) throw new Error("the mark cannot be read");
  const named = {
    vote: highest([mark.vote.inFlight, ...sequencesIn(left, "consensus")]),
    anchor: highest([mark.anchor.inFlight, ...sequencesIn(left, "prune_anchor")]),
  };
  const world = copyWorld(left);
  const model = new ReferenceModel();
  const session = new Session(await openOn(SimulatedDisk.holding(world), 1_000 + at), model);
  model.published(await recoveredOf(session.keeper));
  const faults: string[] = [];
  const { firstLsn } = newestHeadIn(world);
  const seen = highest([mark.acked, ...lsnsIn(left)]);
  if (firstLsn <= seen) faults.push(`LSN ${firstLsn}, and ${seen} was seen`);
  session.vote(100n);
  await session.anchor(40n);
  await session.settled();
  const vote = highest(sequencesIn(world, "consensus"));
  const anchor = highest(sequencesIn(world, "prune_anchor"));
  if (vote <= named.vote) faults.push(`vote sequence ${vote} again`);
  if (anchor <= named.anchor) faults.push(`anchor sequence ${anchor} again`);
  await session.close();
  return faults;
}

test("no LSN and no slot sequence that was named or seen is given again", async () => {
  // Signed once, before it counts.
  chain.qc(40n);
  const campaign = new Campaign(SEED);
  const { frames } = await campaign.run(await campaign.born(), hastyWork, "hasty", 1);
  const broken: string[] = [];
  let states = 0;
  for (const [at, frame] of frames.entries()) {
    if (at < 4 || at % STRIDE > 0) continue;
    for (const { world, label } of [...campaign.crashes(frame, 6, at)].slice(1)) {
      states += 1;
      const faults = await givenAgain(world, states);
      broken.push(...faults.map((fault) => `${label}: ${fault}`));
    }
  }
  expect(broken.slice(0, 8)).toEqual([]);
  expect(states).toBeGreaterThan(300 / STRIDE);
});
