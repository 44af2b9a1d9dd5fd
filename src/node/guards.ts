/**
 * The functions that a caller gives (`epochOf`, a verifier), as the store calls them: whatever such a
 * function does, what comes out is a value of the right kind, or a typed error.
 */
import { readingArguments } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { LanekeeperError } from "../types/lanekeeper-error.js";
import type { AvailStart } from "../avail/avail-start.js";
import type { Epoch, EpochOf } from "../wire/committee.js";

/** The error of a caller's function that threw. */
export function callbackFailed(what: string, cause: unknown): PersisterError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PersisterError("CALLBACK_FAILED", `${what} threw: ${why}`, { cause });
}

/**
 * `epochOf`, checked: it must return an epoch, or `undefined` for one that it does not know, at once.
 * It may not call the store, which would ask it again.
 */
export function guardedEpochOf(epochOf: EpochOf): EpochOf {
  let isAsked = false;
  return (epochIndex) => {
    if (isAsked) throw usage("epochOf called the store while the store was asking it");
    isAsked = true;
    try {
      return checkedEpoch(calledEpochOf(epochOf, epochIndex), epochIndex);
    } finally {
      isAsked = false;
    }
  };
}

function calledEpochOf(epochOf: EpochOf, epochIndex: bigint): unknown {
  try {
    return epochOf(epochIndex);
  } catch (cause) {
    throw callbackFailed(`epochOf(${epochIndex}n)`, cause);
  }
}

function checkedEpoch(found: unknown, epochIndex: bigint): Epoch | undefined {
  if (found === undefined) return undefined;
  const call = `epochOf(${epochIndex}n)`;
  if (typeof found !== "object" || found === null) throw usage(`${call} returned no epoch`);
  return readingArguments(`the result of ${call}`, () => {
    if ("then" in found) {
      quiet(found);
      throw usage(`${call} returned a promise: load the committees before, and return at once`);
    }
    const { index, firstRoad, nextRoad, committee } = found as Partial<
      Record<keyof Epoch, unknown>
    >;
    if (index !== epochIndex)
      throw usage(`${call} returned epoch ${String(index)}, as a ${typeof index}`);
    if (typeof firstRoad !== "bigint" || typeof nextRoad !== "bigint") {
      throw usage(`${call}: firstRoad and nextRoad must be bigints`);
    }
    if (!isCommittee(committee)) throw usage(`${call}: committee must be a Committee`);
    return found as Epoch;
  });
}

/** By what it can do, and not by its class: another copy of this package may have made it. */
function isCommittee(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { memberOf, memberOfLane, commitQuorum } = value as Partial<Epoch["committee"]>;
  const isFunctions = typeof memberOf === "function" && typeof memberOfLane === "function";
  return isFunctions && typeof commitQuorum === "bigint";
}

/** A promise that nobody will wait for: its rejection has a handler from here on. */
function quiet(thenable: object): void {
  if (thenable instanceof Promise) thenable.catch(() => {});
}

type Verifying = AvailStart["verifier"];

/** A verifier whose own failures are typed. Its verdicts are errors of ours, and stay as they are. */
export function guardedVerifier(verifier: Verifying): Verifying {
  return {
    verifySignedBlockAtOnce: (signed, committee) => {
      try {
        verifier.verifySignedBlockAtOnce(signed, committee);
      } catch (cause) {
        throw verdictOf(cause);
      }
    },
    verifyCommitQC: (qc, epoch) => verdict(() => verifier.verifyCommitQC(qc, epoch)),
    verifyAnchor: (anchor, epochOf) => verdict(() => verifier.verifyAnchor(anchor, epochOf)),
    verifyLaneQC: (qc, committee) => verdict(() => verifier.verifyLaneQC(qc, committee)),
  };
}

async function verdict(verify: () => Promise<void>): Promise<void> {
  try {
    await verify();
  } catch (cause) {
    throw verdictOf(cause);
  }
}

function verdictOf(cause: unknown): unknown {
  return cause instanceof LanekeeperError ? cause : callbackFailed("the verifier", cause);
}

function usage(message: string): PersisterError {
  return new PersisterError("USAGE", message);
}
