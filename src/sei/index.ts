/** `lanekeeper/sei`: state directories of sei-chain, read, verified, imported and written. */
export type { ForeignEntry } from "./format/layout.js";
export {
  StateError,
  type StateErrorClass,
  type StateErrorFacts,
} from "./format/state-error.js";
export type { DamagedSlot } from "./format/vote-slots.js";
export {
  type ImportItem,
  type ImportOptions,
  type ImportStart,
  importSeiDirectory,
  type VerifiedVotes,
} from "./import/import.js";
export type { LogItem, LogSummary, RefusedItem } from "./import/import-log.js";
export type { VerifiedBlock } from "./import/lane-check.js";
export type { ImportRefusal, ImportRefusalReason } from "./import/import-refusal.js";
export type { VerifiedCommitQC } from "./import/road-check.js";
export {
  type Availability,
  type AvailabilityContext,
  availabilityOf,
  type HeldRange,
} from "./read/availability.js";
export type { Cut } from "./read/log-opening.js";
export { type StateContents, writeSeiDirectory } from "./write/write-state.js";
