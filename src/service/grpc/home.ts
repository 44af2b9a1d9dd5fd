/** The part of the running service that handlers use. */
import type { ByteBudget } from "../../async/byte-budget.js";
import type { Lanekeeper } from "../../node/lanekeeper.js";
import type { ServiceStatus } from "../../rpc/api/keeper.js";
import type { Encodable } from "../../rpc/message.js";
import type { Fence } from "../fence.js";
import type { Refused } from "../metrics/refusals.js";

/** A store that is open, and its fence. */
export interface OpenHome {
  readonly keeper: Lanekeeper;
  readonly fence: Fence;
}

export interface Home {
  /** @throws {PersisterError} NOT_READY while there is no open store, with the reason. */
  readonly open: () => OpenHome;
  /** The status of the service, whatever its store is. */
  readonly status: () => Encodable<typeof ServiceStatus>;
  /** Bytes that all streams together may have under way. */
  readonly inFlight: ByteBudget;
  /** Notes a refusal for metrics and page. */
  readonly refused: (refused: Refused) => void;
}
