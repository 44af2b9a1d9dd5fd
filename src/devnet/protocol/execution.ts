/**
 * Execution as one validator does it: the blocks of each durable commit QC in order, a hash chain
 * over them as the state, an app vote for what came out, and the anchor that a quorum of such votes
 * makes. Pure: inputs are verified messages.
 *
 * Invariants: roads are executed in order, each when all its blocks are durable here; an anchor is
 * stored only for a road that was executed here, so that nothing is pruned that is still needed.
 * After a restart execution continues behind the anchor, whose app hash a quorum has signed.
 */
import { createHash } from "node:crypto";
import { signAppVote } from "../../wire/build.js";
import { appVoteDigest, headerHash } from "../../wire/hash.js";
import {
  type AppProposal,
  type AppQC,
  type Block,
  type CommitQC,
  type PruneAnchor,
  type SignedAppVote,
  ZERO_HASH,
} from "../../wire/messages.js";
import { globalRange } from "../../wire/rules/proposal.js";
import type { Signer } from "./round.js";
import type { EngineStart, Input, Output, Unexecuted } from "./step.js";
import { Tally } from "./tally.js";

/** Anchors that are kept for peers that catch up; beyond them a peer takes the newest one. */
const ANCHORS_KEPT = 512n;
/** App votes are collected up to so many roads ahead of our own execution. */
const AHEAD_ROADS = 1_000n;

export class Execution {
  readonly #signer: Signer;
  /** Commit QCs from the oldest that is not executed or anchored yet. */
  readonly #qcs = new Map<bigint, CommitQC>();
  readonly #votes = new Map<bigint, Tally<AppProposal>>();
  readonly #said = new Map<bigint, SignedAppVote>();
  readonly #appQCs = new Map<bigint, AppQC>();
  /** The latest anchors, stored or passed over. */
  readonly #anchors = new Map<bigint, PruneAnchor>();
  #next: bigint;
  #appHash: Uint8Array;
  #isExecuting = false;
  /** The newest anchor that was handed to the store. */
  #stored: bigint;

  constructor(signer: Signer, { anchor, road }: EngineStart) {
    this.#signer = signer;
    this.#stored = anchor?.commitQC.vote.view.index ?? -1n;
    this.#next = this.#stored + 1n;
    this.#appHash = anchor?.appQC.vote.appHash ?? ZERO_HASH;
    if (anchor !== undefined) this.#anchors.set(this.#stored, anchor);
    for (const qc of road.qcs) this.#qcs.set(qc.vote.view.index, qc);
  }

  /** The first road that is not executed. */
  get next(): bigint {
    return this.#next;
  }

  /** The first road above the newest anchor. */
  get anchorNext(): bigint {
    return this.#stored + 1n;
  }

  /** The newest anchor known here. */
  get newestAnchor(): PruneAnchor | undefined {
    return this.#anchors.get(this.#stored);
  }

  anchorAt(index: bigint): PruneAnchor | undefined {
    return this.#anchors.get(index);
  }

