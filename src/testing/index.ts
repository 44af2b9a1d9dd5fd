/**
 * `lanekeeper/testing`: a disk that loses power, and one function that runs a node's own code over a
 * Lanekeeper on it.
 */
export type {
  DirectoryEntry,
  Disk,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
  WriteWay,
} from "../disk/disk.js";
export { MemoryDisk } from "../disk/memory.js";
export { buildAppQC, buildCommitQC, buildLaneQC, buildPrepareQC } from "./certificates.js";
export {
  type CrashTestOptions,
  type CrashTestReport,
  crashTest,
  type Life,
} from "./crash-test.js";
export { initOn, openOn } from "./on-disk.js";
export {
  type ChangeKind,
  type Fault,
  type FaultEffect,
  type FaultyOperation,
  type HeldChange,
  SimulatedDisk,
  type SimulatedDiskOptions,
  type SimulatedEntry,
  type Step,
} from "./simulated-disk.js";
export { type SoloValidator, soloValidator } from "./solo-validator.js";
