/** `lanekeeper/walmanager`: logs of WalManager, read and never changed. */
export { walTypeName, walTypes } from "./record-types.js";
export {
  WalError,
  type WalErrorClass,
  type WalErrorFacts,
} from "./wal-error.js";
export { type WalChoices, WalLog, type WalRecord } from "./wal-log.js";
export type { LsnGap, TornTail, WalSummary } from "./wal-tally.js";
export type { SegmentFile } from "./layout.js";
