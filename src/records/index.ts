/** `lanekeeper/journal`: one ordered history of typed records that is replayed after a restart. */
export type { OpeningChoices, OpenProgress } from "../async/opening.js";
export type { WaitOptions } from "../async/signal.js";
export type { PathInput } from "../disk/path.js";
export type { KeyUse } from "../journal/upkeep/rekeyer.js";
export type { KeyChoices, KeySource } from "../keys/source.js";
export type { Truncation } from "./log/checkpoints.js";
export type { Flush, FlushStatus } from "../disk/surroundings.js";
export { REQUIRED_TYPE } from "./log/envelope.js";
export { importWalManager, type WalManagerImport, type WalManagerImportOptions } from "./import.js";
export { type AppendedBatch, Journal } from "./journal.js";
export type { NewJournalRecord } from "./log/new-record.js";
export type { JournalRecovery } from "./open.js";
export type { JournalChoices, JournalInitChoices } from "./options.js";
export type { JournalPage, JournalRecord, RecordHeader, RecordRange } from "./replay.js";
export type { JournalSegment, JournalSizes } from "./log/segments.js";
