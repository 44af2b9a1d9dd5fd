/**
 * Claims and single signatures that were verified: looking one up costs less than verifying it again.
 * The table is bounded, and lets the least recently used entry go first. It keeps only what is valid, so
 * that nobody can fill it with bad signatures.
 */
import { createHash } from "node:crypto";
import { LeastRecent } from "../../types/least-recent.js";
import type { Check, Claim } from "./claim.js";
import { packChecks } from "./packed-checks.js";

export class KnownClaims {
  readonly #known: LeastRecent<true>;

  /** Keeps up to `max` of them, of 100 to 200 bytes each; none for 0. */
  constructor(max: number) {
    this.#known = new LeastRecent(max);
  }

  has(claim: Claim): boolean {
    return this.#known.get(nameOf(claim)) ?? false;
  }

  add(claim: Claim): void {
    this.#known.set(nameOf(claim), true);
  }

  /** That a signature is valid depends on no committee. */
  hasSignature(check: Check): boolean {
    return this.#known.get(signatureNameOf(check)) ?? false;
  }

  addSignature(check: Check): void {
    this.#known.set(signatureNameOf(check), true);
  }
}

/** A claim is true by its committee, quorum, digests, keys and signatures: its name is made of these. */
function nameOf({ checks, committee, quorum }: Claim): string {
  return createHash("sha256")
    .update(committee.fingerprint)
    .update(`${quorum} `)
    .update(packChecks(checks))
    .digest("binary");
}

/** Digest, key and signature as they are: too long to be the name of a claim. */
function signatureNameOf(check: Check): string {
  return Buffer.from(packChecks([check]).buffer).toString("latin1");
}
