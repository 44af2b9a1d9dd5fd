/**
 * The functions that a caller gives (`epochOf`, a verifier), as the store calls them: whatever such a
 * function does, the result is a value of the right kind, or a typed error; and a verifier is measured.
 */
import { readingArguments } from "../types/arguments.js";
import { callbackFailed, usageError } from "../types/errors.js";
import { isLanekeeperError } from "../types/lanekeeper-error.js";
import type { AvailStart } from "../avail/avail-start.js";
import { type Observe, timed } from "../types/measures.js";
import { type Epoch, type EpochOf, epochShape } from "../wire/committee.js";

/**
 * `epochOf`, checked: it must return an epoch, or `undefined` for one that it does not know, at once.
 * It may not call the store, which would ask it again.
 */
export function guardedEpochOf(epochOf: EpochOf): EpochOf {
  let isAsked = false;
  return (epochIndex) => {
    if (isAsked) throw usageError("epochOf called the store while the store was asking it");
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
  return readingArguments(`the result of ${call}`, () => {
    if (typeof found === "object" && found !== null && "then" in found) {
      quiet(found);
      throw usageError(
        `${call} returned a promise: load the committees before, and return at once`,
      );
    }
    epochShape(found, `the result of ${call}`);
    const epoch = found as Epoch;
    if (epoch.index !== epochIndex) throw usageError(`${call} returned epoch ${epoch.index}`);
    return epoch;
  });
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

/** `verifier` itself, where nobody observes. */
export function measuredVerifier(verifier: Verifying, observe: Observe | undefined): Verifying {
  if (!observe) return verifier;
  return {
    verifySignedBlockAtOnce: (signed, committee) => {
      const beganMs = performance.now();
      verifier.verifySignedBlockAtOnce(signed, committee);
      observe("blockVerifyMs", performance.now() - beganMs);
    },
    verifyCommitQC: (qc, epoch) =>
      timed(observe, "commitQCVerifyMs", () => verifier.verifyCommitQC(qc, epoch)),
    verifyAnchor: (anchor, epochOf) =>
      timed(observe, "anchorVerifyMs", () => verifier.verifyAnchor(anchor, epochOf)),
    verifyLaneQC: (qc, committee) =>
      timed(observe, "laneQCVerifyMs", () => verifier.verifyLaneQC(qc, committee)),
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
  return isLanekeeperError(cause) ? cause : callbackFailed("the verifier", cause);
}
