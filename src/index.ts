/**
 * The durable memory of one validator in a lane-based BFT protocol.
 */
export type { Admission } from "./avail/availability-state.js";
export type { DurableBlock } from "./avail/block-offers.js";
export type { WaitOptions } from "./async/version.js";
export { Lanekeeper } from "./node/lanekeeper.js";
export type { InitChoices, OpenChoices } from "./node/options.js";
export type { PinnedNumber, Range, Recovery } from "./node/recovery.js";
export type { LaneStatus, QueueStatus, Status } from "./node/status.js";
export type { RecoveryStep } from "./persist/persisters.js";
export type { Release } from "./persist/release-log.js";
export type { Truncation } from "./records/checkpoints.js";
export { REQUIRED_TYPE } from "./records/envelope.js";
export {
  importWalManager,
  type WalManagerImport,
} from "./records/import.js";
export {
  type AppendedBatch,
  Journal,
  type JournalPage,
  type JournalSizes,
} from "./records/journal.js";
export type { NewJournalRecord } from "./records/new-record.js";
export type { JournalRecovery } from "./records/open.js";
export type { JournalChoices, JournalInitChoices } from "./records/options.js";
export type { JournalRecord, RecordHeader, RecordRange } from "./records/replay.js";
export type { JournalSegment } from "./records/segments.js";
export {
  type Availability,
  availabilityOf,
} from "./sei/read/availability.js";
export {
  type ImportItem,
  type ImportOptions,
  type ImportStart,
  importFrom,
  importSeiDirectory,
  type VerifiedVotes,
} from "./sei/import/import.js";
export type { LogSummary } from "./sei/import/import-log.js";
export type { VerifiedBlock } from "./sei/import/lane-judge.js";
export type { Refusal, RefusalReason } from "./sei/import/refusal.js";
export type { VerifiedCommitQC } from "./sei/import/road-judge.js";
export type { LaneSource, StateSource } from "./sei/read/source.js";
export { StateError, type StateErrorClass } from "./sei/format/state-error.js";
export { type StateContents, writeSeiDirectory } from "./sei/write/write-state.js";
export { InvariantError } from "./types/assert.js";
export { type ErrorCode, errorCodes, PersisterError } from "./types/errors.js";
export { isLaneId, type LaneId, laneId, laneIdOf, laneParts } from "./types/lane.js";
export { U64_MAX } from "./types/numbers.js";
export { walTypeName, walTypes } from "./walmanager/record-types.js";
export { WalError, type WalErrorClass } from "./walmanager/wal-error.js";
export { type WalChoices, WalLog, type WalRecord } from "./walmanager/wal-log.js";
export type { LsnGap, TornTail, WalSummary } from "./walmanager/wal-tally.js";
export * from "./wire/build.js";
export {
  Committee,
  type Epoch,
  type EpochOf,
  type Member,
  type Weighted,
} from "./wire/committee.js";
export * from "./wire/codec/decode.js";
export { DecodeError } from "./wire/codec/decode-error.js";
export { type KeyPair, keyPairFromSeed, sign, verify } from "./wire/signatures/ed25519.js";
export * from "./wire/codec/encode.js";
export { verifyFullProposal, type ViewStart } from "./wire/rules/full-proposal.js";
export * from "./wire/hash.js";
export type * from "./wire/messages.js";
export { verifyTimeoutQC } from "./wire/rules/timeout.js";
export { Verifier, type VerifierCounts, type VerifierOptions } from "./wire/verifier.js";
export { globalRange } from "./wire/rules/proposal.js";
export * from "./wire/rules/verify.js";
export { VerifyError, type VerifyErrorClass } from "./wire/verify-error.js";
