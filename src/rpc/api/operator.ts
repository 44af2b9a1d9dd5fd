/** Written by scripts/generate from proto/lanekeeper/v1/operator.proto. */
import { bool, bytes, inner, message, oneOf, optional, repeated, text, type Decoded, u32, u64 } from "../message.js";
import { serverStream, service, unary } from "../method.js";
import { GuardsLaneHeight, KeyUse } from "./types.js";
import { Duration, Timestamp } from "../times.js";

export const Reason = message("Reason", {
  who: text(1),
  why: text(2),
});
export type Reason = Decoded<typeof Reason>;

export const ReleasePinRequest = message("ReleasePinRequest", {
  reason: inner(1, Reason),
  lane: bytes(2),
  blockNumber: u64(3),
});
export type ReleasePinRequest = Decoded<typeof ReleasePinRequest>;

export const ReleasePinResponse = message("ReleasePinResponse", {});
export type ReleasePinResponse = Decoded<typeof ReleasePinResponse>;

export const RaiseGuardRequest = message("RaiseGuardRequest", {
  reason: inner(1, Reason),
  by: text(2),
  lanes: optional(u64(3)),
  byLane: repeated(inner(4, GuardsLaneHeight)),
  votes: optional(u64(5)),
});
export type RaiseGuardRequest = Decoded<typeof RaiseGuardRequest>;

export const RaiseGuardResponse = message("RaiseGuardResponse", {});
export type RaiseGuardResponse = Decoded<typeof RaiseGuardResponse>;

export const TakeReservationsRequest = message("TakeReservationsRequest", {
  reason: inner(1, Reason),
  first: bool(2),
  ended: optional(u64(3)),
});
export type TakeReservationsRequest = Decoded<typeof TakeReservationsRequest>;

export const TakeReservationsResponse = message("TakeReservationsResponse", {});
export type TakeReservationsResponse = Decoded<typeof TakeReservationsResponse>;

export const ListReleasesRequest = message("ListReleasesRequest", {});
export type ListReleasesRequest = Decoded<typeof ListReleasesRequest>;

export const ListReleasesResponseRelease = message("ListReleasesResponseRelease", {
  lane: bytes(1),
  blockNumber: u64(2),
  headerHash: bytes(3),
  reason: text(4),
  at: inner(5, Timestamp),
});
export type ListReleasesResponseRelease = Decoded<typeof ListReleasesResponseRelease>;

export const ListReleasesResponse = message("ListReleasesResponse", {
  releases: repeated(inner(1, ListReleasesResponseRelease)),
});
export type ListReleasesResponse = Decoded<typeof ListReleasesResponse>;

export const DropLanesExceptRequest = message("DropLanesExceptRequest", {
  reason: inner(1, Reason),
  keep: repeated(bytes(2)),
  dropAll: bool(3),
});
export type DropLanesExceptRequest = Decoded<typeof DropLanesExceptRequest>;

export const DropLanesExceptResponse = message("DropLanesExceptResponse", {});
export type DropLanesExceptResponse = Decoded<typeof DropLanesExceptResponse>;

export const EpochMember = message("EpochMember", {
  key: bytes(1),
  weight: u64(2),
  lane: bytes(3),
});
export type EpochMember = Decoded<typeof EpochMember>;

export const Epoch = message("Epoch", {
  index: u64(1),
  firstRoad: u64(2),
  nextRoad: optional(u64(3)),
  members: repeated(inner(4, EpochMember)),
});
export type Epoch = Decoded<typeof Epoch>;

export const ListEpochsRequest = message("ListEpochsRequest", {});
export type ListEpochsRequest = Decoded<typeof ListEpochsRequest>;

export const ListEpochsResponse = message("ListEpochsResponse", {
  epochs: repeated(inner(1, Epoch)),
});
export type ListEpochsResponse = Decoded<typeof ListEpochsResponse>;

export const AddEpochRequest = message("AddEpochRequest", {
  reason: inner(1, Reason),
  epoch: inner(2, Epoch),
});
export type AddEpochRequest = Decoded<typeof AddEpochRequest>;

export const AddEpochResponse = message("AddEpochResponse", {
  epoch: inner(1, Epoch),
});
export type AddEpochResponse = Decoded<typeof AddEpochResponse>;

export const VerifyRequest = message("VerifyRequest", {});
export type VerifyRequest = Decoded<typeof VerifyRequest>;

export const VerifyResponseProgress = message("VerifyResponseProgress", {
  bytesRead: u64(1),
  bytesExpected: u64(2),
  records: u64(3),
});
export type VerifyResponseProgress = Decoded<typeof VerifyResponseProgress>;

export const VerifyResponseFinding = message("VerifyResponseFinding", {
  code: text(1),
  isError: bool(2),
  message: text(3),
  file: text(4),
});
export type VerifyResponseFinding = Decoded<typeof VerifyResponseFinding>;

