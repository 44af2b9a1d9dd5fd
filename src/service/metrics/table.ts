/**
 * Every metric of the service, in one table: its type, its unit, its labels and its help. The README's
 * table, the alert rules and the dashboard are compared with it.
 *
 * # Rules
 *
 * - A name has the prefix `lanekeeper_` and its base unit. Counters end in `_total`, and nothing else does.
 * - A label has few values: `lane` is an index in the committee, `code`, `kind`, `state`, `step` and
 *   `slot` are words of tables. No hash, no address and no number is ever a label; `id`, of `lane_info`
 *   and `store_info` alone, has one value for each lane and store, `key_id` one for each key, and `job`
 *   one for each job that is open.
 * - The names of gRPC servers have no prefix: dashboards know them.
 */

/** The unit of a metric's value. `1` is a count, an index or a truth. */
export type Unit = "seconds" | "bytes" | "1";

export interface MetricFacts {
  readonly type: "gauge" | "counter" | "histogram";
  readonly unit: Unit;
  readonly help: string;
  readonly labels: readonly string[];
}

type Labels = readonly string[];

function gauge(unit: Unit, help: string, labels: Labels = []): MetricFacts {
  return { type: "gauge", unit, help, labels };
}

function counter(unit: Unit, help: string, labels: Labels = []): MetricFacts {
  return { type: "counter", unit, help, labels };
}

function histogram(unit: Unit, help: string, labels: Labels = []): MetricFacts {
  return { type: "histogram", unit, help, labels };
}

const store = {
  lanekeeper_build_info: gauge("1", "1; the labels have the versions.", ["version", "node"]),
  lanekeeper_store_info: gauge(
    "1",
    "1; the labels say which store is served. Mode memory has no disk.",
    ["store_id", "chain_id", "mode"],
  ),
  lanekeeper_store_ready: gauge("1", "1 if the store is recovered, not poisoned and not stalled."),
  lanekeeper_store_refused: gauge("1", "1 if the store did not open, with the reason's code.", [
    "code",
  ]),
  lanekeeper_store_poisoned: gauge(
    "1",
    "1 if a write or flush failed: nothing is acknowledged any more.",
    ["code"],
  ),
  lanekeeper_store_stalled: gauge("1", "1 while the queues wait for space on the disk.", ["code"]),
  lanekeeper_store_lanes: gauge("1", "Lanes that the store serves."),
  lanekeeper_store_epoch_index: gauge("1", "The epoch whose committee judges new blocks."),
  lanekeeper_store_generation: gauge("1", "How often the store was opened."),
  lanekeeper_store_guarded: gauge(
    "1",
    "1 while a guard of a restored store forbids a signature at the end of a lane, or of the road.",
    ["kind"],
  ),
  lanekeeper_listener_failures_total: counter("1", "Listeners of events, or logs, that threw."),
} as const;

const recovery = {
  lanekeeper_recovery_duration_seconds: gauge("seconds", "How long a step of the last open took.", [
    "step",
  ]),
  lanekeeper_recovery_records: gauge("1", "Records that the last open read."),
  lanekeeper_recovery_rewritten_bytes: gauge("bytes", "Bytes that the last open wrote again."),
  lanekeeper_recovery_pins: gauge("1", "Numbers that the last open pinned."),
  lanekeeper_recovery_warnings: gauge("1", "Warnings of the last open."),
} as const;

const lanes = {
  lanekeeper_lane_info: gauge("1", "1; the labels map the lane's index to its id.", ["lane", "id"]),
  lanekeeper_lane_first_block: gauge("1", "The first block number that is held.", ["lane"]),
  lanekeeper_lane_next_block: gauge("1", "The block number that is due next.", ["lane"]),
  lanekeeper_lane_durable_next_block: gauge("1", "The first block number that is not durable.", [
    "lane",
  ]),
  lanekeeper_lane_lag_blocks: gauge("1", "Blocks that are admitted and not durable.", ["lane"]),
  lanekeeper_lane_capacity_blocks: gauge(
    "1",
    "Blocks that the lane takes before an anchor must move.",
    ["lane"],
  ),
  lanekeeper_lane_pinned_blocks: gauge("1", "Numbers at which only one block may be signed.", [
    "lane",
  ]),
  lanekeeper_lane_retained_blocks: gauge("1", "Pruned blocks that can still be read.", ["lane"]),
  lanekeeper_lane_oldest_waiting_seconds: gauge(
    "seconds",
    "Age of the oldest block that is not durable.",
    ["lane"],
  ),
  lanekeeper_lane_refused: gauge("1", "1 if the lane goes no further, with the reason's code.", [
    "lane",
    "code",
  ]),
  lanekeeper_dropped_blocks_total: counter(
    "1",
    "Pushed blocks that were dropped for a wrong parent.",
  ),
} as const;

