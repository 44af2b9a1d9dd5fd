/**
 * Stands between the connections and the engine. The gate lets a message in if members of the
 * committee have signed it. Blocks and bare commit QCs pass: the store verifies them, with the same
 * verifier, so that no vote is verified again in the certificates that it becomes a part of.
 * Messages about a view that is not reached yet wait for it.
 */
import type { LaneId } from "../../types/lane.js";
import type { Epoch } from "../../wire/committee.js";
import type { ViewStart } from "../../wire/rules/full-proposal.js";
import {
  appVoteDigest,
  commitVoteDigest,
  laneVoteDigest,
  prepareVoteDigest,
  timeoutVoteDigest,
} from "../../wire/hash.js";
import type { FullTimeoutVote, Signature, View } from "../../wire/messages.js";
import { sameView } from "../../wire/rules/timeout.js";
import type { Verifier } from "../../wire/verifier.js";
import { VerifyError } from "../../wire/verify-error.js";
import type { Engine } from "../protocol/engine.js";
import type { Message } from "../protocol/message.js";

export class Gate {
  readonly #epoch: Epoch;
  readonly #verifier: Verifier;

  constructor(epoch: Epoch, verifier: Verifier) {
    this.#epoch = epoch;
    this.#verifier = verifier;
  }

  /** Tells whether `message` may come in. `start` has the rules that proposals must follow. */
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
      case "askSigned":
      case "signed":
      case "block":
      case "commitQC":
        return;
    }
  }

  async #vote(sig: Signature, digest: Uint8Array): Promise<void> {
    await this.#verifier.verifyVote(sig, digest, this.#epoch.committee);
  }

  /** A timeout vote comes with the prepare QC that it names, or with none if it names none. */
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

/**
 * One of each kind from each of a hundred validators, with a view to spare; the oldest go first.
 */
const KEPT_MAX = 512;

interface Early {
  readonly from: LaneId;
  readonly message: Message;
}

/** Messages about views that are not reached yet, kept in the order in which they came. */
export class EarlyMessages {
  #kept: Early[] = [];
  #view: View | undefined;

  /** Keeps a message that `engine` does not want yet; any other message is dropped. */
  keep(engine: Engine, early: Early): void {
    if (!engine.isEarly(early.message)) return;
    if (this.#kept.length >= KEPT_MAX) this.#kept.shift();
    this.#kept.push(early);
  }

  /** The kept messages, once for each view that `engine` reaches: bring them to it again. */
  take(engine: Engine): readonly Early[] {
    const { view } = engine;
    if (this.#view !== undefined && sameView(this.#view, view)) return [];
    this.#view = view;
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }
}
