/** `lanekeeper/keeping`: a store through its worst days. */
export type { BackupProgress } from "./backup/backup.js";
export { type RestoreChoices, restoreStore, retireStore, watermarksOf } from "./calls.js";
export {
  decodeWatermarks,
  encodeWatermarks,
  type LaneMark,
  type VoteMark,
  type Watermarks,
} from "./watermarks/document.js";
export { type ImportChoices, importWatermarks, type Raisable } from "./watermarks/import.js";
export type { Height, Heights } from "../persist/guards/heights.js";
export type { Retirement } from "../journal/form/retired.js";
export { heightsFromPeers, type PeerAnswer, type PeerHeights } from "../persist/guards/peers.js";
export { type BackupDone, type BackupOptions, backupStore } from "./backup/calls.js";
export type { Finding, Severity } from "../inspect/finding.js";
export { type InspectChoices, inspectStore, type StoreInspection } from "../inspect/calls.js";
export type { FindingReport, LogReport, StoreReport } from "../inspect/report.js";
export type { OpeningChoices, OpenProgress, RecoveryStep } from "../async/opening.js";
export { digestOf, type LogDigest, type StoreDigest } from "./reading/digest.js";
export { type ReadChoices, readStore } from "./reading/calls.js";
export { type SnapshotFacts, type SnapshotRange, StoreSnapshot } from "./reading/snapshot.js";
export { type RepairOptions, repairStore } from "./repair/calls.js";
export type { KeptLog } from "./repair/logs.js";
export type { RepairPlan } from "./repair/plan.js";
export type { Peers } from "./repair/sources.js";
export type { RepairReport } from "./repair/repair.js";
