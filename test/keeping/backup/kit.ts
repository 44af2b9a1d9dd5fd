/** The kit of the tests of backups: a store of one, made by hand, and a verification run to its end. */
import type { Disk } from "../../../src/disk/disk.js";
import type { Finding } from "../../../src/inspect/finding.js";
import { newProgress } from "../../../src/inspect/walk/live-records.js";
import type { BackupManifest } from "../../../src/keeping/backup/manifest.js";
import { Pace } from "../../../src/keeping/backup/pace.js";
import { type VerifiedBackup, verifyBackup } from "../../../src/keeping/backup/verify.js";
import type { KeySource } from "../../../src/keys/source.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { DIRECTORY } from "../../node/surroundings.js";

export const BACKUP = "/backups";

/** Waits for nothing. */
export function noPace(): Pace {
  return new Pace({ bytesPerSecond: 1, nowMs: () => 0, wait: (task) => void setImmediate(task) });
}

export interface Verified extends VerifiedBackup {
  readonly findings: readonly Finding[];
}

/** Verifies to the end. */
export async function verified(
  disk: Disk,
  keys: readonly KeySource[] = [],
  number?: number,
): Promise<Verified> {
  const depth = { kind: "forms" } as const;
  const progress = newProgress();
  const verifying = verifyBackup({ disk, directory: BACKUP, depth, keys, progress, number });
  const findings: Finding[] = [];
  for (;;) {
    const step = await verifying.next();
    if (step.done) return { ...step.value, findings };
    findings.push(step.value);
  }
}

/** A disk with the files of a backup in the places that they have in a store, and nothing else. */
export async function placed(backup: Disk, { files }: BackupManifest): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory(DIRECTORY);
  await disk.makeDirectory(`${DIRECTORY}/journal`);
  for (const { path, at, bytes } of files) {
    const from = await backup.openToRead(`${BACKUP}/${at}`);
    const to = await disk.create(`${DIRECTORY}/${path}`);
    if (from) await to.writeDurable(0, [await from.read(0, bytes)]);
    await from?.close();
    await to.close();
  }
  await disk.syncDirectory(`${DIRECTORY}/journal`);
  await disk.syncDirectory(DIRECTORY);
  return disk;
}
