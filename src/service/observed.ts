/** The service as metrics, health and the page see it. */
import type { Lanekeeper } from "../node/lanekeeper.js";
import type { LaneId } from "../types/lane.js";
import type { LanekeeperError } from "../types/lanekeeper-error.js";

/** The store that is served, from its opening on. */
export type StoreState =
  | { readonly kind: "opening" }
  /** It did not open; the service stays up and says why. */
  | { readonly kind: "refused"; readonly error: LanekeeperError }
  | {
      readonly kind: "open";
      readonly keeper: Pick<Lanekeeper, "status" | "releases" | "lastBackup">;
    }
  | { readonly kind: "closed" };

/** The validator that writes. */
export interface Writer {
  readonly name: string;
  readonly fence: bigint;
  readonly isConnected: boolean;
}

export interface Observed {
  readonly version: string;
  readonly directory: string;
  readonly store: () => StoreState;
  /** Nothing new is taken: the service is about to end. */
  readonly isDraining: () => boolean;
  /** The newest writer, if there was one. */
  readonly writer: () => Writer | undefined;
  /** The lane's index in the committee of an epoch; `undefined` for a lane outside of it. */
  readonly laneIndex: (lane: LaneId, epochIndex: bigint) => number | undefined;
  /** The certificates in use, and when each expires. */
  readonly certificates: () => readonly { readonly file: string; readonly expiresMs: number }[];
}
