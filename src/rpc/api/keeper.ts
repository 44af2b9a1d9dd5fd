/** Written by scripts/generate from proto/lanekeeper/v1/keeper.proto. */
import { bool, bytes, inner, message, oneOf, optional, repeated, text, type Decoded, u32, u64 } from "../message.js";
import { bidi, serverStream, service, unary } from "../method.js";
import { DurableCursors, Failure, Guards, Pin, Range, StoreStatus } from "./types.js";
import { Duration, Timestamp } from "../times.js";

export const Waited = {
  UNSPECIFIED: 0,
  DURABLE: 1,
  PRUNED: 2,
} as const;

export const AcquireWriterRequest = message("AcquireWriterRequest", {
  writer: text(1),
  takeOver: bool(2),
  resumeFence: u64(3),
});
export type AcquireWriterRequest = Decoded<typeof AcquireWriterRequest>;

export const AcquireWriterResponse = message("AcquireWriterResponse", {
  fence: u64(1),
  previousWriter: text(2),
});
export type AcquireWriterResponse = Decoded<typeof AcquireWriterResponse>;

export const ReleaseWriterRequest = message("ReleaseWriterRequest", {
  fence: u64(1),
});
export type ReleaseWriterRequest = Decoded<typeof ReleaseWriterRequest>;

export const ReleaseWriterResponse = message("ReleaseWriterResponse", {});
export type ReleaseWriterResponse = Decoded<typeof ReleaseWriterResponse>;

export const PersistRequestOpening = message("PersistRequestOpening", {
  fence: u64(1),
});
export type PersistRequestOpening = Decoded<typeof PersistRequestOpening>;

export const VoteState = message("VoteState", {
  votes: bytes(1),
  roadIndex: u64(2),
});
export type VoteState = Decoded<typeof VoteState>;

export const PersistRequestItem = message("PersistRequestItem", {
  id: u64(1),
  item: oneOf({
    block: bytes(2),
    commitQc: bytes(3),
    anchor: bytes(4),
    laneQc: bytes(5),
    voteState: inner(6, VoteState),
  }),
});
export type PersistRequestItem = Decoded<typeof PersistRequestItem>;

export const PersistRequestItems = message("PersistRequestItems", {
  items: repeated(inner(1, PersistRequestItem)),
});
export type PersistRequestItems = Decoded<typeof PersistRequestItems>;

export const PersistRequest = message("PersistRequest", {
  message: oneOf({
    opening: inner(1, PersistRequestOpening),
    items: inner(2, PersistRequestItems),
  }),
});
export type PersistRequest = Decoded<typeof PersistRequest>;

export const PersistResponseOutcome = {
  UNSPECIFIED: 0,
  ADMITTED: 1,
  DURABLE: 2,
  DUPLICATE: 3,
  DROPPED: 4,
  REFUSED: 5,
} as const;

export const PersistResponseVerdict = message("PersistResponseVerdict", {
  id: u64(1),
  outcome: u32(2),
  failure: inner(3, Failure),
});
export type PersistResponseVerdict = Decoded<typeof PersistResponseVerdict>;

export const PersistResponse = message("PersistResponse", {
  verdicts: repeated(inner(1, PersistResponseVerdict)),
  cursors: inner(2, DurableCursors),
});
export type PersistResponse = Decoded<typeof PersistResponse>;

export const PushBlockRequest = message("PushBlockRequest", {
  fence: u64(1),
  block: bytes(2),
  durability: u32(3),
});
export type PushBlockRequest = Decoded<typeof PushBlockRequest>;

export const PushBlockResponseResult = {
  UNSPECIFIED: 0,
  ADMITTED: 1,
  DUPLICATE: 2,
  DROPPED: 3,
  PRUNED: 4,
} as const;

export const PushBlockResponse = message("PushBlockResponse", {
  result: u32(1),
  reason: text(2),
});
export type PushBlockResponse = Decoded<typeof PushBlockResponse>;

export const PushCommitQcRequest = message("PushCommitQcRequest", {
  fence: u64(1),
  commitQc: bytes(2),
  durability: u32(3),
});
export type PushCommitQcRequest = Decoded<typeof PushCommitQcRequest>;

export const PushCommitQcResponse = message("PushCommitQcResponse", {});
export type PushCommitQcResponse = Decoded<typeof PushCommitQcResponse>;

export const PushAnchorRequest = message("PushAnchorRequest", {
  fence: u64(1),
  anchor: bytes(2),
  durability: u32(3),
});
export type PushAnchorRequest = Decoded<typeof PushAnchorRequest>;