export const VerifyResponseResult = message("VerifyResponseResult", {
  sound: bool(1),
  records: u64(2),
  errors: u64(3),
  warnings: u64(4),
  changedMeanwhile: bool(5),
});
export type VerifyResponseResult = Decoded<typeof VerifyResponseResult>;

export const VerifyResponse = message("VerifyResponse", {
  part: oneOf({
    progress: inner(1, VerifyResponseProgress),
    finding: inner(2, VerifyResponseFinding),
    result: inner(3, VerifyResponseResult),
  }),
});
export type VerifyResponse = Decoded<typeof VerifyResponse>;

export const BackupRequest = message("BackupRequest", {
  directory: text(1),
  bytesPerSecond: u64(2),
  keep: u32(3),
});
export type BackupRequest = Decoded<typeof BackupRequest>;

export const BackupResponseProgress = message("BackupResponseProgress", {
  doneBytes: u64(1),
  totalBytes: u64(2),
});
export type BackupResponseProgress = Decoded<typeof BackupResponseProgress>;

export const BackupResponseResult = message("BackupResponseResult", {
  directory: text(1),
  number: u64(2),
  lsn: u64(3),
  bytes: u64(4),
  copiedBytes: u64(5),
  takenAt: inner(6, Timestamp),
  duration: inner(7, Duration),
});
export type BackupResponseResult = Decoded<typeof BackupResponseResult>;

export const BackupResponse = message("BackupResponse", {
  part: oneOf({
    progress: inner(1, BackupResponseProgress),
    result: inner(2, BackupResponseResult),
  }),
});
export type BackupResponse = Decoded<typeof BackupResponse>;

export const DrainRequest = message("DrainRequest", {
  reason: inner(1, Reason),
});
export type DrainRequest = Decoded<typeof DrainRequest>;

export const DrainResponse = message("DrainResponse", {});
export type DrainResponse = Decoded<typeof DrainResponse>;

export const SetLogLevelRequest = message("SetLogLevelRequest", {
  reason: inner(1, Reason),
  level: text(2),
});
export type SetLogLevelRequest = Decoded<typeof SetLogLevelRequest>;

export const SetLogLevelResponse = message("SetLogLevelResponse", {
  previous: text(1),
});
export type SetLogLevelResponse = Decoded<typeof SetLogLevelResponse>;

export const RotateKeyRequest = message("RotateKeyRequest", {
  reason: inner(1, Reason),
});
export type RotateKeyRequest = Decoded<typeof RotateKeyRequest>;

export const RotateKeyResponse = message("RotateKeyResponse", {
  keyId: text(1),
  changed: bool(2),
});
export type RotateKeyResponse = Decoded<typeof RotateKeyResponse>;

export const ListKeysRequest = message("ListKeysRequest", {});
export type ListKeysRequest = Decoded<typeof ListKeysRequest>;

export const ListKeysResponseStoreKeys = message("ListKeysResponseStoreKeys", {
  store: text(1),
  keys: repeated(inner(2, KeyUse)),
});
export type ListKeysResponseStoreKeys = Decoded<typeof ListKeysResponseStoreKeys>;

export const ListKeysResponse = message("ListKeysResponse", {
  stores: repeated(inner(1, ListKeysResponseStoreKeys)),
});
export type ListKeysResponse = Decoded<typeof ListKeysResponse>;

export const ListDecisionsRequest = message("ListDecisionsRequest", {});
export type ListDecisionsRequest = Decoded<typeof ListDecisionsRequest>;

export const ListDecisionsResponseDecision = message("ListDecisionsResponseDecision", {
  at: inner(1, Timestamp),
  reason: inner(2, Reason),
  action: text(3),
  about: text(4),
});
export type ListDecisionsResponseDecision = Decoded<typeof ListDecisionsResponseDecision>;

export const ListDecisionsResponse = message("ListDecisionsResponse", {
  decisions: repeated(inner(1, ListDecisionsResponseDecision)),
});
export type ListDecisionsResponse = Decoded<typeof ListDecisionsResponse>;

export const OperatorService = service("lanekeeper.v1.OperatorService", {
  releasePin: unary(ReleasePinRequest, ReleasePinResponse),
  listReleases: unary(ListReleasesRequest, ListReleasesResponse),
  raiseGuard: unary(RaiseGuardRequest, RaiseGuardResponse),
  takeReservations: unary(TakeReservationsRequest, TakeReservationsResponse),
  dropLanesExcept: unary(DropLanesExceptRequest, DropLanesExceptResponse),
  listEpochs: unary(ListEpochsRequest, ListEpochsResponse),
  addEpoch: unary(AddEpochRequest, AddEpochResponse),
  verify: serverStream(VerifyRequest, VerifyResponse),
  backup: serverStream(BackupRequest, BackupResponse),
  drain: unary(DrainRequest, DrainResponse),
  setLogLevel: unary(SetLogLevelRequest, SetLogLevelResponse),
  rotateKey: unary(RotateKeyRequest, RotateKeyResponse),
  listKeys: unary(ListKeysRequest, ListKeysResponse),
  listDecisions: unary(ListDecisionsRequest, ListDecisionsResponse),
});
