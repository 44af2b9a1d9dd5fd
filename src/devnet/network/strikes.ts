/** The strikes of a devnet: victims and moments, drawn before the run begins. */
import { shownByRestart } from "../validator/sabotage.js";
import type { NetworkOptions } from "./options.js";

export interface Strike {
  /** Since all validators were live for the first time. */
  readonly atMs: number;
  /** The index of a validator. */
  readonly victim: number;
  /** A power cut, and not only a kill. */
  readonly cutsPower: boolean;
  readonly store: StoreAfter;
}

/** The store with which a victim comes back: its own, an old backup of it, or a new one that holds nothing. */
export type StoreAfter = "kept" | "backup" | "new";

/** The count of a devnet in which a strike counts. */
export function countOf({ store, cutsPower }: Pick<Strike, "store" | "cutsPower">) {
  if (store === "backup") return "restores";
  if (store === "new") return "losses";
  return cutsPower ? "powerCuts" : "kills";
}

/** The processes of a seat that a strike falls on. Without services there is the validator alone. */
export type Struck = "validator" | "service" | "both";

/**
 * Draws the processes that a strike falls on. A power cut is one of the service, which has the disk: the
 * validator may stand on the same machine, or on another one.
 */
export function struckBy(
  { service }: Pick<NetworkOptions, "service">,
  cutsPower: boolean,
  fraction: () => number,
): Struck {
  if (service !== true) return "both";
  const drawn = fraction();
  if (cutsPower) return drawn < 0.5 ? "service" : "both";
  if (drawn < 0.4) return "validator";
  return drawn < 0.8 ? "service" : "both";
}

/** The time between the restarts that show a sabotage. */
const SHOWING_MS = 1_500;

/** The index of the validator that a sabotage is for: the second one, or the only one. */
export function saboteurOf({ validators }: NetworkOptions): number {
  return Math.min(1, validators - 1);
}

/**
 * Kills and power cuts in a drawn order, evenly over the time of the run, each at a drawn moment of
 * its share and at a drawn victim. A sabotage that only a restart shows draws all of them on
 * itself, soon.
 */
export function strikesOf(options: NetworkOptions, fraction: () => number): Strike[] {
  const { validators, seconds, kills, powerCuts, sabotage } = options;
  const count = kills + powerCuts;
  const shareMs = (seconds * 1000) / count;
  const isShown = sabotage !== undefined && shownByRestart.has(sabotage);
  const strikes: Strike[] = [];
  for (let at = 0, cutsLeft = powerCuts; at < count; at++) {
    const cutsPower = fraction() * (count - at) < cutsLeft;
    if (cutsPower) cutsLeft -= 1;
    const atMs = (at + fraction()) * shareMs;
    const victim = Math.floor(fraction() * validators);
    strikes.push(
      isShown
        ? { atMs: (at + 1) * SHOWING_MS, victim: saboteurOf(options), cutsPower, store: "kept" }
        : { atMs, victim, cutsPower, store: "kept" },
    );
  }
  const { restores = 0, losses = 0 } = options;
  strikes.push(...otherStores(options, { count: restores, store: "backup" }, fraction));
  strikes.push(...otherStores(options, { count: losses, store: "new" }, fraction));
  return strikes.sort((a, b) => a.atMs - b.atMs);
}

/** Evenly over the time of the run; a sabotage that only a restore shows draws them on itself. */
function otherStores(
  options: NetworkOptions,
  { count, store }: { readonly count: number; readonly store: StoreAfter },
  fraction: () => number,
): Strike[] {
  const { validators, seconds, sabotage } = options;
  return Array.from({ length: count }, (_, at) => {
    const atMs = ((at + fraction()) * seconds * 1000) / count;
    const drawn = Math.floor(fraction() * validators);
    const victim = sabotage === "ignore-guards" ? saboteurOf(options) : drawn;
    return { atMs, victim, cutsPower: false, store };
  });
}
