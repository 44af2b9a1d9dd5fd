/**
 * How many distinct disks of each history a run of the tests judges: together a hundred thousand and
 * more at full size, half of the work in each of two files, so that two cores share it.
 * LANEKEEPER_STATES asks for another part of them (0.1: a tenth), LANEKEEPER_SEED for other ones.
 */
import type { sealedWorkloads } from "../history/workloads-sealed.js";
import type { wideWorkloads } from "../history/workloads-wide.js";
import type { workloads } from "../history/workloads.js";
import { SCALE } from "../../scale.js";

type Name = keyof typeof workloads | keyof typeof wideWorkloads | keyof typeof sealedWorkloads;

const shares: Readonly<Record<Name, number>> = {
  steadyWork: 18_000,
  hastyWork: 20_000,
  leapingWork: 19_000,
  stragglingWork: 6_000,
  manyLanesWork: 2_500,
  retainingWork: 11_000,
  brimfulWork: 6_000,
  drawnWork: 10_000,
  drawnRetainingWork: 8_000,
  rekeyedWork: 4_000,
  // Each open reads megabytes.
  largeWork: 300,
};

const PART = Number(process.env["LANEKEEPER_STATES"] ?? SCALE);

export const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 7);

/** Of all histories together, whatever part of it is asked for. */
export const STATES = Object.values(shares).reduce((sum, share) => sum + share, 0);

export function stateShare(name: string): number {
  return Math.ceil((shares[name as Name] ?? 0) * PART);
}
