/**
 * A crash at any moment, and one damaged block of 4 KiB behind it, also right behind an acknowledgement:
 * never silent (D6). The open is refused, or what came back is what a crash could have left, or the open
 * tells: by pins, by abstaining, by a warning.
 */
import { afterAll, expect, test } from "vitest";
import { bytesOf } from "../../../src/testing/simulated/content.js";
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { BLOCK_BYTES } from "../../../src/journal/form/records.js";
import { PersisterError } from "../../../src/types/errors.js";
import type { ReferenceModel } from "../../model/reference-model.js";
import { SCALE } from "../../scale.js";
import { Campaign } from "../states/campaign.js";
import { freezeTime } from "../history/frozen-time.js";
import { openOn, recoveredOf } from "../history/session.js";
import { workloads } from "../history/workloads.js";
import { filesOf } from "../history/worlds.js";
import { classOf, recordsEndOf } from "./harms.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 37);
const SHARE = Number(process.env["LANEKEEPER_STATES"] ?? SCALE);
const STATES_MIN = 6000 * SHARE;
/** Of each disk, so many blocks are damaged, each by itself: the last ones of its journal, and some. */
const LAST_BLOCKS = 4;
const OTHER_BLOCKS = 3;
/** One in so many moments. */
const EVERY = Math.max(1, Math.round(2 / SHARE));
const seen = { refused: 0, "as a crash": 0, told: 0 };

freezeTime();

afterAll(() => {
  const words = Object.entries(seen).map(([what, count]) => `${what}: ${count}`);
  console.log(`crashes with one damaged block: ${words.join(", ")}`);
});

interface Block {
  readonly path: string;
  readonly offset: number;
}

/** Every block in which something is written. */
function blocksOf(world: World): Block[] {
  const blocks: Block[] = [];
  for (const [path, { visible }] of filesOf(world)) {
    for (let offset = 0; offset < visible.size; offset += BLOCK_BYTES) {
      if (bytesOf(visible, offset, BLOCK_BYTES).some((byte) => byte !== 0)) {
        blocks.push({ path, offset });
      }
    }
  }
  return blocks;
}

/** The last blocks of what each segment holds, and some that are drawn. */
function drawn(world: World, random: Random): readonly Block[] {
  const blocks = blocksOf(world);
  const last = blocks.filter(({ path, offset }) => {
    if (!path.endsWith(".seg")) return false;
    const end = recordsEndOf(world, path);
    return offset < end && offset >= end - LAST_BLOCKS * BLOCK_BYTES;
  });
  const others = Array.from({ length: OTHER_BLOCKS }, () => blocks[random.below(blocks.length)]);
  return [...last, ...others.filter((block) => block !== undefined)];
}

/** How an open of the harmed disk breaks the contract. */
async function faultsOf(
  { world, model }: { readonly world: World; readonly model: ReferenceModel },
  { path, offset }: Block,
  junk: Uint8Array,
): Promise<readonly string[]> {
  const disk = SimulatedDisk.holding(copyWorld(world));
  disk.damage(
    path,
    offset,
    junk.subarray(0, Math.min(BLOCK_BYTES, disk.readNow(path).length - offset)),
  );
  try {
    const keeper = await openOn(disk, 1_000 + opens++);
    const recovered = await recoveredOf(keeper);
    if (model.clone().judge(recovered).length === 0) {
      seen["as a crash"] += 1;
      return [];
    }
    const { warnings, pins, abstainThrough } = keeper.recovery;
    const isTold = warnings.length > 0 || pins.length > 0 || abstainThrough !== undefined;
    seen.told += 1;
    return [...(isTold ? [] : ["it is silent"]), ...model.judgeDamaged(recovered)];
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    seen.refused += 1;
    const { code } = cause;
    const harmed = classOf(path);
    // An old mark, where the newest is damaged, may be told by the journal that it is beside; an anchor
    // that only the newest head names, by the lanes that start above 0 without it.
    const isOtherwiseTold =
      (code === "MARK_CORRUPT" && harmed === "mark") ||
      (code === "RECOVERY_MISMATCH" && harmed === "anchor");
    return isOtherwiseTold ? [] : model.judgeRefusal(code, harmed);
  }
}

let opens = 0;

test.each(Object.entries(workloads))("%s", { timeout: 300_000 }, async (name, { workload }) => {
  const campaign = new Campaign(SEED);
  const random = seededRandom(SEED);
  const broken: string[] = [];
  const { frames } = await campaign.run(await campaign.born(), workload, name, 1);
  for (const [at, frame] of frames.entries()) {
    if (at % EVERY > 0) continue;
    for (const state of campaign.crashes(frame, 2, at)) {
      for (const block of drawn(state.world, random)) {
        const junk = Uint8Array.from({ length: BLOCK_BYTES }, () => random.below(256));
        for (const bytes of [junk, new Uint8Array(BLOCK_BYTES)]) {
          const faults = await faultsOf(state, block, bytes);
          const words = `${state.label}, block at ${block.offset} of ${block.path}`;
          broken.push(...faults.map((fault) => `${words}: ${fault}`));
        }
      }
    }
  }
  expect(broken.length, broken.slice(0, 8).join("\n")).toBe(0);
});

test("each kind of end was met, and often", () => {
  const states = seen.refused + seen["as a crash"] + seen.told;
  expect(states).toBeGreaterThan(STATES_MIN);
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
});