export const PushAnchorResponse = message("PushAnchorResponse", {});
export type PushAnchorResponse = Decoded<typeof PushAnchorResponse>;

export const PushLaneQcRequest = message("PushLaneQcRequest", {
  fence: u64(1),
  laneQc: bytes(2),
});
export type PushLaneQcRequest = Decoded<typeof PushLaneQcRequest>;

export const PushLaneQcResponse = message("PushLaneQcResponse", {});
export type PushLaneQcResponse = Decoded<typeof PushLaneQcResponse>;

export const WriteVoteStateRequest = message("WriteVoteStateRequest", {
  fence: u64(1),
  voteState: inner(2, VoteState),
});
export type WriteVoteStateRequest = Decoded<typeof WriteVoteStateRequest>;

export const WriteVoteStateResponse = message("WriteVoteStateResponse", {});
export type WriteVoteStateResponse = Decoded<typeof WriteVoteStateResponse>;

export const MaySignRequestKind = {
  UNSPECIFIED: 0,
  BLOCK: 1,
  LANE_VOTE: 2,
  VOTE: 3,
  APP_VOTE: 4,
} as const;

export const MaySignRequest = message("MaySignRequest", {
  kind: u32(1),
  lane: bytes(2),
  blockNumber: u64(3),
  headerHash: bytes(4),
  roadIndex: u64(5),
  fence: u64(6),
});
export type MaySignRequest = Decoded<typeof MaySignRequest>;

export const MaySignResponse = message("MaySignResponse", {
  may: bool(1),
  refusal: inner(2, Failure),
  rule: text(3),
});
export type MaySignResponse = Decoded<typeof MaySignResponse>;

export const WaitForReservationRequest = message("WaitForReservationRequest", {
  place: inner(1, MaySignRequest),
});
export type WaitForReservationRequest = Decoded<typeof WaitForReservationRequest>;

export const WaitForReservationResponse = message("WaitForReservationResponse", {});
export type WaitForReservationResponse = Decoded<typeof WaitForReservationResponse>;

export const WaitForBlockRequest = message("WaitForBlockRequest", {
  lane: bytes(1),
  blockNumber: u64(2),
  fence: u64(3),
});
export type WaitForBlockRequest = Decoded<typeof WaitForBlockRequest>;

export const WaitForBlockResponse = message("WaitForBlockResponse", {
  waited: u32(1),
});
export type WaitForBlockResponse = Decoded<typeof WaitForBlockResponse>;

export const WaitForCommitQcRequest = message("WaitForCommitQcRequest", {
  roadIndex: u64(1),
  fence: u64(2),
});
export type WaitForCommitQcRequest = Decoded<typeof WaitForCommitQcRequest>;

export const WaitForCommitQcResponse = message("WaitForCommitQcResponse", {
  waited: u32(1),
});
export type WaitForCommitQcResponse = Decoded<typeof WaitForCommitQcResponse>;

export const WaitForAnchorRequest = message("WaitForAnchorRequest", {
  roadIndex: u64(1),
  fence: u64(2),
});
export type WaitForAnchorRequest = Decoded<typeof WaitForAnchorRequest>;

export const WaitForAnchorResponse = message("WaitForAnchorResponse", {});
export type WaitForAnchorResponse = Decoded<typeof WaitForAnchorResponse>;

export const DurableBlocksRequestFrom = message("DurableBlocksRequestFrom", {
  lane: bytes(1),
  blockNumber: u64(2),
});
export type DurableBlocksRequestFrom = Decoded<typeof DurableBlocksRequestFrom>;

export const DurableBlocksRequest = message("DurableBlocksRequest", {
  from: repeated(inner(1, DurableBlocksRequestFrom)),
  fence: u64(2),
});
export type DurableBlocksRequest = Decoded<typeof DurableBlocksRequest>;

export const DurableBlocksResponseBlock = message("DurableBlocksResponseBlock", {
  lane: bytes(1),
  blockNumber: u64(2),
  headerHash: bytes(3),
});
export type DurableBlocksResponseBlock = Decoded<typeof DurableBlocksResponseBlock>;

export const DurableBlocksResponse = message("DurableBlocksResponse", {
  blocks: repeated(inner(1, DurableBlocksResponseBlock)),
  caughtUp: bool(2),
});
export type DurableBlocksResponse = Decoded<typeof DurableBlocksResponse>;

