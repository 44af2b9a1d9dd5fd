/**
 * Rehearses open: runs the very code that open runs before it writes a byte, on a disk that can only be
 * read. Its answer is the verdict, whatever else was found. A store that this user may not write to would
 * be refused too, so every file that open opens for writing is opened so, and closed again.
 */
import type { Disk, DiskFile, FileOrigin } from "../disk/disk.js";
import { applyOpening, standingPins, type Starts } from "../journal/begin.js";
import type { Pin } from "../journal/form/mark.js";
import { type SoughtStore, STORE_FILE } from "../journal/form/store.js";
import { type Recovered, recoverJournal } from "../journal/recovery/recovery.js";
import { FIRST_LSN, RECORDS_LOG } from "../records/log/record-check.js";
import { startsByLog } from "../persist/anchor.js";
import { checkStore, type ProveAnchor } from "../persist/checked-store.js";
import type { GuardNote } from "../persist/guards/heights.js";
import type { KeyRing } from "../keys/ring.js";
import type { PersisterError } from "../types/errors.js";
import { attempted } from "./finding.js";
import { recordsJudge, type StoreKind } from "./walk/judge.js";
import { type Depth, readAnchor } from "./walk/proof.js";

/** A log and its live range [first, next). */
export interface LogRange {
  readonly name: string;
  readonly first: bigint;
  readonly next: bigint;
}

/** The outcome of an open, if nobody else had the store open. */
export type Rehearsed =
  | {
      readonly opens: true;
      /** The logs as open would publish them, once the anchor has raised their starts. */
      readonly logs: readonly LogRange[];
      readonly pins: readonly Pin[];
      /** The newest note of the guards, if the store was ever guarded. */
      readonly guards: GuardNote | undefined;
    }
  | { readonly opens: false; readonly refusal: PersisterError };

/** A store that open would take, before it changes anything; its files are open. */
interface Checked extends Pick<Starts, "truncate"> {
  readonly recovered: Recovered;
  readonly guards: GuardNote | undefined;
  /** The files that open opens for writing, beside STORE. */
  readonly files: readonly DiskFile[];
  readonly close: () => Promise<void>;
}

/** The open that is rehearsed. */
export interface Rehearsal {
  readonly directory: string;
  readonly storeId: Uint8Array;
  readonly kind: StoreKind;
  readonly depth: Depth;
  /** As the option of open; a store that was restored is another file by its making. */
  readonly moved: boolean;
  /** The keys that open would be given; the caller closes them. */
  readonly ring: KeyRing;
}

/** `writable` is the same disk as `disk`, which only reads: files are opened on it, and not written. */
export async function rehearse(
  disks: { readonly disk: Disk; readonly writable: Disk },
  { directory, storeId, kind, depth, moved, ring }: Rehearsal,
): Promise<Rehearsed> {
  const judged = await attempted(async () => {
    const origin = moved ? undefined : await originAt(disks.disk, directory);
    const sought = { storeId, origin, ring };
    if (kind === "records") return await checkJournal(disks.disk, directory, sought);
    const prove: ProveAnchor = (message, file) => readAnchor(message, file, depth);
    const store = await checkStore(disks.disk, directory, sought, prove);
    const truncate = startsByLog(store.starts);
    const { recovered, checks, anchorPair, votePair } = store;
    const files = [...filesOf(recovered), ...anchorPair.pair.files, ...votePair.pair.files];
    return { recovered, truncate, guards: checks.guards, files, close: () => store.close() };
  });
  if ("error" in judged) return { opens: false, refusal: judged.error };
  try {
    const paths = [`${directory}/${STORE_FILE}`, ...judged.value.files.map(({ path }) => path)];
    const mayWrite = await attempted(() => openForWriting(disks.writable, paths));
    return "error" in mayWrite ? { opens: false, refusal: mayWrite.error } : opened(judged.value);
  } finally {
    await judged.value.close();
  }
}

async function originAt(disk: Disk, directory: string): Promise<FileOrigin | undefined> {
  const file = await disk.openToRead(`${directory}/${STORE_FILE}`);
  try {
    return await file?.origin();
  } finally {
    await file?.close();
  }
}

/** One after the other: a store may have more files than a process may open. */
async function openForWriting(disk: Disk, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const file = await disk.openToWrite(path);
    await file?.close();
  }
}

/** The mark, and every slot, also those that are free. */
function filesOf({ markFile, slots }: Recovered): DiskFile[] {
  return [markFile, ...slots.map(({ file }) => file)];
}

/** As `openRecords` reads a journal. */
async function checkJournal(disk: Disk, directory: string, sought: SoughtStore): Promise<Checked> {
  const recovered = await recoverJournal(disk, directory, sought, recordsJudge().visit);
  const truncate = new Map([[RECORDS_LOG, FIRST_LSN]]);
  const files = filesOf(recovered);
  return { recovered, truncate, guards: undefined, files, close: () => recovered.close() };
}

function opened({ recovered, truncate, guards }: Checked): Rehearsed {
  const { table } = recovered;
  applyOpening(recovered, { truncate });
  return {
    opens: true,
    logs: [...table.states()].map(({ name, first, next }) => ({ name, first, next })),
    pins: standingPins(recovered),
    guards,
  };
}