const road = {
  lanekeeper_road_first_index: gauge("1", "The first road index that is held."),
  lanekeeper_road_next_index: gauge("1", "The road index that is due next."),
  lanekeeper_road_durable_next_index: gauge("1", "The first road index that is not durable."),
  lanekeeper_anchor_road_index: gauge("1", "The road index of the durable prune anchor."),
  lanekeeper_anchor_age_seconds: gauge(
    "seconds",
    "Age of the durable prune anchor, or of this open.",
  ),
} as const;

const latencies = {
  lanekeeper_journal_flush_duration_seconds: histogram("seconds", "One durable write of a group."),
  lanekeeper_mark_write_duration_seconds: histogram("seconds", "One durable write of the mark."),
  lanekeeper_slot_write_duration_seconds: histogram(
    "seconds",
    "One durable write of an A/B slot.",
    ["slot"],
  ),
  lanekeeper_ack_duration_seconds: histogram("seconds", "From admission to acknowledgement.", [
    "kind",
  ]),
  lanekeeper_verify_duration_seconds: histogram(
    "seconds",
    "One look at the signatures of a message.",
    ["kind"],
  ),
  lanekeeper_journal_group_records: histogram("1", "Records of a group."),
  lanekeeper_journal_group_bytes: histogram("bytes", "Bytes of a group."),
} as const;

const journal = {
  lanekeeper_journal_records_total: counter("1", "Records that were written."),
  lanekeeper_journal_written_bytes_total: counter("bytes", "Bytes that were written to segments."),
  lanekeeper_journal_rotations_total: counter("1", "Segments that were begun."),
  lanekeeper_journal_relocated_records_total: counter(
    "1",
    "Live records that were copied to a newer segment.",
  ),
  lanekeeper_journal_segments: gauge("1", "Slots by the state of the segment in them.", ["state"]),
  lanekeeper_journal_bytes: gauge("bytes", "Bytes of slots by the state of the segment in them.", [
    "state",
  ]),
  lanekeeper_journal_live_bytes: gauge("bytes", "Bytes of live records."),
  lanekeeper_journal_reclaimable_bytes: gauge(
    "bytes",
    "Bytes of live segments that hold nothing live.",
  ),
  lanekeeper_retained_bytes: gauge(
    "bytes",
    "Bytes of segments that are kept for readers of pruned records alone.",
  ),
  lanekeeper_disk_free_bytes: gauge("bytes", "Free bytes of the file system, for this user."),
  lanekeeper_disk_size_bytes: gauge("bytes", "Bytes of the file system."),
  lanekeeper_map_rebuilds_total: counter("1", "How often the map was found wrong and made anew."),
  lanekeeper_map_warnings_total: counter("1", "How often the map was not what it should be."),
  lanekeeper_map_bytes: gauge("bytes", "Bytes of the map's files."),
  lanekeeper_cache_bytes: gauge("bytes", "Bytes of durable blocks in memory."),
  lanekeeper_cache_hits_total: counter("1", "Reads of blocks that memory answered."),
  lanekeeper_cache_misses_total: counter("1", "Reads of blocks that went to the disk."),
  lanekeeper_verified_signatures_total: counter("1", "Signatures that were verified."),
} as const;

const encryption = {
  lanekeeper_encryption_key_info: gauge(
    "1",
    "1; the state of a key whose bytes lie on disk: writing, older or missing. Plain bytes are a key, too.",
    ["key_id", "state"],
  ),
  lanekeeper_encryption_segments: gauge("1", "Segments, and free slots, with bytes of a key.", [
    "key_id",
  ]),
} as const;

const keeping = {
  lanekeeper_backup_last_success_timestamp_seconds: gauge(
    "seconds",
    "The moment that the last backup since the open shows; absent before the first.",
  ),
  lanekeeper_backup_lsn: gauge("1", "Everything up to this LSN is in the last backup."),
  lanekeeper_backup_duration_seconds: gauge("seconds", "How long the last backup took."),
  lanekeeper_backup_bytes: gauge("bytes", "Bytes of the last backup."),
} as const;

