/**
 * One validator's part in the views of a road index: proposal, prepare votes, commit votes, and the
 * timeout that ends a view whose leader is gone. Pure: inputs are verified messages.
 *
 * Each step of a view starts its timer anew. When f + 1 validators have given a view up, all give
 * it up at once: without the votes of those there is no quorum.
 *
 * Invariants, each kept across restarts because the vote state is durable before a vote leaves:
 *  - one proposal, one prepare vote, one commit vote and one timeout vote per view;
 *  - no prepare or commit vote in a view after a timeout vote in it;
 *  - a timeout vote names the newest prepare QC that this validator knows, and a commit vote is
 *    stored with the prepare QC that it follows from: so the next leader must propose it again;
 *  - at road indices up to `abstainThrough` nothing is signed: a lost vote may stand there (D6).
 */
import {
  signCommitVote,
  signPrepareVote,
  signProposal,
  signTimeoutVote,
} from "../../wire/build.js";
import type { Epoch } from "../../wire/committee.js";
import type { KeyPair } from "../../wire/signatures/signer.js";
import type { ViewStart } from "../../wire/rules/full-proposal.js";
import { commitVoteDigest, prepareVoteDigest, sameBytes } from "../../wire/hash.js";
import type {
  CommitQC,
  FullProposal,
  FullTimeoutVote,
  LaneQC,
  LaneRange,
  PersistedInner,
  PrepareQC,
  Proposal,
  SignedProposal,
  TimeoutQC,
  Timestamp,
  View,
} from "../../wire/messages.js";
import { globalRange } from "../../wire/rules/proposal.js";
import { roadAfter, sameView } from "../../wire/rules/timeout.js";
import type { Output, RoundMessage, VoteMessage } from "./step.js";
import { hex } from "../../codec/hex.js";
import { Tally } from "./tally.js";
import { laterOf, timeoutQCOf, viewOf } from "./views.js";

export interface Signer {
  readonly keys: KeyPair;
  readonly epoch: Epoch;
}

/** The content of a proposal: ranges that hold at least one block, with their lane QCs. */
export interface Cut {
  readonly laneRanges: readonly LaneRange[];
  readonly laneQCs: readonly LaneQC[];
}

export interface RoundStart {
  readonly commitQC: CommitQC | undefined;
  readonly votes: PersistedInner | undefined;
  readonly abstainThrough: bigint | undefined;
  /** Gets each commit QC that the votes make. */
  readonly decided: (qc: CommitQC, out: Output[]) => void;
}

/** The state before road 0. */
export const GENESIS: ViewStart["genesis"] = {
  globalFirst: 0n,
  timestamp: { seconds: 0n, nanos: 0 },
};

/** The messages that were signed in a view: at most one of each kind. */
interface Signed {
  readonly prepareVote: SignedProposal | undefined;
  readonly commitVote: SignedProposal | undefined;
  readonly timeoutVote: FullTimeoutVote | undefined;
}
const nothing: Signed = { prepareVote: undefined, commitVote: undefined, timeoutVote: undefined };

export class Round {
  readonly #signer: Signer;
  readonly #abstainThrough: bigint;
  readonly #decided: RoundStart["decided"];
  #commitQC: CommitQC | undefined;
  #timeoutQC: TimeoutQC | undefined;
  #prepareQC: PrepareQC | undefined;
  #signed = nothing;
  /** The durable votes of this view: they may be said again. */
  #said: VoteMessage[] = [];
  #prepares: Tally<Proposal>;
  /** By view number: a view that timed out may still be decided by late votes. */
  #commits = new Map<bigint, Tally<Proposal>>();
  #timeouts = new Map<bigint, Map<string, FullTimeoutVote>>();

  constructor(signer: Signer, start: RoundStart) {
    this.#signer = signer;
    this.#abstainThrough = start.abstainThrough ?? -1n;
    this.#decided = start.decided;
    this.#commitQC = start.commitQC;
    this.#prepares = this.#newTally();
    if (start.votes !== undefined) this.#recover(start.votes);
  }

