/** A verifier whose looks at signatures are measured, for a store that is. */
import type { AvailStart } from "../avail/avail-start.js";
import { type Observe, timed } from "../types/measures.js";

type Verifying = AvailStart["verifier"];

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
