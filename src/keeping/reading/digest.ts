/** One digest of all that a store holds: two stores hold the same where it is the same. */
import { createHash } from "node:crypto";
import { hex } from "../../codec/hex.js";
import type { LaneId } from "../../types/lane.js";
import { encodePruneAnchor } from "../../wire/codec/encode.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { headerHash } from "../../wire/hash.js";
import type { RetainedRecord } from "../../log/retained-range.js";
import type { SnapshotRange, StoreSnapshot } from "./snapshot.js";

/** The records [first, next) of a lane or of the road. Numbers are decimal strings, hashes hex digits. */
export interface LogDigest {
  readonly first: string;
  readonly next: string;
  /** SHA-256 over number and bytes of each record, in order. */
  readonly digest: string;
}

/** Plain values: `JSON.stringify` gives all of it. */
export interface StoreDigest {
  /** SHA-256 over all that follows. */
  readonly digest: string;
  readonly chainId: string;
  /** Sorted by lane. `tip` is the header hash of the last block, where there is one. */
  readonly lanes: readonly (LogDigest & { readonly lane: LaneId; readonly tip: string | null })[];
  readonly road: LogDigest;
  readonly anchor: { readonly roadIndex: string; readonly digest: string } | null;
  readonly vote: { readonly digest: string } | null;
}

/**
 * The digest of all that a snapshot shows. Two stores hold the same records, anchor and vote state where it is the
 * same; segments, marks and the number of opens do not count.
 *
 * @example
 * await using snapshot = await readStore("state");
 * console.log((await digestOf(snapshot)).digest);
 *
 * @throws {PersisterError} as `StoreSnapshot.readBlock`.
 */
export async function digestOf(snapshot: StoreSnapshot): Promise<StoreDigest> {
  const { chainId, road, anchor, voteState } = snapshot.facts;
  const lanes: StoreDigest["lanes"][number][] = [];
  for (const [lane, range] of [...snapshot.facts.lanes].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const { log, last } = await logDigest(range, snapshot.blocks(lane));
    const tip = last ? hex(headerHash(readSignedBlockHeader(last))) : null;
    lanes.push({ lane, ...log, tip });
  }
  const parts = {
    chainId,
    lanes,
    road: (await logDigest(road, snapshot.commitQCs())).log,
    anchor: anchor
      ? {
          roadIndex: `${anchor.commitQC.vote.view.index}`,
          digest: sha256(encodePruneAnchor(anchor)),
        }
      : null,
    vote: voteState ? { digest: sha256(voteState) } : null,
  };
  return { digest: sha256(JSON.stringify(parts)), ...parts };
}

/** The digest of a log, and the bytes of its last record. */
async function logDigest(
  { first, next }: SnapshotRange,
  records: AsyncGenerator<RetainedRecord>,
): Promise<{ readonly log: LogDigest; readonly last: Uint8Array | undefined }> {
  const hash = createHash("sha256");
  let last: Uint8Array | undefined;
  for await (const { number, bytes } of records) {
    hash.update(`${number} ${bytes.length} `).update(bytes);
    last = bytes;
  }
  return { log: { first: `${first}`, next: `${next}`, digest: hash.digest("hex") }, last };
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}
