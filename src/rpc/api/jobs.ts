/** Written by scripts/generate from proto/lanekeeper/v1/jobs.proto. */
import { bool, bytes, inner, message, oneOf, optional, repeated, text, type Decoded, u32, u64 } from "../message.js";
import { serverStream, service, unary } from "../method.js";

export const OpenJobRequest = message("OpenJobRequest", {
  job: text(1),
  schemaVersion: optional(u32(2)),
});
export type OpenJobRequest = Decoded<typeof OpenJobRequest>;

export const OpenJobResponse = message("OpenJobResponse", {});
export type OpenJobResponse = Decoded<typeof OpenJobResponse>;

export const CloseJobRequest = message("CloseJobRequest", {
  job: text(1),
});
export type CloseJobRequest = Decoded<typeof CloseJobRequest>;

export const CloseJobResponse = message("CloseJobResponse", {});
export type CloseJobResponse = Decoded<typeof CloseJobResponse>;

export const DropJobRequest = message("DropJobRequest", {
  job: text(1),
});
export type DropJobRequest = Decoded<typeof DropJobRequest>;

export const DropJobResponse = message("DropJobResponse", {});
export type DropJobResponse = Decoded<typeof DropJobResponse>;

export const ListJobsRequest = message("ListJobsRequest", {});
export type ListJobsRequest = Decoded<typeof ListJobsRequest>;

export const ListJobsResponseJob = message("ListJobsResponseJob", {
  job: text(1),
  state: text(2),
  schemaVersion: u32(3),
  bytes: u64(4),
});
export type ListJobsResponseJob = Decoded<typeof ListJobsResponseJob>;

export const ListJobsResponse = message("ListJobsResponse", {
  jobs: repeated(inner(1, ListJobsResponseJob)),
});
export type ListJobsResponse = Decoded<typeof ListJobsResponse>;

export const Row = message("Row", {
  key: bytes(1),
  value: bytes(2),
});
export type Row = Decoded<typeof Row>;

export const WriteRequestOperation = message("WriteRequestOperation", {
  category: text(1),
  operation: oneOf({
    put: inner(2, Row),
    delete: bytes(3),
    deletePrefix: bytes(4),
  }),
});
export type WriteRequestOperation = Decoded<typeof WriteRequestOperation>;

export const WriteRequest = message("WriteRequest", {
  job: text(1),
  operations: repeated(inner(2, WriteRequestOperation)),
  durable: bool(3),
});
export type WriteRequest = Decoded<typeof WriteRequest>;

export const WriteResponse = message("WriteResponse", {});
export type WriteResponse = Decoded<typeof WriteResponse>;

export const GetRequest = message("GetRequest", {
  job: text(1),
  category: text(2),
  key: bytes(3),
});
export type GetRequest = Decoded<typeof GetRequest>;

export const GetResponse = message("GetResponse", {
  value: optional(bytes(1)),
});
export type GetResponse = Decoded<typeof GetResponse>;

export const KeyRangeBounds = message("KeyRangeBounds", {
  first: bytes(1),
  next: bytes(2),
});
export type KeyRangeBounds = Decoded<typeof KeyRangeBounds>;

export const KeyRange = message("KeyRange", {
  range: oneOf({
    prefix: bytes(1),
    bounds: inner(2, KeyRangeBounds),
  }),
});
export type KeyRange = Decoded<typeof KeyRange>;

export const ScanRequest = message("ScanRequest", {
  job: text(1),
  category: text(2),
  range: inner(3, KeyRange),
  reverse: bool(4),
  limit: u64(5),
});
export type ScanRequest = Decoded<typeof ScanRequest>;

export const ScanResponse = message("ScanResponse", {
  rows: repeated(inner(1, Row)),
});
export type ScanResponse = Decoded<typeof ScanResponse>;

export const CountRequest = message("CountRequest", {
  job: text(1),
  category: text(2),
  range: inner(3, KeyRange),
});
export type CountRequest = Decoded<typeof CountRequest>;

export const CountResponse = message("CountResponse", {
  rows: u64(1),
});
export type CountResponse = Decoded<typeof CountResponse>;

export const JobsService = service("lanekeeper.v1.JobsService", {
  openJob: unary(OpenJobRequest, OpenJobResponse),
  closeJob: unary(CloseJobRequest, CloseJobResponse),
  dropJob: unary(DropJobRequest, DropJobResponse),
  listJobs: unary(ListJobsRequest, ListJobsResponse),
  write: unary(WriteRequest, WriteResponse),
  get: unary(GetRequest, GetResponse),
  scan: serverStream(ScanRequest, ScanResponse),
  count: unary(CountRequest, CountResponse),
});
