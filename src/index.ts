/**
 * The durable memory of one validator in a lane-based BFT protocol.
 *
 * The other entries: `lanekeeper/wire` (messages, their bytes, hashes, signatures and rules),
 * `lanekeeper/journal` (one ordered history of typed records), `lanekeeper/sei` and
 * `lanekeeper/walmanager` (reading what other software wrote), `lanekeeper/testing` (crashes). A type that
 * an option or a result names and that is not here has its name in one of them.
 */
export type { WaitOptions } from "./async/signal.js";
export type { PushResult } from "./avail/inner.js";
export type { DurableBlock } from "./avail/offers.js";
export type { KeeperEvent, KeeperEvents, LogEntry } from "./node/events.js";
export type { Keeper, TakeReason } from "./node/keeper.js";
export { Lanekeeper } from "./node/lanekeeper.js";
export type { InitChoices, OpenChoices } from "./node/options.js";
export type { ReservationStatus } from "./node/signing/reserving.js";
export type { GuardStatus } from "./node/signing/verdict.js";
export type { PinnedNumber, Range, Recovery } from "./node/start.js";
export type { LaneStatus, QueueStatus, Status } from "./node/status.js";
export type { Raise } from "./persist/guards/heights.js";
export type { MaySign, Place } from "./persist/guards/may-sign.js";
export type { Release } from "./persist/note-forms.js";
export { InvariantError } from "./types/assert.js";
export {
  type CodeFacts,
  type ErrorCode,
  type ErrorFacts,
  errorCodes,
  PersisterError,
} from "./types/errors.js";
export { type LaneId, laneId } from "./types/lane.js";
export type { Measure, Observe } from "./types/measures.js";
export { type ErrorJson, LanekeeperError } from "./types/lanekeeper-error.js";
export { Committee, type Epoch, type EpochOf, type Member } from "./wire/committee.js";
export { Verifier } from "./wire/verifier.js";
