/** Verified records in batches: those of one log that follow each other go to disk as one group. */
import type { ImportItem, VerifiedVotes } from "../../../sei/import/import.js";
import type { VerifiedBlock } from "../../../sei/import/lane-check.js";
import type { VerifiedCommitQC } from "../../../sei/import/road-check.js";
import type { LaneId } from "../../../types/lane.js";
import { blockBytes } from "../../../wire/codec/encode.js";

export type Batch =
  | { readonly kind: "commitQCs"; readonly records: readonly VerifiedCommitQC[] }
  | { readonly kind: "blocks"; readonly lane: LaneId; readonly records: readonly VerifiedBlock[] }
  | { readonly kind: "votes"; readonly votes: VerifiedVotes };

/** A batch ends behind the record that brings it to this size, or to this number. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_RECORDS = 64;

/** The records among `items` in their order, none left out. */
export async function* batched(items: AsyncIterable<ImportItem>): AsyncGenerator<Batch> {
  let blocks: VerifiedBlock[] = [];
  let commitQCs: VerifiedCommitQC[] = [];
  let bytes = 0;
  function* ended(): Generator<Batch> {
    const [block] = blocks;
    if (block) yield { kind: "blocks", lane: block.lane, records: blocks };
    if (commitQCs.length > 0) yield { kind: "commitQCs", records: commitQCs };
    [blocks, commitQCs, bytes] = [[], [], 0];
  }
  for await (const item of items) {
    if (item.kind === "block") {
      if (blocks[0]?.lane !== item.lane) yield* ended();
      blocks.push(item);
      bytes += blockBytes(item.block.msg.payload);
    } else if (item.kind === "commitQC") {
      if (blocks.length > 0) yield* ended();
      commitQCs.push(item);
    } else if (item.kind === "votes") {
      yield* ended();
      yield { kind: "votes", votes: item };
    }
    const isFull = bytes >= BATCH_BYTES || blocks.length + commitQCs.length >= BATCH_RECORDS;
    if (isFull) yield* ended();
  }
  yield* ended();
}
