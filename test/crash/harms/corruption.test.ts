/**
 * Every kind of damage at every kind of place (D5, D6): each comes to a verdict that a table allows, and
 * nothing is lost or changed in silence.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Frame } from "../states/film.js";
import { newestMarkIn } from "../history/named.js";
import { freezeTime } from "../history/frozen-time.js";
import { everyByteOf, type Harm, harmsOf, recordsEndOf } from "./harms.js";
import { judgeHarm, verdicts } from "./verdicts.js";
import { livedWhole, type Whole } from "../states/whole.js";
import { hastyWork, type Workload } from "../history/workloads.js";
import { filesOf } from "../history/worlds.js";
import { campaignSize, sampled } from "../../scale.js";

const SEED = 13;
const SITES_MIN = campaignSize(20_000);
const TEST_MS_MAX = 300_000;
const counts = new Map<string, number>();
let sites = 0;

freezeTime();

afterAll(() => {
  const words = [...verdicts, "silent"].map((each) => `${each}: ${counts.get(each) ?? 0}`);
  console.log(`harmed stores: ${sites}, ${words.join(", ")}`);
});

/**
 * A group, an anchor and a vote are on their way, all of them visible. The mark names the vote: one that no
 * mark names is not acknowledged yet, and may be lost without a word (D6).
 */
function inFlight(frames: readonly Frame[]): Frame | undefined {
  const busy = frames.filter(({ world, label }) => {
    const pending = [...filesOf(world)].filter(([, file]) => file.pending.length > 0);
    const isAny = (form: RegExp): boolean => pending.some(([path]) => form.test(path));
    const vote = newestMarkIn(world)?.vote;
    const isNamed = vote !== undefined && vote.inFlight > vote.acked;
    return (
      isNamed && label.includes("at rest") && isAny(/\.seg$/) && isAny(/mark$/) && isAny(/\.pb$/)
    );
  });
  return busy.at(-1);
}

async function judgeAll(harms: Iterable<Harm>, whole: Whole): Promise<void> {
  const broken: string[] = [];
  for (const harm of harms) {
    sites += 1;
    const { verdict, wrong } = await judgeHarm(harm, whole, 1_000 + sites);
    counts.set(verdict, 1 + (counts.get(verdict) ?? 0));
    if (wrong !== undefined) broken.push(wrong);
  }
  expect(broken.length, broken.slice(0, 8).join("\n")).toBe(0);
}

/** A few records of each log. */
const smallWork: Workload = async ({ open }) => {
  const session = await open();
  await session.pushAll(0n);
  await session.qc(0n);
  session.vote(1n);
  await session.settled();
  await session.pushAll(1n);
  await session.qc(1n);
  await session.anchor(0n);
  await session.close();
};

let small: Whole;
let large: Whole;
let busy: Whole;

beforeAll(async () => {
  small = await livedWhole(SEED, smallWork);
  large = await livedWhole(SEED, hastyWork);
  busy = await livedWhole(SEED, hastyWork, inFlight);
});

test("every byte of a small journal, a bit of each", { timeout: TEST_MS_MAX }, async () => {
  for (const path of filesOf(small.world).keys()) {
    if (!path.endsWith(".seg")) continue;
    await judgeAll(sampled(everyByteOf(small.world, path, recordsEndOf(small.world, path))), small);
  }
});

test("bits, bytes, sectors, records and whole files", { timeout: TEST_MS_MAX }, async () => {
  const { world, older } = large;
  await judgeAll(harmsOf({ whole: world, older, seed: SEED, perKind: campaignSize(4500) }), large);
});

test("the same with a group, an anchor and a vote in flight", {
  timeout: TEST_MS_MAX,
}, async () => {
  const { world, older } = busy;
  await judgeAll(harmsOf({ whole: world, older, seed: SEED, perKind: campaignSize(600) }), busy);
});

test(`${SITES_MIN} harms and more, every verdict among them, and none in silence`, () => {
  expect(sites).toBeGreaterThanOrEqual(SITES_MIN);
  expect(counts.get("silent") ?? 0).toBe(0);
  for (const verdict of verdicts) expect(counts.get(verdict), verdict).toBeGreaterThan(0);
});
