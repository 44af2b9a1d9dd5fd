/**
 * Proves more of records than open checks: every block's payload hash and signature, every QC's
 * signatures and, if the committees are known, membership and quorum.
 */
import type { EpochOf } from "../../wire/committee.js";
import { proveAnchor } from "../../persist/anchor.js";
import { ROAD } from "../../persist/kinds.js";
import { PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId, laneParts } from "../../types/lane.js";
import { Committee, type Epoch } from "../../wire/committee.js";
import { decodeCommitQC, decodePruneAnchor, decodeSignedBlock } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { verify } from "../../wire/signatures/ed25519.js";
import { appVoteDigest, commitVoteDigest } from "../../wire/hash.js";
import type { CommitQC, PruneAnchor, Signature } from "../../wire/messages.js";
import {
  verifyAnchor,
  verifyAppAgainstCommit,
  verifyCommitQC,
  verifySignedBlock,
} from "../../wire/rules/verify.js";
import { VerifyError } from "../../wire/verify-error.js";

/**
 * How deep an inspection looks into what is stored. `forms`: as open does. `signatures`: every hash
 * and signature, each against the key that it names. `committees`: also who may sign, and quorums.
 */
export type Depth =
  | { readonly kind: "forms" }
  | { readonly kind: "signatures" }
  | { readonly kind: "committees"; readonly epochs: readonly Epoch[] };

/** A doubt about a record: it is wrong, or something of it could not be checked. */
export interface Doubt {
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** How many records were proven so far. */
export interface Proven {
  readonly blocks: number;
  readonly commitQCs: number;
}

export class RecordProver {
  readonly #epochs: readonly Epoch[];
  readonly #isCommitteeKnown: boolean;
  readonly #sole = new Map<LaneId, Committee>();
  /** Lanes and epochs that no committee given has: said once each. */
  readonly #unknown = new Set<string>();
  #blocks = 0;
  #commitQCs = 0;

  constructor(depth: Exclude<Depth, { kind: "forms" }>) {
    this.#isCommitteeKnown = depth.kind === "committees";
    this.#epochs = depth.kind === "committees" ? depth.epochs : [];
  }

  get proven(): Proven {
    return { blocks: this.#blocks, commitQCs: this.#commitQCs };
  }

  /** Proves one live record. Its lane, number and parent are checked elsewhere. */
  async prove(name: string, payload: Uint8Array): Promise<readonly Doubt[]> {
    try {
      if (name === ROAD) return await this.#commitQC(payload);
      return isLaneId(name) ? this.#block(name, payload) : [];
    } catch (cause) {
      if (!(cause instanceof DecodeError || cause instanceof VerifyError)) throw cause;
      return [{ severity: "error", message: cause.message }];
    }
  }

  #block(lane: LaneId, payload: Uint8Array): readonly Doubt[] {
    const signed = decodeSignedBlock(payload);
    const { committee } = this.#epochs.find((each) => each.committee.memberOfLane(lane)) ?? {};
    verifySignedBlock(signed, committee ?? this.#soleCommittee(signed.msg.header.lane));
    this.#blocks += 1;
    return committee ? [] : this.#unchecked(lane, "the lane is in no committee that was given");
  }

  async #commitQC(payload: Uint8Array): Promise<readonly Doubt[]> {
    const qc = decodeCommitQC(payload);
    const { epochIndex } = qc.vote.view;
    const epoch = this.#epochs.find((each) => each.index === epochIndex);
    if (epoch) await verifyCommitQC(qc, epoch);
    else verifyEach(qc.sigs, commitVoteDigest(qc.vote));
    this.#commitQCs += 1;
    const message = `no committee was given for epoch ${epochIndex}`;
    return epoch ? [] : this.#unchecked(`epoch ${epochIndex}`, message);
  }

  /** Said once for each `what`, and only where committees were given at all. */
  #unchecked(what: string, reason: string): readonly Doubt[] {
    if (!this.#isCommitteeKnown || this.#unknown.has(what)) return [];
    this.#unknown.add(what);
    const message = `${reason}: signatures were checked, membership and quorum were not`;
    return [{ severity: "warning", message }];
  }

  #soleCommittee(lane: LaneId): Committee {
    const known = this.#sole.get(lane);
    if (known) return known;
    const made = soleCommittee(lane);
    this.#sole.set(lane, made);
    return made;
  }
}

/** A committee whose one lane is `lane`: what a block is verified against where none is known. */
function soleCommittee(lane: LaneId): Committee {
  const { key, joined } = laneParts(lane);
  const weights = [{ key, weight: 1n }];
  if (joined === 0n) return Committee.genesis(weights);
  const another = key.map((byte) => ~byte);
  return Committee.genesis([{ key: another, weight: 1n }]).after(joined, weights);
}

/** Every signature is valid for the key that it names, none of them twice. Throws `VerifyError`. */
function verifyEach(sigs: readonly Signature[], digest: Uint8Array): void {
  const seen = new Set<string>();
  for (const sig of sigs) {
    const key = Buffer.from(sig.key).toString("hex");
    if (seen.has(key)) throw new VerifyError("duplicate_signer", `${key} signed twice`);
    seen.add(key);
    if (verify(digest, sig)) continue;
    throw new VerifyError("bad_signature", `the signature of ${key} is wrong`);
  }
  if (sigs.length === 0) throw new VerifyError("quorum", "nobody has signed");
}

/**
 * The anchor in `message`, as far as `depth` lets it be proven.
 *
 * @throws {PersisterError} ANCHOR_CORRUPT as `proveAnchor`, which is asked where the committee of its
 * epoch is known.
 */
export async function readAnchor(
  message: Uint8Array,
  file: string,
  depth: Depth,
): Promise<PruneAnchor> {
  try {
    const anchor = decodePruneAnchor(message);
    const { commitQC } = anchor;
    if (knowsEpoch(depth, commitQC)) {
      return await proveAnchor(message, file, (read) => verifyAnchor(read, epochOfAll(depth)));
    }
    verifyAppAgainstCommit(anchor.appQC.vote, commitQC);
    if (depth.kind === "forms") return anchor;
    verifyEach(commitQC.sigs, commitVoteDigest(commitQC.vote));
    verifyEach(anchor.appQC.sigs, appVoteDigest(anchor.appQC.vote));
    return anchor;
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof VerifyError)) throw cause;
    const text = `${file}: the prune anchor cannot be trusted: ${cause.message}`;
    throw new PersisterError("ANCHOR_CORRUPT", text, { file, cause });
  }
}

/** Whether the committee that must have signed `qc` is known. */
export function knowsEpoch(depth: Depth, qc: CommitQC): boolean {
  return epochOfAll(depth)(qc.vote.view.epochIndex) !== undefined;
}

function epochOfAll(depth: Depth): EpochOf {
  const epochs = depth.kind === "committees" ? depth.epochs : [];
  return (index) => epochs.find((epoch) => epoch.index === index);
}