const archive = {
  lanekeeper_archive_pending_records: gauge(
    "1",
    "Records that have left the live window and are not archived.",
  ),
  lanekeeper_archive_oldest_pending_seconds: gauge(
    "seconds",
    "How long the oldest of them has waited.",
  ),
  lanekeeper_archive_pending_segments: gauge("1", "Segments that hold such records."),
  lanekeeper_archive_pending_bytes: gauge("bytes", "Bytes of these segments: they are held back."),
  lanekeeper_archive_pending_max_bytes: gauge("bytes", "As many of them may be held back."),
  lanekeeper_archive_behind: gauge("1", "1 while blocks are refused, since as many are held back."),
  lanekeeper_archive_failing: gauge("1", "1 if the last step failed, with the reason's code.", [
    "code",
  ]),
  lanekeeper_archive_refused_logs: gauge(
    "1",
    "Lanes, and the road, that are archived no further: there are two truths.",
  ),
  lanekeeper_archive_lane_through_block: gauge("1", "Every block below this number is archived.", [
    "lane",
  ]),
  lanekeeper_archive_road_through_index: gauge("1", "Every commit QC below this is archived."),
  lanekeeper_archive_objects_total: counter(
    "1",
    "Objects that were stored, and those of other writers that were found.",
    ["outcome"],
  ),
  lanekeeper_archive_uploaded_bytes_total: counter("bytes", "Bytes of objects that were stored."),
  lanekeeper_archive_failures_total: counter("1", "Steps that failed, and were taken again."),
  lanekeeper_archive_missed_records_total: counter(
    "1",
    "Records that were given up before they were archived.",
  ),
  lanekeeper_archive_object_duration_seconds: histogram(
    "seconds",
    "One object, from its first read to its link.",
  ),
} as const;

const reservations = {
  lanekeeper_reservations_state: gauge(
    "1",
    "1 for the state of the reservations, 0 for the others.",
    ["state"],
  ),
  lanekeeper_reservations_failing: gauge(
    "1",
    "1 while nothing more can be reserved, with the reason's code.",
    ["code"],
  ),
  lanekeeper_reservations_road_next_index: gauge(
    "1",
    "This machine may vote below this road index.",
  ),
  lanekeeper_reservations_own_next_block: gauge(
    "1",
    "It may make blocks of its own lane below this.",
  ),
  lanekeeper_reservations_voted_lanes: gauge("1", "Lanes for whose blocks it may vote."),
  lanekeeper_reservations_puts_total: counter("1", "Records that it has put."),
  lanekeeper_reservations_failures_total: counter(
    "1",
    "Steps that failed, and those that lost a record.",
  ),
} as const;

const jobs = {
  lanekeeper_jobs_open: gauge("1", "Jobs that are open."),
  lanekeeper_jobs_failed: gauge("1", "Open jobs that take no calls, since LevelDB refused one."),
  lanekeeper_jobs_poisoned: gauge("1", "1 if the journal of the jobs takes no writes any more."),
  lanekeeper_job_queue_ops: gauge(
    "1",
    "Writes, each a put, a deletion or a batch, on their way into LevelDB.",
    ["job"],
  ),
  lanekeeper_job_queue_bytes: gauge("bytes", "Bytes of these writes.", ["job"]),
  lanekeeper_job_write_duration_seconds: histogram(
    "seconds",
    "One write, from its call until it is queued or durable.",
    ["durability"],
  ),
  lanekeeper_job_errors_total: counter(
    "1",
    "Errors that no caller heard of: writes that were lost, checkpoints that could not be taken.",
    ["kind"],
  ),
} as const;

const service = {
  lanekeeper_refused_total: counter("1", "Calls and items that were refused.", ["code", "kind"]),
  lanekeeper_writer_connected: gauge("1", "1 while a writer is connected."),
  lanekeeper_writer_fence: gauge("1", "The fence number of the newest writer."),
  lanekeeper_page_clients: gauge("1", "Pages that are open."),
  lanekeeper_tls_certificate_expiry_timestamp_seconds: gauge(
    "seconds",
    "When a certificate expires.",
    ["file"],
  ),
  grpc_server_started_total: counter("1", "Calls that began.", [
    "grpc_service",
    "grpc_method",
    "grpc_type",
  ]),
  grpc_server_handled_total: counter("1", "Calls that ended.", [
    "grpc_service",
    "grpc_method",
    "grpc_type",
    "grpc_code",
  ]),
  grpc_server_handling_seconds: histogram("seconds", "How long a call took.", [
    "grpc_service",
    "grpc_method",
    "grpc_type",
  ]),
  grpc_server_msg_received_total: counter("1", "Messages that came.", [
    "grpc_service",
    "grpc_method",
    "grpc_type",
  ]),
  grpc_server_msg_sent_total: counter("1", "Messages that went.", [
    "grpc_service",
    "grpc_method",
    "grpc_type",
  ]),
} as const;

const table = {
  ...store,
  ...recovery,
  ...lanes,
  ...road,
  ...latencies,
  ...journal,
  ...encryption,
  ...keeping,
  ...archive,
  ...reservations,
  ...jobs,
  ...service,
};

export type MetricName = keyof typeof table;

/** The table by name, in the order of the scrape. */
export const metrics: Readonly<Record<MetricName, MetricFacts>> = table;

/** Upper bounds of the buckets by unit: powers of two, from 250 us to 8 s, from 1 to 4,096, from 4 KiB to 64 MiB. */
export const buckets: Readonly<Record<Unit, readonly number[]>> = {
  seconds: doubling(0.000_25, 16),
  "1": doubling(1, 13),
  bytes: doubling(4096, 15),
};

function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first * 2 ** at);
}
