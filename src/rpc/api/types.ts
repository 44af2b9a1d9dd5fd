/** Written by scripts/generate from proto/lanekeeper/v1/types.proto. */
import { bool, bytes, inner, message, optional, repeated, text, type Decoded, u64 } from "../message.js";
import { Duration, Timestamp } from "../times.js";

export const Durability = {
  UNSPECIFIED: 0,
  ADMITTED: 1,
  DURABLE: 2,
} as const;

export const Range = message("Range", {
  first: u64(1),
  next: u64(2),
});
export type Range = Decoded<typeof Range>;

export const Failure = message("Failure", {
  code: text(1),
  message: text(2),
  lane: bytes(3),
  blockNumber: optional(u64(4)),
  roadIndex: optional(u64(5)),
  file: text(6),
  offset: optional(u64(7)),
  heldSha256: bytes(8),
});
export type Failure = Decoded<typeof Failure>;

export const Pin = message("Pin", {
  lane: bytes(1),
  blockNumber: u64(2),
  headerHash: bytes(3),
});
export type Pin = Decoded<typeof Pin>;

export const GuardsLaneHeight = message("GuardsLaneHeight", {
  lane: bytes(1),
  height: optional(u64(2)),
});
export type GuardsLaneHeight = Decoded<typeof GuardsLaneHeight>;

export const Guards = message("Guards", {
  lanes: optional(u64(1)),
  byLane: repeated(inner(2, GuardsLaneHeight)),
  votes: optional(u64(3)),
  standing: repeated(text(4)),
  by: text(5),
  reason: text(6),
  at: inner(7, Timestamp),
});
export type Guards = Decoded<typeof Guards>;

export const LaneCursor = message("LaneCursor", {
  lane: bytes(1),
  first: u64(2),
  durableNext: u64(3),
});
export type LaneCursor = Decoded<typeof LaneCursor>;

export const RoadCursor = message("RoadCursor", {
  first: u64(1),
  durableNext: u64(2),
});
export type RoadCursor = Decoded<typeof RoadCursor>;

export const DurableCursors = message("DurableCursors", {
  lanes: repeated(inner(1, LaneCursor)),
  road: inner(2, RoadCursor),
  anchorRoadIndex: optional(u64(3)),
  droppedLanes: repeated(bytes(4)),
});
export type DurableCursors = Decoded<typeof DurableCursors>;

export const LaneStatus = message("LaneStatus", {
  lane: bytes(1),
  first: u64(2),
  next: u64(3),
  durableNext: u64(4),
  capacityLeft: u64(5),
  pinned: repeated(u64(6)),
  refused: inner(7, Failure),
  retained: inner(8, Range),
  oldestWaiting: inner(9, Duration),
});
export type LaneStatus = Decoded<typeof LaneStatus>;

export const RoadStatus = message("RoadStatus", {
  first: u64(1),
  next: u64(2),
  durableNext: u64(3),
  retained: inner(4, Range),
  anchorAge: inner(5, Duration),
});
export type RoadStatus = Decoded<typeof RoadStatus>;

export const UsageSegments = message("UsageSegments", {
  state: text(1),
  slots: u64(2),
  bytes: u64(3),
});
export type UsageSegments = Decoded<typeof UsageSegments>;

export const UsageFlush = message("UsageFlush", {
  way: text(1),
  blockingGroups: u64(2),
  longestHold: inner(3, Duration),
});
export type UsageFlush = Decoded<typeof UsageFlush>;

export const Usage = message("Usage", {
  slots: u64(1),
  freeSlots: u64(2),
  journalBytes: u64(3),
  cachedBytes: u64(4),
  liveBytes: u64(5),
  reclaimableBytes: u64(6),
  segments: repeated(inner(7, UsageSegments)),
  flush: inner(8, UsageFlush),
  retainedBytes: u64(9),
});
export type Usage = Decoded<typeof Usage>;

export const Counters = message("Counters", {
  groups: u64(1),
  records: u64(2),
  bytes: u64(3),
  rotations: u64(4),
  relocated: u64(5),
  droppedBlocks: u64(6),
  mapRebuilds: u64(7),
  mapWarnings: u64(8),
  listenerFailures: u64(9),
  signaturesVerified: u64(10),
  certificatesKnown: u64(11),
  cacheHits: u64(12),
  cacheMisses: u64(13),
  signaturesKnown: u64(14),
  verifiedByWorker: u64(15),
});
export type Counters = Decoded<typeof Counters>;

export const KeyUse = message("KeyUse", {
  content: text(1),
  state: text(2),
  segments: u64(3),
  freeSlots: u64(4),
  bytes: u64(5),
  jobs: repeated(text(6)),
});
export type KeyUse = Decoded<typeof KeyUse>;

export const ArchiveStatusLog = message("ArchiveStatusLog", {
  lane: bytes(1),
  through: u64(2),
  refused: inner(3, Failure),
});
export type ArchiveStatusLog = Decoded<typeof ArchiveStatusLog>;

export const ArchiveStatus = message("ArchiveStatus", {
  bucket: text(1),
  gate: text(2),
  logs: repeated(inner(3, ArchiveStatusLog)),
  pendingRecords: u64(4),
  oldestPending: inner(5, Duration),
  heldBytes: u64(6),
  heldBytesMax: u64(7),
  behind: bool(8),
  failing: inner(9, Failure),
  objects: u64(10),
  bytes: u64(11),
  found: u64(12),
  failures: u64(13),
  missed: u64(14),
  heldSegments: u64(15),
});
export type ArchiveStatus = Decoded<typeof ArchiveStatus>;

export const ReservationStatusSeries = message("ReservationStatusSeries", {
  name: text(1),
  places: inner(2, Range),
});
export type ReservationStatusSeries = Decoded<typeof ReservationStatusSeries>;

export const ReservationStatus = message("ReservationStatus", {
  at: text(1),
  machine: text(2),
  state: text(3),
  holder: text(4),
  series: repeated(inner(5, ReservationStatusSeries)),
  puts: u64(6),
  failures: u64(7),
  failure: inner(8, Failure),
});
export type ReservationStatus = Decoded<typeof ReservationStatus>;

export const StoreStatus = message("StoreStatus", {
  directory: text(1),
  chainId: text(2),
  onDisk: bool(3),
  lanes: repeated(inner(4, LaneStatus)),
  road: inner(5, RoadStatus),
  anchorRoadIndex: optional(u64(6)),
  epochIndex: u64(7),
  pins: repeated(inner(8, Pin)),
  usage: inner(9, Usage),
  counters: inner(10, Counters),
  stalled: inner(11, Failure),
  poison: inner(12, Failure),
  mapWarnings: repeated(text(13)),
  latestCommitQc: bytes(14),
  anchor: bytes(15),
  guards: inner(16, Guards),
  keys: repeated(inner(17, KeyUse)),
  archive: inner(18, ArchiveStatus),
  reservations: inner(19, ReservationStatus),
});
export type StoreStatus = Decoded<typeof StoreStatus>;
