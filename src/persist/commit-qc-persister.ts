/**
 * The road: one commit QC per road index, contiguous from its first to its next.
 */
import type { LaneLog } from "../log/lane-log.js";
import type { NewRecord } from "../log/turn.js";
import type { LogSet } from "../log/log-set.js";
import { hasCode, PersisterError } from "../types/errors.js";
import { encodeCommitQC } from "../wire/codec/encode.js";
import { decodeCommitQC } from "../wire/codec/decode.js";
import { commitVoteDigest, sameBytes } from "../wire/hash.js";
import type { CommitQC } from "../wire/messages.js";
import { commitQCKind, ROAD } from "./kinds.js";

/** A commit QC as it is to be stored: its payload is the encoded QC, as received. */
export interface NewCommitQC extends NewRecord {
  readonly qc: CommitQC;
  /** Of its proposal. */
  readonly digest: Uint8Array;
}

/** `qc` as it is to be stored; `payload` is its encoding, where that is known already. */
export function newCommitQC(qc: CommitQC, payload = encodeCommitQC(qc)): NewCommitQC {
  return { number: qc.vote.view.index, payload, qc, digest: commitVoteDigest(qc.vote) };
}

/** How QCs are appended. */
export interface RoadTurn {
  /** A durable anchor's index above next: the road is emptied and goes on there (D3). */
  readonly start?: bigint;
  readonly onDurable?: (next: bigint) => void;
}

export class CommitQCPersister {
  readonly log: LaneLog<CommitQC>;

  constructor(logs: LogSet) {
    this.log = logs.open(ROAD, commitQCKind);
  }

  /**
   * Appends QCs in ascending order; durable when resolved. One below next with the digest that is
   * held there is ignored, so that start-up may offer what is there already (D2).
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE, CONFLICT, DISK_FULL, POISONED, CLOSED.
   */
  async append(qcs: readonly NewCommitQC[], turn: RoadTurn = {}): Promise<void> {
    const fresh: NewCommitQC[] = [];
    for (const each of qcs) {
      const { number } = each;
      if (number >= this.log.first && number < this.log.next) await this.#refuseConflict(each);
      else if (number >= this.log.next) fresh.push(each);
    }
    const { start, onDurable } = turn;
    await this.log.write({
      ...(start === undefined ? {} : { prune: { start } }),
      append: { records: fresh, onDurable },
    });
  }

  /**
   * Applies a durable anchor: the road starts at its index (D3). An index at or below the first changes
   * nothing; one beyond the last empties the road. Durable when resolved.
   *
   * @throws {PersisterError} VERIFY_MISMATCH, before anything changed; POISONED, CLOSED.
   */
  async prune(
    anchor: CommitQC,
    { lazily }: { readonly lazily?: () => boolean } = {},
  ): Promise<void> {
    const { index } = anchor.vote.view;
    await this.log.write({
      prune: { start: index, lazily, verify: (first) => verifyFirst(anchor, first) },
    });
  }

  /**
   * As `prune`, and the anchor's own QC is written again if the road lacks it. Durable when resolved. On
   * a full disk the QC stays in the anchor alone, and is the next one that is written (D9).
   */
  async startAt(anchor: CommitQC): Promise<void> {
    await this.prune(anchor);
    if (this.log.appendNext !== anchor.vote.view.index) return;
    try {
      await this.append([newCommitQC(anchor)]);
    } catch (cause) {
      if (!hasCode(cause, "DISK_FULL")) throw cause;
    }
  }

  async #refuseConflict({ number: index, payload, digest }: NewCommitQC): Promise<void> {
    const held = await this.log.readBytes(index);
    if (sameBytes(commitVoteDigest(decodeCommitQC(held).vote), digest)) return;
    throw new PersisterError(
      "CONFLICT",
      `commit QC ${index}: conflict, a QC of another proposal is held at this index`,
      { roadIndex: index, held, offered: payload },
    );
  }
}

/** D4: the QC that becomes the first is the anchor's: same index, same proposal. */
function verifyFirst(anchor: CommitQC, first: CommitQC): void {
  if (sameBytes(commitVoteDigest(first.vote), commitVoteDigest(anchor.vote))) return;
  const { index } = anchor.vote.view;
  throw new PersisterError(
    "VERIFY_MISMATCH",
    `commit QC ${index}: the QC held at the anchor's index is of another proposal than the ` +
      "anchor's; nothing was truncated",
    { roadIndex: index },
  );
}
