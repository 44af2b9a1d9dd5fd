/**
 * Whether a store stands where its last owner left it. The mark names the origin of STORE as the last
 * open found it: its inode and its time of birth.
 *
 * A copy (cp, rsync, tar, a restored backup, another file system) has a STORE that was born later. A
 * store that was moved within its file system is the same one still, and is not noticed. A copy of a
 * whole file system, byte for byte (a snapshot, an image of a machine), cannot be told from the original,
 * nor can a copy that is written into the files that stand there.
 *
 * # Crash safety
 *
 * Open compares before it writes a byte. If the caller says that the store was moved, the mark that names
 * the new head names the new origin too. A crash before that mark leaves the old origin: the next open is
 * refused again, until the caller says so again.
 */
import type { FileOrigin } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import { STORE_FILE } from "../form/store.js";

/** The origin of STORE as the mark names it, and as it is now. */
interface OriginFacts {
  readonly named: FileOrigin;
  readonly found: FileOrigin;
}

interface OriginCase {
  readonly label: string;
  readonly fits: (facts: OriginFacts) => boolean;
  readonly isMoved: boolean;
}

/**
 * The first case that fits decides. A time of birth, where the mark names one, decides alone: some file
 * systems give other inodes after each mount, and a copy may get the inode of the original that was
 * removed before.
 */
export const originCases: readonly OriginCase[] = [
  {
    label: "same-birth",
    fits: ({ named, found }) => named.bornNs !== 0n && named.bornNs === found.bornNs,
    isMoved: false,
  },
  // A STORE without a time of birth is a copy, too: it stands on a file system that keeps none.
  { label: "other-birth", fits: ({ named }) => named.bornNs !== 0n, isMoved: true },
  {
    label: "other-inode",
    fits: ({ named, found }) =>
      named.inode !== 0n && found.inode !== 0n && named.inode !== found.inode,
    isMoved: true,
  },
  { label: "nothing-known-differs", fits: () => true, isMoved: false },
];

/** @throws {PersisterError} STORE_MOVED by `originCases`. */
export function refuseMoved(directory: string, facts: OriginFacts): void {
  const row = originCases.find((each) => each.fits(facts));
  if (!row?.isMoved) return;
  throw new PersisterError(
    "STORE_MOVED",
    `${directory}: this store was copied, or moved to another file system, since it was last open ` +
      `[${row.label}]; nothing was written. Make sure that the original never runs again, then open this ` +
      "one with moved: true (--moved on the command line)",
    { file: `${directory}/${STORE_FILE}` },
  );
}
