/** The gauges and counters of a scrape that follow from one look at the store. */
import { guardKinds } from "../../../node/signing/verdict.js";
import type { Status } from "../../../node/status.js";
import type { LaneId } from "../../../types/lane.js";
import type { Families } from "../families.js";
import { putArchive, putReservations } from "./off-machine-values.js";
import type { MetricName } from "../table.js";

/** All of it is of one moment. */
export function putStatus(
  families: Families,
  status: Status,
  labels: ReadonlyMap<LaneId, string>,
): void {
  putState(families, status);
  putRecovery(families, status);
  putRoad(families, status);
  putJournal(families, status);
  putKeys(families, status);
  if (status.archive) putArchive(families, status.archive, labels);
  if (status.reservations) putReservations(families, status.reservations);
  for (const [lane, label] of labels) putLane(families, status, { lane, label });
}

function putState(families: Families, status: Status): void {
  const { poison, stalled } = status;
  families.put("lanekeeper_store_info", 1, {
    store_id: status.storeId,
    chain_id: status.chainId,
    mode: status.durable ? "disk" : "memory",
  });
  families.put("lanekeeper_store_poisoned", poison ? 1 : 0, poison ? { code: poison.code } : {});
  families.put("lanekeeper_store_stalled", stalled ? 1 : 0, stalled ? { code: stalled.code } : {});
  families.put("lanekeeper_store_lanes", status.lanes.size);
  families.put("lanekeeper_store_epoch_index", status.epochIndex);
  families.put("lanekeeper_store_generation", status.recovery.generation);
  for (const kind of guardKinds) {
    const stands = status.guards?.standing.includes(kind) === true;
    families.put("lanekeeper_store_guarded", stands ? 1 : 0, { kind });
  }
  families.put("lanekeeper_listener_failures_total", status.counters.listenerFailures);
}

function putRecovery(families: Families, { recovery }: Status): void {
  for (const { name, ms } of recovery.steps) {
    families.put("lanekeeper_recovery_duration_seconds", ms / 1000, {
      step: name.replaceAll(" ", "_"),
    });
  }
  families.put("lanekeeper_recovery_records", recovery.recordsRead);
  families.put("lanekeeper_recovery_rewritten_bytes", recovery.bytesWrittenAgain);
  families.put("lanekeeper_recovery_pins", recovery.pins.length);
  families.put("lanekeeper_recovery_warnings", recovery.warnings.length);
}

function putRoad(families: Families, { road, anchorRoadIndex, anchorAgeMs }: Status): void {
  families.put("lanekeeper_road_first_index", road.first);
  families.put("lanekeeper_road_next_index", road.next);
  families.put("lanekeeper_road_durable_next_index", road.durable);
  if (anchorRoadIndex !== undefined) families.put("lanekeeper_anchor_road_index", anchorRoadIndex);
  families.put("lanekeeper_anchor_age_seconds", anchorAgeMs / 1000);
}

/** The counters that a status has under a name of its own. */
const counters: readonly (readonly [MetricName, keyof Status["counters"]])[] = [
  ["lanekeeper_journal_records_total", "records"],
  ["lanekeeper_journal_written_bytes_total", "bytes"],
  ["lanekeeper_journal_rotations_total", "rotations"],
  ["lanekeeper_journal_relocated_records_total", "relocated"],
  ["lanekeeper_map_rebuilds_total", "mapRebuilds"],
  ["lanekeeper_map_warnings_total", "mapWarnings"],
  ["lanekeeper_cache_hits_total", "cacheHits"],
  ["lanekeeper_cache_misses_total", "cacheMisses"],
  ["lanekeeper_dropped_blocks_total", "droppedBlocks"],
];

function putJournal(families: Families, status: Status): void {
  for (const [name, counter] of counters) families.put(name, status.counters[counter]);
  const { segments, liveBytes, reclaimableBytes, retainedBytes } = status.disk;
  for (const [state, { slots, bytes }] of Object.entries(segments)) {
    families.put("lanekeeper_journal_segments", slots, { state });
    families.put("lanekeeper_journal_bytes", bytes, { state });
  }
  families.put("lanekeeper_journal_live_bytes", liveBytes);
  families.put("lanekeeper_journal_reclaimable_bytes", reclaimableBytes);
  families.put("lanekeeper_retained_bytes", retainedBytes);
  families.put("lanekeeper_cache_bytes", status.cachedBytes);
  families.put("lanekeeper_verified_signatures_total", status.verified.signatures);
}

function putKeys(families: Families, { keys }: Status): void {
  for (const { content, state, segments, freeSlots } of keys) {
    const label = { key_id: content };
    families.put("lanekeeper_encryption_key_info", 1, { ...label, state });
    families.put("lanekeeper_encryption_segments", segments + freeSlots, label);
  }
}

function putLane(
  families: Families,
  status: Status,
  { lane, label }: { readonly lane: LaneId; readonly label: string },
): void {
  const facts = status.lanes.get(lane);
  if (!facts) return;
  const labels = { lane: label };
  const retained = status.retained.lanes.get(lane);
  families.put("lanekeeper_lane_info", 1, { lane: label, id: lane });
  families.put("lanekeeper_lane_first_block", facts.first, labels);
  families.put("lanekeeper_lane_next_block", facts.next, labels);
  families.put("lanekeeper_lane_durable_next_block", facts.durable, labels);
  families.put("lanekeeper_lane_lag_blocks", facts.lag, labels);
  families.put("lanekeeper_lane_capacity_blocks", facts.capacityLeft, labels);
  families.put("lanekeeper_lane_pinned_blocks", facts.pinned.length, labels);
  families.put(
    "lanekeeper_lane_retained_blocks",
    retained ? retained.next - retained.first : 0,
    labels,
  );
  families.put("lanekeeper_lane_oldest_waiting_seconds", facts.oldestWaitingMs / 1000, labels);
  const { refused } = facts;
  families.put(
    "lanekeeper_lane_refused",
    refused ? 1 : 0,
    refused ? { ...labels, code: refused.code } : labels,
  );
}
