/** Written by scripts/generate from proto/lanekeeper/v1/journal.proto. */
import { bytes, inner, message, optional, repeated, type Decoded, u32, u64 } from "../message.js";
import { serverStream, service, unary } from "../method.js";

export const JournalRecord = message("JournalRecord", {
  lsn: u64(1),
  type: u32(2),
  tenant: u32(3),
  shard: u32(4),
  payload: bytes(5),
});
export type JournalRecord = Decoded<typeof JournalRecord>;

export const AppendRequest = message("AppendRequest", {
  records: repeated(inner(1, JournalRecord)),
});
export type AppendRequest = Decoded<typeof AppendRequest>;

export const AppendResponse = message("AppendResponse", {
  first: u64(1),
  next: u64(2),
});
export type AppendResponse = Decoded<typeof AppendResponse>;

export const ReplayRequest = message("ReplayRequest", {
  from: optional(u64(1)),
});
export type ReplayRequest = Decoded<typeof ReplayRequest>;

export const ReplayResponse = message("ReplayResponse", {
  records: repeated(inner(1, JournalRecord)),
});
export type ReplayResponse = Decoded<typeof ReplayResponse>;

export const ReadRecordRequest = message("ReadRecordRequest", {
  lsn: u64(1),
});
export type ReadRecordRequest = Decoded<typeof ReadRecordRequest>;

export const ReadRecordResponse = message("ReadRecordResponse", {
  record: inner(1, JournalRecord),
});
export type ReadRecordResponse = Decoded<typeof ReadRecordResponse>;

export const CheckpointRequest = message("CheckpointRequest", {
  lsn: u64(1),
});
export type CheckpointRequest = Decoded<typeof CheckpointRequest>;

export const CheckpointResponse = message("CheckpointResponse", {
  checkpointLsn: u64(1),
});
export type CheckpointResponse = Decoded<typeof CheckpointResponse>;

export const ForgetBeforeRequest = message("ForgetBeforeRequest", {
  lsn: u64(1),
});
export type ForgetBeforeRequest = Decoded<typeof ForgetBeforeRequest>;

export const ForgetBeforeResponse = message("ForgetBeforeResponse", {
  first: u64(1),
});
export type ForgetBeforeResponse = Decoded<typeof ForgetBeforeResponse>;

export const GetJournalStatusRequest = message("GetJournalStatusRequest", {});
export type GetJournalStatusRequest = Decoded<typeof GetJournalStatusRequest>;

export const GetJournalStatusResponse = message("GetJournalStatusResponse", {
  first: u64(1),
  next: u64(2),
  durable: u64(3),
  checkpoint: optional(u64(4)),
});
export type GetJournalStatusResponse = Decoded<typeof GetJournalStatusResponse>;

export const JournalService = service("lanekeeper.v1.JournalService", {
  append: unary(AppendRequest, AppendResponse),
  replay: serverStream(ReplayRequest, ReplayResponse),
  readRecord: unary(ReadRecordRequest, ReadRecordResponse),
  checkpoint: unary(CheckpointRequest, CheckpointResponse),
  forgetBefore: unary(ForgetBeforeRequest, ForgetBeforeResponse),
  getJournalStatus: unary(GetJournalStatusRequest, GetJournalStatusResponse),
});
