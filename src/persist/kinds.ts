/**
 * The logs hold signed blocks, one log per lane under the lane's own name, and commit QCs, one log for
 * the road. They store the bytes as they were received.
 */
import type { RecordKind } from "../log/lane-log.js";
import { readHeaderAtBegin, readSignedBlockHeader } from "../wire/codec/block-header.js";
import { decodeCommitQC } from "../wire/codec/decode.js";
import type { BlockHeader, CommitQC } from "../wire/messages.js";
import type { LaneId } from "../types/lane.js";

/** The road's log. No lane is called so. */
export const ROAD = "road";

/** Of a block the log looks at the header alone: the rest is under its hash, and under the CRC. */
export function blockKind(lane: LaneId): RecordKind<BlockHeader> {
  return {
    noun: "block",
    decode: readSignedBlockHeader,
    decodeBeginning: readHeaderAtBegin,
    facts: (blockNumber) => ({ lane, blockNumber }),
  };
}

export const commitQCKind: RecordKind<CommitQC> = {
  noun: "commit QC",
  decode: decodeCommitQC,
  facts: (roadIndex) => ({ roadIndex }),
};
