/**
 * One workload from its birth to all that crashes leave of it: at every step, at every acknowledgement,
 * and inside the recoveries, two deep. Order after order of its flushes, until enough distinct disks
 * were judged.
 */
import { Campaign, type CrashState } from "./campaign.js";
import type { Frame } from "./film.js";
import { type Stand, standard } from "../history/session.js";
import type { Workload } from "../history/workloads.js";

export interface Exploration {
  readonly name: string;
  readonly workload: Workload;
  readonly stand?: Stand;
  readonly seed: number;
  /** Orders are tried until so many distinct disks were judged. */
  readonly states: number;
  /** Ends it early: asked between two moments. */
  readonly isOver?: () => boolean;
  /** Told of the campaign now and then. */
  readonly watch?: (campaign: Campaign) => void;
}

/** Power cuts at each moment of a run, the two extremes included: fewer where few states are asked for. */
const CUTS = { min: 4, max: 24, ofStates: 100 };
/** Moments are left out where all of them would leave more than so many times the disks that are asked for. */
const TRIED_MAX = 2;
/** Power cuts at each moment of a recovery, and of the recovery after that. */
const NESTED_CUTS = 3;
/** One in so many moments of a run has its recoveries crashed in turn, and one in so many of these. */
const NESTED_STRIDE = { min: 29, max: 101, ofStates: 100_000 };
const DEEPER_STRIDE = 37;
/** After each so many states something more is written. */
const GO_ON_STRIDE = 20;
/** After so many orders without a new state, the workload has no more states. */
const ORDERS_MAX = 200;

/** After so many violations a campaign ends. */
const VIOLATIONS_MAX = 5;

export async function explore(of: Exploration): Promise<Campaign> {
  const { name, workload, stand = standard, seed, states, isOver = () => false } = of;
  const cuts = Math.max(CUTS.min, Math.min(CUTS.max, Math.floor(states / CUTS.ofStates)));
  const stride = Math.max(
    NESTED_STRIDE.min,
    Math.min(NESTED_STRIDE.max, Math.floor(NESTED_STRIDE.ofStates / states)),
  );
  const campaign = new Campaign(seed, stand);
  const from = await campaign.born();
  for (let order = 1; order <= ORDERS_MAX && campaign.distinctStates < states; order++) {
    const label = `${name}, seed ${seed}, order ${order}`;
    const { frames } = await campaign.run(from, workload, label, order);
    // A long history has more moments than a small number of disks needs.
    const every = Math.max(1, Math.floor((frames.length * (cuts + 1)) / (TRIED_MAX * states)));
    for (const [at, frame] of frames.entries()) {
      if (at % every !== order % every) continue;
      // Not before the moments of the first order were seen.
      if (isOver() || (order > 1 && campaign.distinctStates >= states)) return campaign;
      await judgeCrashes(campaign, frame, cuts, order * frames.length + at);
      if (at % stride === order % stride) await crashRecoveries(campaign, frame);
      of.watch?.(campaign);
      if (campaign.violations.length >= VIOLATIONS_MAX) return campaign;
    }
  }
  return campaign;
}

async function judgeCrashes(
  campaign: Campaign,
  frame: Frame,
  cuts: number,
  draw: number,
): Promise<void> {
  let at = draw;
  for (const state of campaign.crashes(frame, cuts, draw)) {
    await campaign.judge(state, at % GO_ON_STRIDE === 0);
    at += 1;
  }
}

/** A kill, a power cut that takes everything, one that takes nothing, one that tears: each recovery. */
async function crashRecoveries(campaign: Campaign, frame: Frame): Promise<void> {
  for (const state of campaign.crashes(frame, 4)) {
    for (const [at, once] of (await campaign.recovery(state)).entries()) {
      await judgeCrashes(campaign, once, NESTED_CUTS, at);
      if (at % DEEPER_STRIDE === 5) await crashAgain(campaign, once);
    }
  }
}

async function crashAgain(campaign: Campaign, once: Frame): Promise<void> {
  const [, ...cuts]: CrashState[] = [...campaign.crashes(once, NESTED_CUTS)];
  const torn = cuts.at(-1);
  if (!torn) return;
  for (const [at, twice] of (await campaign.recovery(torn)).entries()) {
    await judgeCrashes(campaign, twice, 2, at);
  }
}
