/**
 * Verifying with a memory and two threads: what was verified before is looked up, and some hundreds
 * of signatures are shared with a worker. The verdicts are those of the functions in `verify.ts`.
 */
import { PersisterError } from "../types/errors.js";
import { anchorRule } from "./rules/anchor.js";
import { Batch, firstBadHere } from "./signatures/batch.js";
import { CheckWorker, CheckWorkerError } from "./signatures/check-worker.js";
import type { Check, Claim, Rule } from "./signatures/claim.js";
import type { Committee, Epoch, EpochOf } from "./committee.js";
import { fullProposalRule, type ViewStart } from "./rules/full-proposal.js";
import { KnownClaims } from "./signatures/known-claims.js";
import type {
  AppQC,
  CommitQC,
  FullCommitQC,
  FullProposal,
  LaneQC,
  PrepareQC,
  PruneAnchor,
  Signature,
  SignedBlock,
  TimeoutQC,
} from "./messages.js";
import * as rules from "./rules/rules.js";
import { runAtOnce, runRule, type VerifyOptions } from "./signatures/run-rule.js";
import { timeoutRule } from "./rules/timeout.js";

/** Signatures waiting from which on a second thread is worth its messages: 24 ms of work. */
const WORKER_CHECKS_MIN = 200;

/** Workers that may die before this thread goes on alone: what ends three would end the next one. */
const WORKER_DEATHS_MAX = 3;

/** Compiled beside this file. Run from the sources there is none, and one thread does it all. */
const compiledWorker = import.meta.url.endsWith(".ts")
  ? "none"
  : new URL("./signatures/verify-worker.js", import.meta.url);

export interface VerifierOptions {
  /** Certificates and single messages to remember; default 8192, about a megabyte. */
  readonly knownMax?: number;
  /** The compiled program of the second thread; default the one beside this module, if any. */
  readonly worker?: URL | "none";
}

/** What was asked of a verifier since it was made. */
export interface VerifierCounts {
  /** Certificates that were known. */
  readonly known: number;
  /** Signatures that were known: of single messages, and of votes in certificates that were not known. */
  readonly knownSignatures: number;
  /** Signatures that were verified: of certificates and of single messages. */
  readonly signatures: number;
  /** Of these, how many the worker verified. */
  readonly byWorker: number;
  /** Workers that died of themselves; what they had was verified by the calling thread. */
  readonly workerDeaths: number;
}

