/** A look at the files of a store. It takes no lock, and only reads. */
import { hex } from "../../../codec/hex.js";
import { ReadOnlyDisk } from "../../../disk/read-only.js";
import { RealDisk } from "../../../disk/real/real.js";
import { readSlots } from "../../../disk/slots/slots.js";
import { attempted, FindingTally } from "../../../inspect/finding.js";
import { inspecting } from "../../../inspect/inspect.js";
import { StoreListing } from "../../../inspect/listing/listing.js";
import type { Summary } from "../../../inspect/summary.js";
import { newProgress } from "../../../inspect/walk/live-records.js";
import { RECORDS_CHAIN } from "../../../journal/form/store.js";
import { ANCHOR_NAME, VOTE_NAME } from "../../../persist/pair-persister.js";
import { hasCode, PersisterError } from "../../../types/errors.js";
import { sourcesOf } from "../../store/key-files.js";
import { identityIn } from "../../store/identity.js";
import type { CliPort } from "../../terminal/port.js";
import { showWork } from "../../terminal/progress.js";
import { counted } from "../../terminal/sizes.js";
import { guardsInFiles } from "./guards.js";
import { type SegmentsView, type StoreView, type UnreadView, worstUnread } from "./view.js";

export async function viewOfFiles(
  directory: string,
  keyFiles: readonly string[] | undefined,
  port: CliPort,
): Promise<StoreView> {
  const { chainId, storeId } = await identityIn(directory, true);
  if (chainId === RECORDS_CHAIN) return await viewOfJournal(directory, hex(storeId));
  const progress = newProgress();
  const tally = new FindingTally();
  const view = showWork(() => {
    const { bytesRead, bytesExpected } = progress;
    return { name: "reading", unit: "bytes", done: bytesRead, total: bytesExpected || undefined };
  }, port);
  try {
    const disk = new RealDisk();
    const depth = { kind: "forms" } as const;
    const looking = inspecting({
      disk,
      directory,
      depth,
      keys: sourcesOf(keyFiles ?? []),
      progress,
    });
    for (;;) {
      const step = await looking.next();
      port.stop.throwIfAborted();
      if (!step.done) {
        tally.add(step.value);
        continue;
      }
      return {
        ...viewOfSummary(step.value),
        code: tally.worst(false),
        ...(await listedIn(directory, keyFiles ?? [])),
      };
    }
  } finally {
    view.stop();
  }
}

function viewOfSummary(summary: Summary): Omit<StoreView, "code" | keyof Listed> {
  const { directory, identity, logs, pins, anchor } = summary;
  return {
    directory,
    chainId: identity?.chainId,
    storeId: identity && hex(identity.storeId),
    state: stateOf(summary),
    logs: logs.map(({ name, first, next }) => ({ name, first, next })),
    anchorRoadIndex: anchor?.roadIndex,
    pins: pins.map(({ name, number, hash }) => ({ lane: name, number, headerHash: hex(hash) })),
    archive: undefined,
    reservations: undefined,
    service: undefined,
  };
}

function stateOf({ verdict, owner, errors }: Summary): string {
  const open = owner === "open" ? ", and somebody has it open" : "";
  if (!verdict.opens)
    return `open would refuse it with ${verdict.class}: ${verdict.message}${open}`;
  const found =
    errors === 0 ? "sound" : `it would open, with ${counted(errors, "error")}: see inspect`;
  return `${found}${open}`;
}

/** A journal of records: its range, as its newest head and the records behind it say. */
async function viewOfJournal(directory: string, storeId: string): Promise<StoreView> {
  const listing = await StoreListing.open(new RealDisk(), directory);
  try {
    const unread = unreadIn(listing);
    const [why] = unread;
    return {
      directory,
      chainId: undefined,
      storeId,
      state: why
        ? `a journal of records, of which not all could be read: ${why.message}`
        : "a journal of records",
      code: worstUnread(unread),
      logs: [...listing.table.states()].map(({ name, first, next }) => ({ name, first, next })),
      anchorRoadIndex: undefined,
      pins: [],
      guards: undefined,
      segments: countsOf(listing),
      unread,
      archive: undefined,
      reservations: undefined,
      service: undefined,
    };
  } finally {
    await listing.close();
  }
}

/** The errors of a listing that an inspection has found before it. */
const told = ["JOURNAL_CORRUPT", "READ_ONLY", "IO", "FORMAT_TOO_NEW"] as const;

type Listed = Pick<StoreView, "segments" | "guards" | "unread">;

async function listedIn(directory: string, keyFiles: readonly string[]): Promise<Listed> {
  let listing: StoreListing;
  try {
    listing = await StoreListing.open(new RealDisk(), directory, sourcesOf(keyFiles));
  } catch (cause) {
    // The state tells of it already.
    if (!told.some((code) => hasCode(cause, code))) throw cause;
    return { segments: [], guards: undefined, unread: unreadBy(cause, directory) };
  }
  try {
    const guards = await guardsInFiles(directory, listing);
    const unread = [...unreadIn(listing), ...(await unreadPairs(directory))];
    return { segments: countsOf(listing), guards, unread };
  } finally {
    await listing.close();
  }
}

export function unreadIn({ unread }: StoreListing): readonly UnreadView[] {
  return unread.map(({ file, class: code, message }) => ({ file, code, message }));
}

function unreadBy(cause: unknown, directory: string): readonly UnreadView[] {
  if (!(cause instanceof PersisterError) || cause.code === "JOURNAL_CORRUPT") return [];
  const { code, message, file = directory } = cause;
  return [{ file, code, message }];
}

/** The A/B slots that cannot be read; damage in them is the inspection's. */
async function unreadPairs(directory: string): Promise<readonly UnreadView[]> {
  const disk = new ReadOnlyDisk(new RealDisk(), () => undefined);
  const reads = [ANCHOR_NAME, VOTE_NAME].map(async (name) => {
    const read = await attempted(() => readSlots(disk, directory, name));
    return "error" in read ? unreadBy(read.error, directory) : [];
  });
  return (await Promise.all(reads)).flat();
}

/** How many there are of each state; of those that could not be read only where there are some. */
function countsOf({ segments }: StoreListing): readonly SegmentsView[] {
  const states = ["current", "sealed", "retained", "free", "unread"] as const;
  return states.flatMap((state) => {
    const found = segments.filter((each) => each.state === state);
    if (state === "unread" && found.length === 0) return [];
    const bytes = found.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
    return [{ state, slots: found.length, bytes }];
  });
}
