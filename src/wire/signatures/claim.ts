/**
 * The claims that rules make about signatures. A rule is a generator: it checks the message itself,
 * throws if that breaks a rule, and yields a claim for each list of signatures that must hold. The
 * runner of a rule decides where and when the signatures are verified, and whether they are known.
 *
 * The order decides: a fault counts only if no signature claimed before it is bad. So a rule must
 * not depend on how a claim ends.
 */
import { hex } from "../../codec/hex.js";
import type { Committee, Member } from "../committee.js";
import type { Signature } from "../messages.js";
import { VerifyError } from "../verify-error.js";

/** A signature, and the 32-byte digest that it must be over. */
export interface Check {
  readonly digest: Uint8Array;
  readonly sig: Signature;
}

/** The signatures are valid, of distinct members, and have the weight of the quorum together. */
export interface Claim {
  readonly checks: readonly Check[];
  readonly committee: Committee;
  readonly quorum: bigint;
}

/** Yields nothing after long work, so that the event loop may have its turn. */
export type Rule = Generator<Claim | undefined, void, void>;

/** The claim that all of `sigs` are over one digest. */
export function certificateClaim(
  digest: Uint8Array,
  sigs: readonly Signature[],
  committee: Committee,
  quorum: bigint,
): Claim {
  return { checks: sigs.map((sig) => ({ digest, sig })), committee, quorum };
}

/** The claim that a member signed; any member will do. */
export function memberClaim(digest: Uint8Array, sig: Signature, committee: Committee): Claim {
  return { checks: [{ digest, sig }], committee, quorum: 0n };
}

/**
 * Appends the claim's checks to `checks`, up to the one whose signer is at fault.
 *
 * @throws {VerifyError} `duplicate_signer`, `not_a_replica`; `quorum`.
 */
export function addChecks(claim: Claim, checks: Check[]): void {
  const seen = new Set<Member>();
  let weight = 0n;
  for (const check of claim.checks) {
    const { key } = check.sig;
    const member = claim.committee.memberOf(key);
    if (member === undefined) {
      throw new VerifyError("not_a_replica", `${hex(key)} is not in the committee`);
    }
    if (seen.has(member)) throw new VerifyError("duplicate_signer", `${hex(key)} signed twice`);
    seen.add(member);
    weight += member.weight;
    checks.push(check);
  }
  if (weight >= claim.quorum) return;
  throw new VerifyError("quorum", `weight ${weight}, needed ${claim.quorum}`);
}

export function badSignature({ sig }: Check): VerifyError {
  return new VerifyError("bad_signature", `the signature of ${hex(sig.key)} is wrong`);
}
