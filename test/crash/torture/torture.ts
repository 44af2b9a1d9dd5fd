/**
 * All of the campaign, round after round with ever new seeds, until the time is over (`npm run torture`):
 * counts are told live, and the first disk of each kind of violation is kept.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { World } from "../../../src/testing/simulated/world.js";
import { bytesOf } from "../../../src/testing/simulated/content.js";
import { Campaign } from "../states/campaign.js";
import { explore } from "../states/explore.js";
import { faultPlans, fortyRecords, growing, struckAt } from "../faults/fault-points.js";
import { freezeTime } from "../history/frozen-time.js";
import { harmsOf } from "../harms/harms.js";
import { KillRun, type KillCounts } from "../kills/kill-run.js";
import { programOf } from "../../harness/built.js";
import { judgeHarm } from "../harms/verdicts.js";
import { livedWhole } from "../states/whole.js";
import { hastyWork, steadyWork, workloads } from "../history/workloads.js";
import { wideWorkloads } from "../history/workloads-wide.js";
import { filesOf } from "../history/worlds.js";

const MINUTES = Number(process.env["LANEKEEPER_TORTURE_MINUTES"] ?? 1);
const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 1);
const KEEP = process.env["LANEKEEPER_KEEP"] ?? "";
const TELL_MS = 5_000;
/** One round: states of each history, one in so many fault points and harms, kills. A minute or so. */
const ROUND = { states: 600, faultStride: 37, harmStride: 31, perKind: 400, kills: 6 };

const endsAtMs = Date.now() + MINUTES * 60_000;
const isOver = (): boolean => Date.now() >= endsAtMs;
const counts = { states: 0, kills: 0, faults: 0, corruptions: 0, violations: 0 };
const kept = new Set<string>();
let toldAtMs = 0;
/** Of this round: `--seed` with it begins here. */
let roundSeed = SEED;

function tell(more = 0): void {
  if (Date.now() - toldAtMs < TELL_MS && more >= 0) return;
  toldAtMs = Date.now();
  const now = { ...counts, states: counts.states + Math.max(0, more) };
  console.log(
    `torture: ${Object.entries(now)
      .map((each) => each.join(" "))
      .join(", ")}`,
  );
}

/** Counts a violation; the first of its kind keeps its disk. */
function violated(kind: string, words: string, world?: World): void {
  counts.violations += 1;
  if (kept.has(kind)) return;
  kept.add(kind);
  console.log(`torture: ${kind}: ${words}`);
  if (KEEP === "") return;
  const folder = join(KEEP, kind.replaceAll(/\W+/g, "-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "words.txt"), `seed ${roundSeed}\n${words}\n`);
  for (const [path, { visible }] of world ? filesOf(world) : []) {
    const file = join(folder, "disk", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytesOf(visible, 0, visible.size));
  }
}

freezeTime();

async function crashStates(seed: number): Promise<void> {
  for (const [name, history] of Object.entries({ ...workloads, ...wideWorkloads })) {
    if (isOver()) return;
    const { states } = ROUND;
    const watch = ({ distinctStates }: Campaign): void => tell(distinctStates);
    const campaign = await explore({ name, ...history, seed, states, isOver, watch });
    counts.states += campaign.distinctStates;
    for (const { label, faults, world } of campaign.violations) {
      violated(`states of ${name}`, `${label}: ${faults.join("; ")}`, world);
    }
  }
}

async function faults(seed: number): Promise<void> {
  for (const run of [fortyRecords, growing]) {
    const campaign = new Campaign(seed, run.stand);
    const from = await campaign.born();
    const plans = await faultPlans(from, run);
    for (let at = seed % ROUND.faultStride; at < plans.length; at += ROUND.faultStride) {
      if (isOver()) return;
      const { frame, faults: broken } = await struckAt(from, run, plans[at]);
      counts.faults += 1;
      for (const fault of broken)
        violated("a failing call", `${frame.label}: ${fault}`, frame.world);
      for (const state of campaign.crashes(frame, 12, at)) await campaign.judge(state);
      tell();
    }
    for (const { label, faults: told, world } of campaign.violations) {
      violated("a power cut behind a failing call", `${label}: ${told.join("; ")}`, world);
    }
  }
}

async function corruption(seed: number): Promise<void> {
  const whole = await livedWhole(seed, seed % 2 === 0 ? hastyWork : steadyWork);
  const { world, older } = whole;
  let at = seed;
  for (const harm of harmsOf({ whole: world, older, seed, perKind: ROUND.perKind })) {
    at += 1;
    if (at % ROUND.harmStride !== 0) continue;
    if (isOver()) return;
    counts.corruptions += 1;
    const { wrong } = await judgeHarm(harm, whole, seed + counts.corruptions);
    if (wrong !== undefined) violated(`damage: ${harm.kind} of ${harm.file}`, wrong, harm.world);
    tell();
  }
}

test("until the time is over", async () => {
  const program = await programOf("test/crash/kills/kill-child.ts");
  const killCounts: KillCounts = { kills: 0, lives: 0, acknowledged: 0 };
  const killRun = await KillRun.begin(program, SEED, killCounts);
  try {
    for (let seed = SEED; !isOver(); seed++) {
      roundSeed = seed;
      for (const fault of await killRun.kill(ROUND.kills)) violated("a kill", fault);
      counts.kills = killCounts.kills;
      await faults(seed);
      await corruption(seed);
      await crashStates(seed);
    }
  } finally {
    await killRun.end();
    tell(-1);
  }
  expect(counts.violations).toBe(0);
});