export const DurableCommitQcsRequest = message("DurableCommitQcsRequest", {
  from: optional(u64(1)),
  fence: u64(2),
});
export type DurableCommitQcsRequest = Decoded<typeof DurableCommitQcsRequest>;

export const DurableCommitQcsResponse = message("DurableCommitQcsResponse", {
  roadIndex: u64(1),
  commitQc: bytes(2),
  caughtUp: bool(3),
});
export type DurableCommitQcsResponse = Decoded<typeof DurableCommitQcsResponse>;

export const WatchDurableRequest = message("WatchDurableRequest", {
  fence: u64(1),
});
export type WatchDurableRequest = Decoded<typeof WatchDurableRequest>;

export const WatchDurableResponse = message("WatchDurableResponse", {
  cursors: inner(1, DurableCursors),
});
export type WatchDurableResponse = Decoded<typeof WatchDurableResponse>;

export const ReadBlockRequest = message("ReadBlockRequest", {
  lane: bytes(1),
  blockNumber: u64(2),
});
export type ReadBlockRequest = Decoded<typeof ReadBlockRequest>;

export const ReadBlockResponse = message("ReadBlockResponse", {
  block: bytes(1),
  retained: bool(2),
});
export type ReadBlockResponse = Decoded<typeof ReadBlockResponse>;

export const ReadCommitQcRequest = message("ReadCommitQcRequest", {
  roadIndex: u64(1),
});
export type ReadCommitQcRequest = Decoded<typeof ReadCommitQcRequest>;

export const ReadCommitQcResponse = message("ReadCommitQcResponse", {
  commitQc: bytes(1),
  retained: bool(2),
});
export type ReadCommitQcResponse = Decoded<typeof ReadCommitQcResponse>;

export const ReadBlocksRequest = message("ReadBlocksRequest", {
  lane: bytes(1),
  first: optional(u64(2)),
  next: optional(u64(3)),
});
export type ReadBlocksRequest = Decoded<typeof ReadBlocksRequest>;

export const ReadBlocksResponse = message("ReadBlocksResponse", {
  first: u64(1),
  blocks: repeated(bytes(2)),
});
export type ReadBlocksResponse = Decoded<typeof ReadBlocksResponse>;

export const ReadCommitQcsRequest = message("ReadCommitQcsRequest", {
  first: optional(u64(1)),
  next: optional(u64(2)),
});
export type ReadCommitQcsRequest = Decoded<typeof ReadCommitQcsRequest>;

export const ReadCommitQcsResponse = message("ReadCommitQcsResponse", {
  first: u64(1),
  commitQcs: repeated(bytes(2)),
});
export type ReadCommitQcsResponse = Decoded<typeof ReadCommitQcsResponse>;

export const GetAnchorRequest = message("GetAnchorRequest", {});
export type GetAnchorRequest = Decoded<typeof GetAnchorRequest>;

export const GetAnchorResponse = message("GetAnchorResponse", {
  anchor: bytes(1),
  roadIndex: optional(u64(2)),
});
export type GetAnchorResponse = Decoded<typeof GetAnchorResponse>;

export const GetVoteStateRequest = message("GetVoteStateRequest", {});
export type GetVoteStateRequest = Decoded<typeof GetVoteStateRequest>;

export const GetVoteStateResponse = message("GetVoteStateResponse", {
  votes: bytes(1),
  abstainThrough: optional(u64(2)),
});
export type GetVoteStateResponse = Decoded<typeof GetVoteStateResponse>;

export const GetRecoveryRequest = message("GetRecoveryRequest", {});
export type GetRecoveryRequest = Decoded<typeof GetRecoveryRequest>;

export const GetRecoveryResponseLaneRange = message("GetRecoveryResponseLaneRange", {
  lane: bytes(1),
  range: inner(2, Range),
});
export type GetRecoveryResponseLaneRange = Decoded<typeof GetRecoveryResponseLaneRange>;

export const GetRecoveryResponseStep = message("GetRecoveryResponseStep", {
  name: text(1),
  duration: inner(2, Duration),
});
export type GetRecoveryResponseStep = Decoded<typeof GetRecoveryResponseStep>;

export const GetRecoveryResponse = message("GetRecoveryResponse", {
  lanes: repeated(inner(1, GetRecoveryResponseLaneRange)),
  road: inner(2, Range),
  anchor: bytes(3),
  pins: repeated(inner(4, Pin)),
  votes: bytes(5),
  abstainThrough: optional(u64(6)),
  foreign: repeated(text(7)),
  warnings: repeated(text(8)),
  recordsRead: u64(9),
  bytesWrittenAgain: u64(10),
  generation: u64(11),
  duration: inner(12, Duration),
  steps: repeated(inner(13, GetRecoveryResponseStep)),
  guards: inner(14, Guards),
});
export type GetRecoveryResponse = Decoded<typeof GetRecoveryResponse>;

