/**
 * Checks the commit QCs of the road, in the order of their log. It takes one unbroken run: every QC
 * lies under its own road index, follows the QC before it, and verifies against the committee of its
 * epoch. It takes nothing above a refused QC: the road has no holes.
 */
import type { Epoch, EpochOf } from "../../wire/committee.js";
import { commitVoteDigest, sameBytes } from "../../wire/hash.js";
import type { CommitQC } from "../../wire/messages.js";
import { verifyCommitQC } from "../../wire/rules/verify.js";
import { VerifyError } from "../../wire/verify-error.js";
import { firstBroken, type CheckResult, type RecordRule, refusedBy } from "./record-check.js";
import type { LiveRecord } from "../read/live-run.js";

export interface VerifiedCommitQC {
  readonly kind: "commitQC";
  readonly index: bigint;
  readonly qc: CommitQC;
}

export interface RoadTerms {
  readonly epochOf: EpochOf;
  /** The road index that the road starts at; undefined if it may start anywhere. */
  readonly start: bigint | undefined;
  /** The anchor's commit QC, at the road just below `start`. It is verified. */
  readonly anchor: CommitQC | undefined;
}

interface QCCase extends RoadTerms {
  readonly index: bigint;
  readonly qc: CommitQC;
  readonly next: bigint | undefined;
  readonly refused: bigint | undefined;
}

const rules: readonly RecordRule<QCCase>[] = [
  {
    reason: "after_refused",
    broken: ({ refused }) =>
      refused === undefined ? undefined : `the record under index ${refused} was refused`,
  },
  {
    reason: "wrong_number",
    broken: ({ qc, index }) =>
      qc.vote.view.index === index
        ? undefined
        : `it is the commit QC of road ${qc.vote.view.index}, stored under ${index}`,
  },
  {
    reason: "road_gap",
    broken: ({ index, next }) =>
      next === undefined || index === next ? undefined : `the commit QC of road ${next} is missing`,
  },
];

/** A commit QC at the anchor's own road may be there too. It must commit what the anchor commits. */
const anchorRules: readonly RecordRule<QCCase>[] = [
  {
    reason: "other_proposal",
    broken: ({ qc, anchor }) =>
      anchor && !sameBytes(commitVoteDigest(qc.vote), commitVoteDigest(anchor.vote))
        ? "it commits another proposal than the anchor"
        : undefined,
  },
];

export class RoadCheck {
  readonly #terms: RoadTerms;
  readonly #epochs: Epoch[] = [];
  #next: bigint | undefined;
  #refused: bigint | undefined;

  constructor(terms: RoadTerms) {
    this.#terms = terms;
    this.#next = terms.start;
    if (terms.anchor) this.#name(terms.anchor);
  }

  /** The newest epoch that the anchor or a taken commit QC names; epoch 0 if there is neither. */
  get newestEpoch(): Epoch | undefined {
    return this.#epochs[0] ?? this.#terms.epochOf(0n);
  }

  /**
   * The epochs whose committees may have lanes: those that the anchor and the taken commit QCs name,
   * and the one that begins with the next road, if that is another. Newest first.
   */
  get epochs(): readonly Epoch[] {
    const newest = this.newestEpoch;
    if (newest === undefined) return [];
    const named = this.#epochs.length === 0 ? [newest] : this.#epochs;
    const isOver = this.#next !== undefined && this.#next >= newest.nextRoad;
    const following = isOver ? this.#terms.epochOf(newest.index + 1n) : undefined;
    return following ? [following, ...named] : named;
  }

  /** Checks the next record of the log. */
  async check({ index, value: qc }: LiveRecord<CommitQC>): Promise<CheckResult<VerifiedCommitQC>> {
    const { start, anchor } = this.#terms;
    const facts = { ...this.#terms, index, qc, next: this.#next, refused: this.#refused };
    if (start !== undefined && index < start) {
      const isAnchors = anchor !== undefined && anchor.vote.view.index === index;
      const other = isAnchors ? firstBroken(anchorRules, facts) : undefined;
      if (other) this.#refused ??= index;
      return other ?? { kind: "below" };
    }
    const result = firstBroken(rules, facts) ?? (await this.#verified(qc));
    if (result?.kind === "refused") {
      this.#refused ??= index;
      return result;
    }
    this.#next = index + 1n;
    this.#name(qc);
    return { kind: "taken", taken: { kind: "commitQC", index, qc } };
  }

  async #verified(qc: CommitQC) {
    const { epochIndex } = qc.vote.view;
    const epoch = this.#terms.epochOf(epochIndex);
    try {
      if (!epoch) {
        throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
      }
      await verifyCommitQC(qc, epoch);
      return undefined;
    } catch (cause) {
      return refusedBy(cause);
    }
  }

  #name(qc: CommitQC): void {
    const { epochIndex } = qc.vote.view;
    if (this.#epochs[0]?.index === epochIndex) return;
    const epoch = this.#terms.epochOf(epochIndex);
    if (epoch) this.#epochs.unshift(epoch);
  }
}
