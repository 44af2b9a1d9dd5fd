/** `lanekeeper/keeping`: a store through its worst days. */
export type { BackupProgress } from "./backup/backup.js";
export { type BackupDone, type BackupOptions, backupStore } from "./backup/calls.js";
