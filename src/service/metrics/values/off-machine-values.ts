/** The gauges and counters of what a store has beyond its machine: an archive, and reservations. */
import type { ArchiveStatus } from "../../../archive/writing/archiving.js";
import { type ReservationStatus, reservationStates } from "../../../node/signing/reserving.js";
import type { LaneId } from "../../../types/lane.js";
import type { Families } from "../families.js";

export function putArchive(
  families: Families,
  archive: ArchiveStatus,
  labels: ReadonlyMap<LaneId, string>,
): void {
  const { through, counts, failing } = archive;
  families.put("lanekeeper_archive_pending_records", archive.pendingRecords);
  families.put("lanekeeper_archive_oldest_pending_seconds", archive.oldestPendingMs / 1000);
  families.put("lanekeeper_archive_pending_segments", archive.heldSegments);
  families.put("lanekeeper_archive_pending_bytes", archive.heldBytes);
  families.put("lanekeeper_archive_pending_max_bytes", archive.heldBytesMax);
  families.put("lanekeeper_archive_behind", archive.isBehind ? 1 : 0);
  families.put(
    "lanekeeper_archive_failing",
    failing ? 1 : 0,
    failing ? { code: failing.code } : {},
  );
  families.put("lanekeeper_archive_refused_logs", archive.refused.size);
  families.put("lanekeeper_archive_road_through_index", through.road);
  for (const [lane, label] of labels) {
    const number = through.lanes.get(lane) ?? 0n;
    families.put("lanekeeper_archive_lane_through_block", number, { lane: label });
  }
  families.put("lanekeeper_archive_objects_total", counts.objects, { outcome: "stored" });
  families.put("lanekeeper_archive_objects_total", counts.found, { outcome: "found" });
  families.put("lanekeeper_archive_uploaded_bytes_total", counts.bytes);
  families.put("lanekeeper_archive_failures_total", counts.failures);
  families.put("lanekeeper_archive_missed_records_total", counts.missed);
}

export function putReservations(families: Families, reservations: ReservationStatus): void {
  const { state, places, puts, failures, failure } = reservations;
  for (const each of reservationStates) {
    const label = { state: each.replaceAll(" ", "_") };
    families.put("lanekeeper_reservations_state", each === state ? 1 : 0, label);
  }
  families.put(
    "lanekeeper_reservations_failing",
    failure ? 1 : 0,
    failure ? { code: failure.code } : {},
  );
  const names = [...places.keys()];
  const road = places.get("road");
  if (road) families.put("lanekeeper_reservations_road_next_index", road.next);
  const own = places.get(names.find((name) => name.startsWith("blocks/")) ?? "");
  if (own) families.put("lanekeeper_reservations_own_next_block", own.next);
  const voted = [...places].filter(([name, { first, next }]) => {
    return name.startsWith("votes/") && first < next;
  }).length;
  families.put("lanekeeper_reservations_voted_lanes", voted);
  families.put("lanekeeper_reservations_puts_total", puts);
  families.put("lanekeeper_reservations_failures_total", failures);
}
