/**
 * Verifying with a memory and two threads: verified messages are looked up, and some hundreds of
 * signatures are shared with a worker. Every answer is the one that the functions in `verify.ts` give.
 */
import { PersisterError } from "../types/errors.js";
import {
  checkArguments,
  having,
  maybe,
  optionsOf,
  type Shape,
  type Fields,
} from "../types/shape.js";
import type { Committee, Epoch, EpochOf } from "./committee.js";
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
import type { ViewStart } from "./rules/full-proposal.js";
import * as questions from "./rules/questions.js";
import type { Check, Claim } from "./signatures/claim.js";
import { KnownClaims } from "./signatures/known-claims.js";
import {
  type Memory,
  verified,
  verifiedAtOnce,
  type VerifyOptions,
} from "./signatures/run-rule.js";
import { Threads } from "./signatures/threads.js";

const KNOWN_MAX_DEFAULT = 8192;
/** The table allocates its room at once: 2 GB or so for as many. */
const KNOWN_MAX = 2 ** 24;

export interface VerifierOptions {
  /**
   * Certificates and single messages to remember, of 100 to 200 bytes each; none for 0.
   *
   * @defaultValue 8192, about a megabyte
   */
  readonly knownMax?: number | undefined;
  /**
   * The compiled program of the second thread, or `"none"` for one thread alone. If no thread can be had
   * (a limit of the system, Node's permission model), one thread verifies everything too.
   *
   * @defaultValue the program beside this module, if there is one
   */
  readonly worker?: URL | "none" | undefined;
}

const optionsShape = optionsOf({
  knownMax: maybe((value, name) => {
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= KNOWN_MAX) return;
    throw new PersisterError("USAGE", `${name} must be an integer from 0 to ${KNOWN_MAX}`);
  }),
  worker: maybe((value, name) => {
    if (value === "none" || value instanceof URL) return;
    throw new PersisterError("USAGE", `${name} must be a URL or "none"`);
  }),
} satisfies Fields<VerifierOptions>);

/** The counts of a verifier since it was made. */
export interface VerifierCounts {
  /** Certificates that were known. */
  readonly known: number;
  /** Signatures that were known: of single messages, and of votes in certificates that were not known. */
  readonly knownSignatures: number;
  /** Signatures that were verified: of certificates and of single messages. */
  readonly signatures: number;
  /** How many of these the worker verified. */
  readonly byWorker: number;
  /** Workers that died or could not be started. The calling thread verified what they had. */
  readonly workerDeaths: number;
}

/** The methods that others call. A verifier of another copy of this package has them too. */
const methods = [
  "verifyVote",
  "verifySignedBlock",
  "verifySignedBlockAtOnce",
  "verifyLaneQC",
  "verifyAppQC",
  "verifyCommitQC",
  "verifyPrepareQC",
  "verifyFullCommitQC",
  "verifyTimeoutQC",
  "verifyFullProposal",
  "verifyAnchor",
  "close",
] as const satisfies readonly (keyof Verifier)[];

export const verifierShape: Shape = having("a Verifier", ...methods);

/** Tells whether `value` is a verifier, of this copy of the package or of another. */
export function isVerifier(value: unknown): value is Verifier {
  try {
    verifierShape(value, "verifier");
    // The counts are private fields: behind a proxy they cannot be read, nor could anything be verified.
    return typeof (value as Verifier).counts.signatures === "number";
  } catch {
    return false;
  }
}

/**
 * Verifies messages, and remembers them. Its methods reject with `VerifyError` for a broken rule, with
 * USAGE for a wrong argument, with ABORTED by the signal, and with CLOSED once it is closed.
 *
 * @example
 * await using verifier = new Verifier();
 * await verifier.verifyCommitQC(qc, epoch);
 */
export class Verifier implements AsyncDisposable {
  readonly #known: KnownClaims;
  readonly #threads: Threads;
  readonly #counts = { known: 0, knownSignatures: 0, signatures: 0 };
  #isClosed = false;

  /** @throws {PersisterError} USAGE naming the wrong option. */
  constructor(choices: VerifierOptions = {}) {
    checkArguments([optionsShape, choices, "options"]);
    this.#known = new KnownClaims(choices.knownMax ?? KNOWN_MAX_DEFAULT);
    this.#threads = new Threads(choices.worker);
  }

  /** Verifies a member's vote over `digest`. It is known then in the certificates that it becomes part of. */
  verifyVote(
    sig: Signature,
    digest: Uint8Array,
    committee: Committee,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(questions.voteQuestion(sig, digest, committee), options);
  }

  verifySignedBlock(
    signed: SignedBlock,
    committee: Committee,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(questions.signedBlockQuestion(signed, committee), options);
  }

  /** As `verifySignedBlock`, at once: a block of 2 MB holds the event loop for some milliseconds. */
  verifySignedBlockAtOnce(signed: SignedBlock, committee: Committee): void {
    const isKnownSignature = (check: Check): boolean => {
      const isKnown = this.#isKnownSignature(check);
      if (!isKnown) this.#counts.signatures++;
      return isKnown;
    };
    const remember = (claims: readonly Claim[]): void => this.#rememberAll(claims);
    const memory: Memory = { isKnownSignature, remember };
    verifiedAtOnce(questions.signedBlockQuestion(signed, committee), memory);
  }

  verifyLaneQC(qc: LaneQC, committee: Committee, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.laneQuestion(qc, committee), options);
  }

  verifyAppQC(qc: AppQC, committee: Committee, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.appQuestion(qc, committee), options);
  }

  verifyCommitQC(qc: CommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.commitQuestion(qc, epoch), options);
  }

  verifyPrepareQC(qc: PrepareQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.prepareQuestion(qc, epoch), options);
  }

  verifyFullCommitQC(full: FullCommitQC, epoch: Epoch, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.fullCommitQuestion(full, epoch), options);
  }

  /** `previous` is the commit QC of the road before; none on road 0. */
  verifyTimeoutQC(
    qc: TimeoutQC,
    epoch: Epoch,
    previous: CommitQC | undefined,
    options?: VerifyOptions,
  ): Promise<void> {
    return this.#run(questions.timeoutQuestion(qc, epoch, previous), options);
  }

  verifyFullProposal(full: FullProposal, start: ViewStart, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.fullProposalQuestion(full, start), options);
  }

  verifyAnchor(anchor: PruneAnchor, epochOf: EpochOf, options?: VerifyOptions): Promise<void> {
    return this.#run(questions.anchorQuestion(anchor, epochOf), options);
  }

  get counts(): VerifierCounts {
    const { byWorker, workerDeaths } = this.#threads;
    return { ...this.#counts, byWorker, workerDeaths };
  }

  /** Rejects the verifications that are under way, and stops the worker. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#threads.close(closed());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(question: questions.Question, choices: VerifyOptions | undefined): Promise<void> {
    if (this.#isClosed) throw closed();
    await verified(question, choices, {
      isKnown: (claim) => this.#isKnown(claim),
      isKnownSignature: (check) => this.#isKnownSignature(check),
      firstBad: (batch) => {
        this.#counts.signatures += batch.checks.length;
        return this.#threads.firstBad(batch);
      },
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

  /** Remembers a certificate as a whole, and of a single message its signature. */
  #rememberAll(claims: readonly Claim[]): void {
    for (const claim of claims) {
      if (claim.quorum > 0n) this.#known.add(claim);
      else for (const check of claim.checks) this.#known.addSignature(check);
    }
  }
}

function closed(): PersisterError {
  return new PersisterError("CLOSED", "the verifier was closed");
}