/** Every method rejects with `VerifyError`, with ABORTED by the signal, and with CLOSED once closed. */
export class Verifier implements AsyncDisposable {
  readonly #known: KnownClaims;
  #program: URL | "none";
  /** What is being verified. */
  readonly #batches = new Set<Batch>();
  readonly #counts = {
    known: 0,
    knownSignatures: 0,
    signatures: 0,
    byWorker: 0,
    workerDeaths: 0,
  };
  #worker: CheckWorker | undefined;
  #isClosed = false;

  constructor({ knownMax = 8192, worker = compiledWorker }: VerifierOptions = {}) {
    this.#known = new KnownClaims(knownMax);
    this.#program = worker;
  }

  /** A member's vote over `digest`: in the certificates that it ends up in it is known. */
  verifyVote(
    sig: Signature,
    digest: Uint8Array,
    committee: Committee,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(rules.voteRule(sig, digest, committee), options);
  }

  verifySignedBlock(
    signed: SignedBlock,
    committee: Committee,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(rules.signedBlockRule(signed, committee), options);
  }

  /** As `verifySignedBlock`, but returns when it is done: a block of 2 MB takes some milliseconds. */
  verifySignedBlockAtOnce(signed: SignedBlock, committee: Committee): void {
    const isKnownSignature = (check: Check): boolean => {
      const isKnown = this.#isKnownSignature(check);
      if (!isKnown) this.#counts.signatures++;
      return isKnown;
    };
    const remember = (claims: readonly Claim[]): void => this.#rememberAll(claims);
    runAtOnce(rules.signedBlockRule(signed, committee), { isKnownSignature, remember });
  }

  verifyLaneQC(qc: LaneQC, committee: Committee, options?: VerifyOptions): Promise<void> {
    return this.#run(rules.laneRule(qc, committee), options);
  }

  verifyAppQC(qc: AppQC, committee: Committee, options?: VerifyOptions): Promise<void> {
    return this.#run(rules.appRule(qc, committee), options);
  }

  verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(rules.commitRule(qc, epoch), options);
  }

  verifyPrepareQC(qc: PrepareQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(rules.prepareRule(qc, epoch), options);
  }

  verifyFullCommitQC(full: FullCommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(rules.fullCommitRule(full, epoch), options);
  }

  /** `previous` is the commit QC of the road before; none on road 0. */
  verifyTimeoutQC(
    qc: TimeoutQC,
    epoch: Epoch,
    previous: CommitQC | undefined,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(timeoutRule(qc, epoch, previous), options);
  }

  verifyFullProposal(full: FullProposal, start: ViewStart, options?: VerifyOptions): Promise<void> {
    return this.#run(fullProposalRule(full, start), options);
  }

  verifyAnchor(anchor: PruneAnchor, epochOf: EpochOf, options?: VerifyOptions): Promise<void> {
    return this.#run(anchorRule(anchor, epochOf), options);
  }

  get counts(): VerifierCounts {
    return { ...this.#counts };
  }

  /** Rejects what is being verified, and stops the worker. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const batch of this.#batches) batch.fail(closed());
    await this.#worker?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(rule: Rule, { signal }: VerifyOptions = {}): Promise<void> {
    if (this.#isClosed) throw closed();
    await runRule(rule, {
      signal,
      isKnown: (claim) => this.#isKnown(claim),
      isKnownSignature: (check) => this.#isKnownSignature(check),
      firstBad: (batch) => this.#firstBad(batch),
      remember: (claims) => this.#rememberAll(claims),
    });
  }

  #isKnown(claim: Claim): boolean {
    const isKnown = claim.quorum > 0n && this.#known.has(claim);
    if (isKnown) this.#counts.known++;
    return isKnown;
  }

  #isKnownSignature(check: Check): boolean {
    const isKnown = this.#known.hasSignature(check);
    if (isKnown) this.#counts.knownSignatures++;
    return isKnown;
  }

  /** A certificate as a whole, of a single message its signature. */
  #rememberAll(claims: readonly Claim[]): void {
    for (const claim of claims) {
      if (claim.quorum > 0n) this.#known.add(claim);
      else for (const check of claim.checks) this.#known.addSignature(check);
    }
  }

  async #firstBad(batch: Batch): Promise<Check | undefined> {
    if (this.#isClosed) throw closed();
    this.#counts.signatures += batch.checks.length;
    for (let each = batch; ; each = new Batch(batch.checks)) {
      this.#batches.add(each);
      try {
        this.#shareIfMany();
        return await firstBadHere(each);
      } catch (cause) {
        // That a worker died says nothing of the signatures: they are verified again, all of them.
        if (!(cause instanceof CheckWorkerError)) throw cause;
      } finally {
        this.#batches.delete(each);
      }
      if (this.#isClosed) throw closed();
    }
  }

  /** Calls the worker in where many signatures wait, in one batch or in several. */
  #shareIfMany(): void {
    if (this.#program === "none") return;
    let waiting = 0;
    for (const { left } of this.#batches) waiting += left;
    if (waiting < WORKER_CHECKS_MIN) return;
    this.#worker ??= new CheckWorker(this.#program, {
      onVerified: (count) => {
        this.#counts.byWorker += count;
      },
      onLost: () => {
        this.#worker = undefined;
        this.#counts.workerDeaths += 1;
        if (this.#counts.workerDeaths >= WORKER_DEATHS_MAX) this.#program = "none";
      },
    });
    this.#worker.share(this.#batches);
  }
}

function closed(): PersisterError {
  return new PersisterError("CLOSED", "the verifier was closed");
}