  wantsVote({ msg, sig }: SignedAppVote): boolean {
    const isNear = msg.roadIndex > this.#stored && msg.roadIndex < this.#next + AHEAD_ROADS;
    return isNear && (this.#votes.get(msg.roadIndex)?.wants(sig) ?? true);
  }

  wantsAnchor({ commitQC }: PruneAnchor): boolean {
    const { index } = commitQC.vote.view;
    return index > this.#stored && !this.#appQCs.has(index);
  }

  committed(qc: CommitQC): void {
    const { index } = qc.vote.view;
    if (index >= this.#next) this.#qcs.set(index, qc);
  }

  /** Asks for the next road to be executed, if its blocks are durable. */
  execute(isDurable: (qc: CommitQC) => boolean, out: Output[]): void {
    const qc = this.#qcs.get(this.#next);
    if (this.#isExecuting || qc === undefined || !isDurable(qc)) return;
    this.#isExecuting = true;
    out.push({ kind: "execute", qc, parent: this.#appHash });
  }

  /** A road was executed: the vote for the result leaves where it is allowed. */
  executed({ index, appHash, mayVote }: Extract<Input, { kind: "executed" }>, out: Output[]): void {
    this.#isExecuting = false;
    const qc = this.#qcs.get(index);
    // Meanwhile an anchor may have gone past it.
    if (index !== this.#next || qc === undefined) return;
    this.#next = index + 1n;
    this.#appHash = appHash;
    if (mayVote && index > this.#stored) this.#vote(qc, appHash, out);
    this.#storeAnchor(index, out);
  }

  #vote(qc: CommitQC, appHash: Uint8Array, out: Output[]): void {
    const { first, next } = globalRange(qc.vote);
    const { index: roadIndex, epochIndex } = qc.vote.view;
    const app = { roadIndex, appHash, epochIndex, globalFirst: first, globalNext: next };
    const vote = signAppVote(app, this.#signer.keys);
    this.#said.set(roadIndex, vote);
    out.push({ kind: "broadcast", message: { kind: "appVote", vote } });
    this.takeVote(vote, out);
  }

  takeVote(vote: SignedAppVote, out: Output[]): void {
    if (!this.wantsVote(vote)) return;
    const { committee } = this.#signer.epoch;
    const { roadIndex: index } = vote.msg;
    const tally = this.#votes.get(index) ?? new Tally(committee, committee.commitQuorum);
    this.#votes.set(index, tally);
    const qc = tally.add(appVoteDigest(vote.msg), vote.msg, vote.sig);
    if (qc === undefined) return;
    this.#appQCs.set(index, qc);
    this.#storeAnchor(index, out);
  }

  /** Takes an anchor that a peer has kept; its QCs are verified. */
  takeAnchor({ appQC, commitQC }: PruneAnchor, out: Output[]): void {
    const { index } = commitQC.vote.view;
    if (index <= this.#stored) return;
    this.#appQCs.set(index, appQC);
    this.#storeAnchor(index, out);
  }

  /**
   * Continues behind `anchor` without having executed the roads below it, which no peer has any more. A host that
   * has an archive executes them from there first. The anchor's road may have been decided in another view here:
   * then our own commit QC goes with its app QC. While our commit QC is still on its way to disk (`isTaken`),
   * nothing is done: a later anchor will do.
   */
  jump({ appQC, commitQC }: PruneAnchor, isTaken: boolean, out: Output[]): void {
    const { index } = commitQC.vote.view;
    const held = this.#qcs.get(index);
    if (index < this.#next || (isTaken && held === undefined)) return;
    const unexecuted = { next: this.#next, parent: this.#appHash };
    this.#store({ appQC, commitQC: held ?? commitQC }, out, unexecuted);
  }

  /** The anchor is durable: nothing at or below it needs a vote any more. */
  anchored({ commitQC, appQC }: PruneAnchor): void {
    const { index } = commitQC.vote.view;
    if (index >= this.#next) {
      this.#next = index + 1n;
      this.#appHash = appQC.vote.appHash ?? ZERO_HASH;
      this.#isExecuting = false;
    }
    for (const held of [this.#votes, this.#said, this.#appQCs, this.#qcs]) {
      for (const below of held.keys()) if (below <= index) held.delete(below);
    }
  }

  /** Broadcasts our votes that no anchor covers once more: a peer may have been away. */
  sayAgain(out: Output[]): void {
    for (const vote of this.#said.values()) {
      out.push({ kind: "broadcast", message: { kind: "appVote", vote } });
    }
  }

  #storeAnchor(index: bigint, out: Output[]): void {
    const appQC = this.#appQCs.get(index);
    const commitQC = this.#qcs.get(index);
    if (appQC === undefined || commitQC === undefined || index >= this.#next) return;
    if (index > this.#stored) this.#store({ appQC, commitQC }, out);
  }

  #store(anchor: PruneAnchor, out: Output[], unexecuted?: Unexecuted): void {
    const { index } = anchor.commitQC.vote.view;
    this.#stored = index;
    this.#anchors.set(index, anchor);
    for (const old of this.#anchors.keys())
      if (old < index - ANCHORS_KEPT) this.#anchors.delete(old);
    out.push({ kind: "storeAnchor", anchor, unexecuted });
  }
}

/**
 * The state after `blocks` on a state with hash `parent`: a link for each, over its transactions.
 */
export function appHashOf(
  parent: Uint8Array,
  globalFirst: bigint,
  blocks: readonly Block[],
): Uint8Array {
  let hash = parent;
  let number = globalFirst;
  for (const { header, payload } of blocks) {
    const place = Buffer.alloc(8);
    place.writeBigUInt64BE(number);
    const link = createHash("sha256").update(hash).update(place).update(headerHash(header));
    for (const tx of payload.txs) link.update(tx);
    hash = new Uint8Array(link.digest());
    number += 1n;
  }
  return hash;
}
