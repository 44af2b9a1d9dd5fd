/** The archive of a store, as its service tells of it. */
import type { Status } from "../../node/status.js";
import { ROAD } from "../../persist/kinds.js";
import type { ArchiveStatus } from "../../rpc/api/types.js";
import { errorOf, laneOf } from "../../rpc/failures.js";
import { toMs } from "../../rpc/times.js";
import type { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";

export function archiveOf(told: ArchiveStatus | undefined): Status["archive"] {
  if (!told) return undefined;
  const { bucket, gate, logs, oldestPending, failing } = told;
  const lanes = new Map<LaneId, bigint>();
  const refused = new Map<LaneId | "road", PersisterError>();
  let road = 0n;
  for (const log of logs) {
    const lane = laneOf(log.lane);
    if (lane === undefined) road = log.through;
    else lanes.set(lane, log.through);
    if (log.refused) refused.set(lane ?? ROAD, errorOf(log.refused));
  }
  return {
    bucket,
    gate: gate === "strict" ? "strict" : "best effort",
    through: { lanes, road },
    pendingRecords: told.pendingRecords,
    oldestPendingMs: oldestPending ? toMs(oldestPending) : 0,
    heldSegments: Number(told.heldSegments),
    heldBytes: Number(told.heldBytes),
    heldBytesMax: Number(told.heldBytesMax),
    isBehind: told.behind,
    counts: {
      objects: Number(told.objects),
      bytes: Number(told.bytes),
      found: Number(told.found),
      failures: Number(told.failures),
      missed: told.missed,
    },
    failing: failing && errorOf(failing),
    refused,
  };
}
