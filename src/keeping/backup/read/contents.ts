/** The content of a backup, as it is read from the backup itself: the part of a manifest that no copier knows. */
import type { Disk } from "../../../disk/disk.js";
import { RECORDS_CHAIN, type StoreIdentity } from "../../../journal/form/store.js";
import type { PairRole } from "../../../journal/group/group.js";
import { type AnchorStarts, proveAnchor, startsByLog, startsOf } from "../../../persist/anchor.js";
import { ROAD } from "../../../persist/kinds.js";
import { type RecoveredPair, recoverPair } from "../../../persist/pair-persister.js";
import type { BackupManifest } from "../manifest.js";
import { type JournalRead, readJournal } from "./journal.js";

export type Contents = Pick<BackupManifest, "logs" | "anchor" | "vote" | "keyIds">;

/**
 * Reads the store in `directory` as open does, without its keys and its committee.
 *
 * @throws {PersisterError} ANCHOR_CORRUPT; as `readJournal` says.
 */
export async function readContents(
  disk: Disk,
  directory: string,
  { storeId, chainId }: StoreIdentity,
): Promise<Contents> {
  const journal = await readJournal(disk, directory, storeId);
  try {
    const { keyIds } = journal;
    if (chainId === RECORDS_CHAIN) {
      return { logs: logsUnder(undefined, journal), anchor: null, vote: null, keyIds };
    }
    const anchor = await anchorIn(await heldPair(disk, directory, "anchor", journal));
    const vote = await heldPair(disk, directory, "vote", journal);
    return {
      logs: logsUnder(anchor?.starts, journal),
      anchor: anchor && { sequence: anchor.sequence, roadIndex: anchor.starts.road },
      vote: vote.message ? { sequence: vote.named.acked } : null,
      keyIds,
    };
  } finally {
    await journal.close();
  }
}

async function heldPair(
  disk: Disk,
  directory: string,
  role: PairRole,
  { mark, head }: JournalRead,
): Promise<RecoveredPair> {
  const found = await recoverPair(disk, directory, role, { mark, head });
  await found.pair.close();
  return found;
}

async function anchorIn({ message, file, named }: RecoveredPair): Promise<AnchorHeld | null> {
  if (!message) return null;
  const unproven = (): Promise<void> => Promise.resolve();
  const starts = startsOf(await proveAnchor(message, file, unproven));
  return { sequence: named.acked, starts };
}

interface AnchorHeld {
  readonly sequence: bigint;
  readonly starts: AnchorStarts;
}

/**
 * The logs as open publishes them: an anchor raises starts whose truncation was on its way (D3), and the road
 * holds the anchor's own commit QC.
 */
function logsUnder(starts: AnchorStarts | undefined, { table }: JournalRead): Contents["logs"] {
  const logs = new Map([...table.states()].map(({ name, first, next }) => [name, { first, next }]));
  for (const [name, start] of startsByLog(starts)) {
    const { first, next } = logs.get(name) ?? { first: start, next: start };
    const least = name === ROAD ? start + 1n : start;
    logs.set(name, { first: start > first ? start : first, next: least > next ? least : next });
  }
  return [...logs].map(([name, range]) => ({ name, ...range }));
}