  get view(): View {
    const index = roadAfter(this.#commitQC);
    const before = this.#timeoutQC?.votes[0]?.msg.view.number;
    const number = before === undefined ? 0n : before + 1n;
    return { index, number, epochIndex: this.#signer.epoch.index };
  }

  /** The rules that a proposal of the current view must follow. */
  get start(): ViewStart {
    const { epoch } = this.#signer;
    return { epoch, commitQC: this.#commitQC, timeoutQC: this.#timeoutQC, genesis: GENESIS };
  }

  get isAbstaining(): boolean {
    return this.view.index <= this.#abstainThrough;
  }

  /** Whether a message would still change anything: what would not need not be verified. */
  wants(message: RoundMessage): boolean {
    const { view } = this;
    switch (message.kind) {
      case "proposal":
        return sameView(message.proposal.proposal.msg.view, view) && this.#mayPrepare;
      case "prepareVote":
        return sameView(message.vote.msg.view, view) && this.#prepares.wants(message.vote.sig);
      case "commitVote": {
        const { msg, sig } = message.vote;
        const isNear = msg.view.index === view.index && msg.view.number <= view.number;
        return isNear && (this.#commits.get(msg.view.number)?.wants(sig) ?? true);
      }
      case "timeoutVote": {
        const { msg, sig } = message.vote.vote;
        // One view ahead is enough: the others say their timeout QC again.
        const isNear = msg.view.index === view.index && msg.view.number === view.number;
        return isNear && !(this.#timeouts.get(msg.view.number)?.has(hex(sig.key)) ?? false);
      }
      case "timeoutQC": {
        const ended = message.qc.votes[0]?.msg.view;
        return ended?.index === view.index && ended.number >= view.number;
      }
    }
  }

  /** Takes a verified message that `wants` wanted. */
  take(message: RoundMessage, out: Output[]): void {
    if (!this.wants(message)) return;
    switch (message.kind) {
      case "proposal":
        return this.#prepare(message.proposal.proposal.msg, [], out);
      case "prepareVote":
        return this.#takePrepareVote(message.vote, out);
      case "commitVote":
        return this.#takeCommitVote(message.vote, out);
      case "timeoutVote":
        return this.#takeTimeoutVote(message.vote, out);
      case "timeoutQC":
        return this.#enter(message.qc, out);
    }
  }

  /** Begins a life: votes that recovery found count, as they did where they were heard. */
  begin(out: Output[]): void {
    this.#startTimer(out);
    for (const vote of this.#said) this.take(vote, out);
  }

  /** A commit QC of this road or a later one is durable: the next road begins. */
  advance(qc: CommitQC, out: Output[]): void {
    if (qc.vote.view.index < this.view.index) return;
    this.#commitQC = qc;
    this.#timeoutQC = undefined;
    this.#commits = new Map();
    this.#timeouts = new Map();
    this.#clearView();
    this.#startTimer(out);
  }

  /**
   * Proposes, if this validator leads the view and has signed nothing in it. A proposal that was
   * prepared before a restart has perhaps left: then votes decide the view, or its timeout ends it.
   */
  propose(cut: () => Cut | undefined, now: Timestamp, out: Output[]): void {
    const { keys, epoch } = this.#signer;
    const { view } = this;
    if (!this.#mayPrepare || !sameBytes(epoch.committee.leader(view).key, keys.publicKey)) return;
    const prepared = this.#timeoutQC?.latestPrepareQC?.vote;
    const fresh = prepared === undefined ? cut() : { laneRanges: [], laneQCs: [] };
    if (fresh === undefined) return;
    const proposal = prepared ? { ...prepared, view } : this.#proposalOf(fresh.laneRanges, now);
    const full: FullProposal = {
      proposal: signProposal(proposal, keys),
      laneQCs: fresh.laneQCs,
      timeoutQC: this.#timeoutQC,
    };
    this.#prepare(proposal, [{ kind: "proposal", proposal: full }], out);
  }

  /** The time of the view is over: gives the view up, or says once more that it is given up. */
  giveUp(view: View, out: Output[]): void {
    if (!sameView(view, this.view)) return;
    this.#startTimer(out);
    if (this.isAbstaining) return;
    if (this.#signed.timeoutVote !== undefined) return this.sayAgain(out);
    const latest = this.#prepareQC ?? this.#timeoutQC?.latestPrepareQC;
    const latestPrepareQcViewNumber = latest?.vote.view.number;
    const vote = signTimeoutVote({ view, latestPrepareQcViewNumber }, this.#signer.keys);
    const timeoutVote: FullTimeoutVote = { vote, latestPrepareQC: latest };
    this.#signed = { ...this.#signed, timeoutVote };
    this.#store([{ kind: "timeoutVote", vote: timeoutVote }], out);
  }

  /** The vote state with these votes is durable: they leave, and count in our own tallies. */
  votesDurable(votes: readonly VoteMessage[], out: Output[]): void {
    for (const vote of votes) {
      out.push({ kind: "broadcast", message: vote });
      if (sameView(viewOf(vote), this.view)) this.#said.push(vote);
    }
    for (const vote of votes) if (vote.kind !== "proposal") this.take(vote, out);
  }

  /** Broadcasts the durable votes of this view once more: a peer may have been away. */
  sayAgain(out: Output[]): void {
    for (const message of this.#said) out.push({ kind: "broadcast", message });
    const qc = this.#timeoutQC;
    if (qc !== undefined) out.push({ kind: "broadcast", message: { kind: "timeoutQC", qc } });
  }

  get #mayPrepare(): boolean {
    const { prepareVote, timeoutVote } = this.#signed;
    return prepareVote === undefined && timeoutVote === undefined && !this.isAbstaining;
  }

  #prepare(proposal: Proposal, before: readonly VoteMessage[], out: Output[]): void {
    const prepareVote = signPrepareVote(proposal, this.#signer.keys);
    this.#signed = { ...this.#signed, prepareVote };
    this.#startTimer(out);
    this.#store([...before, { kind: "prepareVote", vote: prepareVote }], out);
  }

  #takePrepareVote({ msg, sig }: SignedProposal, out: Output[]): void {
    const qc = this.#prepares.add(prepareVoteDigest(msg), msg, sig);
    if (qc === undefined) return;
    this.#prepareQC = qc;
    const { commitVote, timeoutVote } = this.#signed;
    if (commitVote !== undefined || timeoutVote !== undefined || this.isAbstaining) return;
    const vote = signCommitVote(qc.vote, this.#signer.keys);
    this.#signed = { ...this.#signed, commitVote: vote };
    this.#startTimer(out);
    this.#store([{ kind: "commitVote", vote }], out);
  }

  #takeCommitVote({ msg, sig }: SignedProposal, out: Output[]): void {
    const { number } = msg.view;
    const tally = this.#commits.get(number) ?? this.#newTally();
    this.#commits.set(number, tally);
    const qc = tally.add(commitVoteDigest(msg), msg, sig);
    if (qc !== undefined) this.#decided(qc, out);
  }

  #takeTimeoutVote(full: FullTimeoutVote, out: Output[]): void {
    const { committee } = this.#signer.epoch;
    const { number } = full.vote.msg.view;
    const votes = this.#timeouts.get(number) ?? new Map<string, FullTimeoutVote>();
    this.#timeouts.set(number, votes);
    votes.set(hex(full.vote.sig.key), full);
    let weight = 0n;
    for (const { vote } of votes.values()) weight += committee.memberOf(vote.sig.key)?.weight ?? 0n;
    if (weight >= committee.commitQuorum) {
      const qc = timeoutQCOf([...votes.values()]);
      this.#enter(qc, out);
      out.push({ kind: "broadcast", message: { kind: "timeoutQC", qc } });
    } else if (weight > committee.faulty && this.#signed.timeoutVote === undefined) {
      this.giveUp(this.view, out);
    }
  }

  #enter(qc: TimeoutQC, out: Output[]): void {
    this.#timeoutQC = qc;
    this.#clearView();
    this.#startTimer(out);
  }

  #startTimer(out: Output[]): void {
    out.push({ kind: "startTimer", view: this.view });
  }

  #clearView(): void {
    this.#prepareQC = undefined;
    this.#signed = nothing;
    this.#said = [];
    this.#prepares = this.#newTally();
  }

  #store(votes: readonly VoteMessage[], out: Output[]): void {
    const state: PersistedInner = {
      commitQC: this.#commitQC,
      prepareQC: this.#prepareQC,
      timeoutQC: this.#timeoutQC,
      ...this.#signed,
    };
    out.push({ kind: "storeVotes", state, index: this.view.index, votes });
  }

  /** A vote state of an older road says nothing about this one. */
  #recover(votes: PersistedInner): void {
    if (roadAfter(votes.commitQC) !== this.view.index) return;
    this.#timeoutQC = votes.timeoutQC;
    this.#prepareQC = votes.prepareQC;
    const { prepareVote, commitVote, timeoutVote } = votes;
    this.#signed = { prepareVote, commitVote, timeoutVote };
    if (prepareVote) this.#said.push({ kind: "prepareVote", vote: prepareVote });
    if (commitVote) this.#said.push({ kind: "commitVote", vote: commitVote });
    if (timeoutVote) this.#said.push({ kind: "timeoutVote", vote: timeoutVote });
  }

  #proposalOf(laneRanges: readonly LaneRange[], now: Timestamp): Proposal {
    const before = this.#commitQC?.vote;
    const globalFirst = before === undefined ? GENESIS.globalFirst : globalRange(before).next;
    return { view: this.view, timestamp: laterOf(now, before), laneRanges, globalFirst };
  }

  #newTally(): Tally<Proposal> {
    const { committee } = this.#signer.epoch;
    return new Tally(committee, committee.commitQuorum);
  }
}
