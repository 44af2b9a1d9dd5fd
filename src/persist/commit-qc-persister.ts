/**
 * The road: one commit QC per road index, contiguous from its first to its next.
 */
import type { LaneLog } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import { PersisterError } from "../types/errors.js";
import { encodeCommitQC } from "../wire/codec/encode.js";
import { decodeCommitQC } from "../wire/codec/decode.js";
import { commitVoteDigest, sameBytes } from "../wire/hash.js";
import type { CommitQC } from "../wire/messages.js";
import { commitQCKind, ROAD } from "./kinds.js";

/** A commit QC as it is to be stored. */
export interface NewCommitQC {
  readonly qc: CommitQC;
  /** Its bytes as received. Lent until durable or refused. */
  readonly bytes: Uint8Array;
}

/** How QCs are appended. */
export interface RoadTurn {
  /** A durable anchor's index above next: the road is emptied and goes on there (D3). */
  readonly start?: bigint;
  readonly onDurable?: (next: bigint) => void;
}

/** When a prune may go to disk: behind `after`, and `lazily` where nobody waits for it. */
export interface PruneWhen {
  readonly after?: Promise<void>;
  readonly lazily?: boolean;
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
      const index = each.qc.vote.view.index;
      if (index >= this.log.first && index < this.log.next) await this.#refuseConflict(each);
      else if (index >= this.log.next) fresh.push(each);
    }
    const { start, onDurable } = turn;
    const records = fresh.map(({ qc, bytes }) => ({ number: qc.vote.view.index, payload: bytes }));
    await this.log.write({
      ...(start === undefined ? {} : { prune: { start } }),
      append: { records, onDurable },
    });
  }

  /**
   * Applies a durable anchor: the road starts at its index, where its QC stays, or is written again
   * where it is missing (D3). Durable when resolved. An index at or below the first changes nothing,
   * unless the log is empty there.
   *
   * @throws {PersisterError} VERIFY_MISMATCH, before anything changed; POISONED, CLOSED.
   */
  async prune(anchor: CommitQC, when: PruneWhen = {}): Promise<void> {
    const index = anchor.vote.view.index;
    if (index < this.log.first) return;
    const missing = index >= this.log.appendNext;
    await this.log.write({
      prune: { ...when, start: index, verify: (first) => verifyFirst(anchor, first) },
      append: { records: missing ? [{ number: index, payload: encodeCommitQC(anchor) }] : [] },
    });
  }

  async #refuseConflict({ qc, bytes }: NewCommitQC): Promise<void> {
    const { index } = qc.vote.view;
    const held = await this.log.readBytes(index);
    if (sameBytes(commitVoteDigest(decodeCommitQC(held).vote), commitVoteDigest(qc.vote))) return;
    throw new PersisterError(
      "CONFLICT",
      `commit QC ${index}: conflict, a QC of another proposal is held at this index`,
      { roadIndex: index, held, offered: bytes },
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