export const GetStatusRequest = message("GetStatusRequest", {});
export type GetStatusRequest = Decoded<typeof GetStatusRequest>;

export const ServiceStatusState = {
  UNSPECIFIED: 0,
  OPENING: 1,
  SERVING: 2,
  REFUSED: 3,
  STALLED: 4,
  POISONED: 5,
  DRAINING: 6,
} as const;

export const ServiceStatus = message("ServiceStatus", {
  version: text(1),
  startedAt: inner(2, Timestamp),
  state: u32(3),
  refusal: inner(4, Failure),
  store: inner(5, StoreStatus),
  fence: u64(6),
  writer: text(7),
  writerPresent: bool(8),
  storeId: text(9),
});
export type ServiceStatus = Decoded<typeof ServiceStatus>;

export const GetStatusResponse = message("GetStatusResponse", {
  status: inner(1, ServiceStatus),
});
export type GetStatusResponse = Decoded<typeof GetStatusResponse>;

export const WatchStatusRequest = message("WatchStatusRequest", {});
export type WatchStatusRequest = Decoded<typeof WatchStatusRequest>;

export const WatchStatusResponse = message("WatchStatusResponse", {
  status: inner(1, ServiceStatus),
});
export type WatchStatusResponse = Decoded<typeof WatchStatusResponse>;

export const WatchEventsRequest = message("WatchEventsRequest", {});
export type WatchEventsRequest = Decoded<typeof WatchEventsRequest>;

export const WatchEventsResponse = message("WatchEventsResponse", {
  kind: text(1),
  at: inner(2, Timestamp),
  lane: bytes(3),
  blockNumber: optional(u64(4)),
  roadIndex: optional(u64(5)),
  reason: text(6),
  failure: inner(7, Failure),
  missed: u64(8),
});
export type WatchEventsResponse = Decoded<typeof WatchEventsResponse>;

export const KeeperService = service("lanekeeper.v1.KeeperService", {
  acquireWriter: unary(AcquireWriterRequest, AcquireWriterResponse),
  releaseWriter: unary(ReleaseWriterRequest, ReleaseWriterResponse),
  persist: bidi(PersistRequest, PersistResponse),
  pushBlock: unary(PushBlockRequest, PushBlockResponse),
  pushCommitQc: unary(PushCommitQcRequest, PushCommitQcResponse),
  pushAnchor: unary(PushAnchorRequest, PushAnchorResponse),
  pushLaneQc: unary(PushLaneQcRequest, PushLaneQcResponse),
  writeVoteState: unary(WriteVoteStateRequest, WriteVoteStateResponse),
  maySign: unary(MaySignRequest, MaySignResponse),
  waitForReservation: unary(WaitForReservationRequest, WaitForReservationResponse),
  waitForBlock: unary(WaitForBlockRequest, WaitForBlockResponse),
  waitForCommitQc: unary(WaitForCommitQcRequest, WaitForCommitQcResponse),
  waitForAnchor: unary(WaitForAnchorRequest, WaitForAnchorResponse),
  durableBlocks: serverStream(DurableBlocksRequest, DurableBlocksResponse),
  durableCommitQcs: serverStream(DurableCommitQcsRequest, DurableCommitQcsResponse),
  watchDurable: serverStream(WatchDurableRequest, WatchDurableResponse),
  readBlock: unary(ReadBlockRequest, ReadBlockResponse),
  readCommitQc: unary(ReadCommitQcRequest, ReadCommitQcResponse),
  readBlocks: serverStream(ReadBlocksRequest, ReadBlocksResponse),
  readCommitQcs: serverStream(ReadCommitQcsRequest, ReadCommitQcsResponse),
  getAnchor: unary(GetAnchorRequest, GetAnchorResponse),
  getVoteState: unary(GetVoteStateRequest, GetVoteStateResponse),
  getRecovery: unary(GetRecoveryRequest, GetRecoveryResponse),
  getStatus: unary(GetStatusRequest, GetStatusResponse),
  watchStatus: serverStream(WatchStatusRequest, WatchStatusResponse),
  watchEvents: serverStream(WatchEventsRequest, WatchEventsResponse),
});
