/** The sources of a repair: the damaged store, and those that are asked for what it has lost. */
import type { LaneId } from "../../types/lane.js";
import type { Epoch } from "../../wire/committee.js";
import type { Salvaged } from "./salvage.js";

/**
 * Peers that are asked for records that are lost. Bytes as they were signed; `undefined` where nobody has them. Nothing
 * of them counts that is not proven.
 */
export interface Peers {
  readonly block?: (lane: LaneId, number: bigint) => Promise<Uint8Array | undefined>;
  readonly commitQC?: (roadIndex: bigint) => Promise<Uint8Array | undefined>;
  /** The newest prune anchor, asked for where the store's own is lost. */
  readonly anchor?: () => Promise<Uint8Array | undefined>;
}

export interface RepairSources {
  readonly store: Salvaged;
  readonly backup: Salvaged | undefined;
  readonly archive: Pick<Peers, "block" | "commitQC">;
  readonly peers: Peers;
  readonly epochs: readonly Epoch[];
  /** Nobody can tell what was acknowledged behind the records that can be read. */
  readonly isEndUnknown: boolean;
}
