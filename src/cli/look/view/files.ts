/** A look at the files of a store. It takes no lock, and only reads. */
import { hex } from "../../../codec/hex.js";
import { RealDisk } from "../../../disk/real/real.js";
import { FindingTally } from "../../../inspect/finding.js";
import { inspectStore } from "../../../inspect/inspect.js";
import { StoreListing } from "../../../inspect/listing/listing.js";
import type { Summary } from "../../../inspect/summary.js";
import { newProgress } from "../../../inspect/walk/live-records.js";
import { RECORDS_CHAIN } from "../../../journal/form/store.js";
import { hasCode } from "../../../types/errors.js";
import { sourcesOf } from "../../store/key-files.js";
import { identityIn } from "../../store/identity.js";
import type { CliPort } from "../../terminal/port.js";
import { showWork } from "../../terminal/progress.js";
import { counted } from "../../terminal/sizes.js";
import { guardsInFiles } from "./guards.js";
import type { SegmentsView, StoreView } from "./view.js";

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
    const looking = inspectStore({
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
    return {
      directory,
      chainId: undefined,
      storeId,
      state: "a journal of records",
      code: undefined,
      logs: [...listing.table.states()].map(({ name, first, next }) => ({ name, first, next })),
      anchorRoadIndex: undefined,
      pins: [],
      guards: undefined,
      segments: countsOf(listing),
      archive: undefined,
      service: undefined,
    };
  } finally {
    await listing.close();
  }
}

type Listed = Pick<StoreView, "segments" | "guards">;

async function listedIn(directory: string, keyFiles: readonly string[]): Promise<Listed> {
  let listing: StoreListing;
  try {
    listing = await StoreListing.open(new RealDisk(), directory, sourcesOf(keyFiles));
  } catch (cause) {
    // The state tells of it already.
    if (!hasCode(cause, "JOURNAL_CORRUPT")) throw cause;
    return { segments: [], guards: undefined };
  }
  try {
    return { segments: countsOf(listing), guards: await guardsInFiles(directory, listing) };
  } finally {
    await listing.close();
  }
}

function countsOf({ segments }: StoreListing): readonly SegmentsView[] {
  const states = ["current", "sealed", "retained", "free"] as const;
  return states.map((state) => {
    const found = segments.filter((each) => each.state === state);
    const bytes = found.reduce((sum, each) => sum + each.bytes, 0);
    return { state, slots: found.length, bytes };
  });
}
