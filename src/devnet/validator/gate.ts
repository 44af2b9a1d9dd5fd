/**
 * What a message from a peer must be before the engine hears of it: signed by members of the
 * committee. Blocks and bare commit QCs pass: the store verifies them. It does so with the same
 * verifier, so that no vote is verified again in the certificates that it ends up in.
 */
import type { Epoch } from "../../wire/committee.js";
import type { ViewStart } from "../../wire/rules/full-proposal.js";
import {
  appVoteDigest,
  commitVoteDigest,
  laneVoteDigest,
  prepareVoteDigest,
  timeoutVoteDigest,
} from "../../wire/hash.js";
import type { FullTimeoutVote, Signature } from "../../wire/messages.js";
import type { Verifier } from "../../wire/verifier.js";
import { VerifyError } from "../../wire/verify-error.js";
import type { Message } from "../protocol/message.js";

export class Gate {
  readonly #epoch: Epoch;
  readonly #verifier: Verifier;

  constructor(epoch: Epoch, verifier: Verifier) {
    this.#epoch = epoch;
    this.#verifier = verifier;
  }

  /** Tells whether `message` may come in. `start` is what proposals are measured by. */
  async admits(message: Message, start: ViewStart): Promise<boolean> {
    try {
      await this.#verify(message, start);
      return true;
    } catch (cause) {
      if (cause instanceof VerifyError) return false;
      throw cause;
    }
  }

  async #verify(message: Message, start: ViewStart): Promise<void> {
    const epoch = this.#epoch;
    switch (message.kind) {
      case "laneVote":
        return await this.#vote(message.vote.sig, laneVoteDigest(message.vote.msg));
      case "prepareVote":
        return await this.#vote(message.vote.sig, prepareVoteDigest(message.vote.msg));
      case "commitVote":
        return await this.#vote(message.vote.sig, commitVoteDigest(message.vote.msg));
      case "appVote":
        return await this.#vote(message.vote.sig, appVoteDigest(message.vote.msg));
      case "timeoutVote":
        return await this.#timeoutVote(message.vote);
      case "proposal":
        return await this.#verifier.verifyFullProposal(message.proposal, start);
      case "timeoutQC":
        return await this.#verifier.verifyTimeoutQC(message.qc, epoch, start.commitQC);
      case "anchor": {
        const epochOf = (index: bigint) => (index === epoch.index ? epoch : undefined);
        return await this.#verifier.verifyAnchor(message.anchor, epochOf);
      }
      case "hello":
      case "status":
      case "askRoad":
      case "askLane":
      case "askHeld":
      case "held":
      case "block":
      case "commitQC":
        return;
    }
  }

  async #vote(sig: Signature, digest: Uint8Array): Promise<void> {
    await this.#verifier.verifyVote(sig, digest, this.#epoch.committee);
  }

  /** It comes with the prepare QC that it names, and with none where it names none. */
  async #timeoutVote({ vote, latestPrepareQC }: FullTimeoutVote): Promise<void> {
    await this.#vote(vote.sig, timeoutVoteDigest(vote.msg));
    const named = vote.msg.latestPrepareQcViewNumber;
    const { view } = latestPrepareQC?.vote ?? {};
    if (named !== view?.number || (view && view.index !== vote.msg.view.index)) {
      throw new VerifyError("prepare_qc_view", "the prepare QC is not the one that is named");
    }
    if (latestPrepareQC) await this.#verifier.verifyPrepareQC(latestPrepareQC, this.#epoch);
  }
}
