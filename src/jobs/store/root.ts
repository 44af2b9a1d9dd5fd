/** The folder of a store of jobs: what may be there, and how it is made. */
import { dirname } from "node:path";
import type { OpeningChoices } from "../../async/opening.js";
import type { Disk } from "../../disk/disk.js";
import type { Surroundings } from "../../disk/surroundings.js";
import type { KeyChoices } from "../../keys/source.js";
import { PersisterError, hasCode } from "../../types/errors.js";
import { JobJournal } from "../journal/job-journal.js";
import type { JobHomes } from "../level/home.js";
import type { JobStoreSettings } from "../options.js";

/** The place of a store of jobs. */
export interface RootParts {
  readonly surroundings: Surroundings;
  readonly root: string;
  readonly homes: JobHomes;
}

export function checkRoot(root: unknown): string {
  if (typeof root === "string" && root.length > 0) return root;
  throw new PersisterError("USAGE", "the root of a store of jobs is the path of a folder");
}

/**
 * Whether there is a folder at `root`; false where nothing is, and one could be made.
 *
 * @throws {PersisterError} NOT_A_STORE where `root`, or something above it, is a file.
 */
export async function isDirectory(disk: Disk, root: string): Promise<boolean> {
  const above = dirname(root);
  const isTop = above === root || above === ".";
  if (!isTop && !(await isDirectory(disk, above))) return false;
  const kind = await disk.kind(root);
  if (kind === undefined || kind === "directory") return kind === "directory";
  throw new PersisterError("NOT_A_STORE", `${root} is a file, not a folder: check the path`, {
    file: root,
  });
}

/** Makes `root` with every folder above it that is missing; durable when resolved. */
async function makeRoot(disk: Disk, root: string): Promise<void> {
  if (await isDirectory(disk, root)) return;
  const above = dirname(root);
  if (above !== root && above !== ".") await makeRoot(disk, above);
  await disk.makeDirectory(root);
  await disk.syncDirectory(above);
}

/**
 * The journal of the store at `root`; made, with the folder, where there is no job yet.
 *
 * @throws {PersisterError} JOB_CORRUPT where there are jobs and their journal is gone; what
 * `Journal.open` throws.
 */
export async function openJournalAt(
  { surroundings, root, homes, settings }: RootParts & { readonly settings: JobStoreSettings },
  opening: OpeningChoices & { readonly keys: KeyChoices | undefined },
): Promise<JobJournal> {
  await makeRoot(surroundings.disk, root);
  const found = await homes.found();
  try {
    const mayMake = found.length === 0;
    const { segmentBytes, flush, moved } = settings;
    const options = { ...opening, segmentBytes, flush, moved };
    return await JobJournal.open(surroundings, root, options, mayMake);
  } catch (cause) {
    if (!hasCode(cause, "NOT_A_STORE")) throw cause;
    throw new PersisterError(
      "JOB_CORRUPT",
      `${root}: there are jobs (${found.slice(0, 5).join(", ")}), and their journal is gone: it holds ` +
        "what was acknowledged last, so nothing is opened without it",
      { file: root, cause },
    );
  }
}
