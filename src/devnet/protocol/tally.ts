/**
 * Collects votes until they are a certificate. The votes are verified already. The certificate
 * holds the first votes that made the quorum, in the order of their arrival.
 *
 * The library makes certificates of votes too (`certifyCommit` and its sisters): it verifies them,
 * and so is asynchronous. The engine never waits, and its votes are verified when they come in.
 */
import { hex } from "../../codec/hex.js";
import type { Committee } from "../../wire/committee.js";
import type { Certificate, Signature } from "../../wire/messages.js";

interface Pile<T> {
  readonly vote: T;
  readonly sigs: Signature[];
  weight: bigint;
}

/** The votes for one place (a block number, a view, a road index): one of each signer counts. */
export class Tally<T> {
  readonly #committee: Committee;
  readonly #quorum: bigint;
  readonly #signers = new Set<string>();
  /** By the digest of the voted message. */
  readonly #piles = new Map<string, Pile<T>>();
  #isCertified = false;

  constructor(committee: Committee, quorum: bigint) {
    this.#committee = committee;
    this.#quorum = quorum;
  }

  /** Whether a vote of this signer can still count. */
  wants({ key }: Signature): boolean {
    return !this.#isCertified && !this.#signers.has(hex(key));
  }

  /** Adds a vote for the message with `digest`; returns the certificate that the vote completes. */
  add(digest: Uint8Array, vote: T, sig: Signature): Certificate<T> | undefined {
    const member = this.#committee.memberOf(sig.key);
    if (member === undefined || !this.wants(sig)) return undefined;
    this.#signers.add(hex(sig.key));
    const pile = this.#piles.get(hex(digest)) ?? { vote, sigs: [], weight: 0n };
    this.#piles.set(hex(digest), pile);
    pile.sigs.push(sig);
    pile.weight += member.weight;
    if (pile.weight < this.#quorum) return undefined;
    this.#isCertified = true;
    return { vote: pile.vote, sigs: pile.sigs };
  }
}
