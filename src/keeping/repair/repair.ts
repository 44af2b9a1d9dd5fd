/**
 * Repairs a store that open refuses: makes a store of everything in it that is proven, beside it, and swaps the two
 * by renames. The damaged one stays.
 *
 * 1. The store is owned, so that nobody opens it, and inspected.
 * 2. Everything that can be read is read; records that are lost come from a backup or from peers, if they are
 *    proven.
 * 3. Without `apply`, that is all: the plan is told.
 * 4. The new store is made in STORE.repairing, guarded as a whole, closed, and opened once more by an inspection.
 * 5. STORE becomes STORE.damaged-N, and STORE.repairing becomes STORE.
 *
 * # Crash safety
 *
 * A crash leaves:
 * - before step 5: the damaged store as it was, and perhaps STORE.repairing, which the next call takes away;
 * - between the renames: no STORE. The whole new store is STORE.repairing, and the next call ends the swap;
 * - behind them: the new store. Not a byte of the damaged one was changed.
 */
import type { Surroundings } from "../../disk/surroundings.js";
import { parentOf } from "../../disk/parent.js";
import type { Finding } from "../../inspect/finding.js";
import { inspectStore } from "../../inspect/inspect.js";
import { newProgress } from "../../inspect/walk/live-records.js";
import { ownStore } from "../../journal/form/store.js";
import type { KeySource } from "../../keys/source.js";
import { type ErrorCode, PersisterError } from "../../types/errors.js";
import type { Epoch } from "../../wire/committee.js";
import { findBackup } from "../backup/found.js";
import { VIEW_DIRECTORY, viewOf } from "../backup/read/view.js";
import { buildStore } from "./build.js";
import { type Peers, planRepair, type RepairPlan } from "./plan.js";
import { salvage, type Salvaged } from "./salvage.js";
import { repairs } from "./table.js";

export interface RepairWork {
  readonly surroundings: Omit<Surroundings, "durable">;
  /** The state directory. */
  readonly directory: string;
  readonly epochs: readonly Epoch[];
  /** The first key seals the new store, if the damaged one was sealed. */
  readonly keys: readonly KeySource[];
  /** A directory of backups of this store. */
  readonly from: string | undefined;
  readonly peers: Peers;
  /** The store is a copy, or was moved, and the original never runs again. */
  readonly moved: boolean;
  readonly apply: boolean;
  readonly acceptLoss: boolean;
  readonly reason: string;
  /** Gives a directory another name; the caller's, since a `Disk` has none. */
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Removes a directory with all that is in it. */
  readonly remove: (directory: string) => Promise<void>;
}

export interface RepairReport {
  readonly findings: readonly Finding[];
  /** `undefined` where open takes the store: there is nothing to repair. */
  readonly plan: RepairPlan | undefined;
  /** Something that was acknowledged, or may have been, is lost. */
  readonly hasLoss: boolean;
  /** The damaged store, if it was swapped. */
  readonly damaged: string | undefined;
}

const SEGMENT_BYTES = { least: 40 * 1024, most: 64 * 1024 * 1024 };

/**
 * @throws {PersisterError} the refusal of open, where it is no damage that a repair could mend; ACKNOWLEDGED_LOST
 * where `apply` would lose something and `acceptLoss` was not given; BACKUP_CORRUPT; USAGE for a backup of another
 * store; as `salvage` and `buildStore` say.
 */
export async function repair(work: RepairWork): Promise<RepairReport> {
  const { surroundings, directory, apply } = work;
  const { disk } = surroundings;
  await endSwap(work);
  const owned = await ownStore(disk, directory, {});
  try {
    const { findings, refusal } = await inspected(work, directory);
    const none = { findings, plan: undefined, hasLoss: false, damaged: undefined };
    if (!refusal) return none;
    refuseUnrepairable(refusal, directory);
    const store = await salvage(disk, directory, work.keys);
    const backup = await salvagedBackup(work, store);
    const { peers, epochs } = work;
    const isEndUnknown = store.mark === undefined || findings.some(hidesTheEnd);
    const plan = await planRepair({ store, backup, peers, epochs, isEndUnknown });
    const hasLoss = losesSomething(plan);
    if (!apply) return { findings, plan, hasLoss, damaged: undefined };
    if (hasLoss && !work.acceptLoss) throw lossError(directory);
    await build(work, store, plan);
    return { findings, plan, hasLoss, damaged: await swap(work) };
  } finally {
    await owned.file.close();
  }
}

interface Inspected {
  readonly findings: readonly Finding[];
  /** The code with which open refuses the store. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string } | undefined;
}

async function inspected(
  { surroundings, epochs, keys, moved }: RepairWork,
  directory: string,
): Promise<Inspected> {
  const findings: Finding[] = [];
  const looking = inspectStore({
    disk: surroundings.disk,
    directory,
    depth: { kind: "committees", epochs },
    moved,
    keys,
    progress: newProgress(),
  });
  for (;;) {
    const step = await looking.next();
    if (!step.done) {
      findings.push(step.value);
      continue;
    }
    const { verdict } = step.value;
    if (!verdict.opens)
      return { findings, refusal: { code: verdict.class, message: verdict.message } };
    // Open looks at fewer things: a record that is wrongly signed is refused by peers, and harms.
    const wrong = findings.find(({ severity }) => severity === "error");
    return { findings, refusal: wrong && { code: wrong.class, message: wrong.message } };
  }
}

/** @throws {PersisterError} the refusal itself, with what the table says of it. */
function refuseUnrepairable(
  { code, message }: { readonly code: ErrorCode; readonly message: string },
  file: string,
): void {
  const row = Object.entries(repairs).find(([name]) => name === code)?.[1];
  if (row?.repair !== undefined) return;
  const why = row ? `; ${row.cause}` : "";
  throw new PersisterError(code, `${message}${why}: no repair can mend this`, { file });
}

async function salvagedBackup(
  { surroundings: { disk }, from, keys }: RepairWork,
  store: Salvaged,
): Promise<Salvaged | undefined> {
  if (from === undefined) return undefined;
  const manifest = await findBackup(disk, from);
  if (manifest.storeId !== Buffer.from(store.identity.storeId).toString("hex")) {
    const text = `${from}: it holds backups of another store: name those of this one`;
    throw new PersisterError("USAGE", text, { file: from });
  }
  return await salvage(viewOf(disk, from, manifest.files), VIEW_DIRECTORY, keys);
}

/** Whether nobody can tell any more what was acknowledged. */
function hidesTheEnd({ class: code, severity, offset }: Finding): boolean {
  if (severity === "warning") return false;
  // A head that is lost takes all records of its segment along.
  const isHead = code === "JOURNAL_CORRUPT" && offset === 0;
  return isHead || code === "ACKNOWLEDGED_LOST" || code === "MARK_CORRUPT";
}

function losesSomething({ logs, isAnchorLost, isVoteLost, isEndUnknown }: RepairPlan): boolean {
  return isEndUnknown || isAnchorLost || isVoteLost || logs.some(({ lost }) => lost !== undefined);
}

function lossError(directory: string): PersisterError {
  return new PersisterError(
    "ACKNOWLEDGED_LOST",
    `${directory}: the repair would lose what was acknowledged, or may have been: look at the plan without ` +
      "apply, find another source, or accept the loss (--accept-loss); the store that is made signs nothing " +
      "of what may be lost",
    { file: directory },
  );
}

async function build(work: RepairWork, store: Salvaged, plan: RepairPlan): Promise<void> {
  const { surroundings, directory, epochs, keys, reason } = work;
  const repairing = repairingName(directory);
  const [write, ...read] = keys;
  await buildStore(plan, {
    surroundings,
    directory: repairing,
    chainId: store.identity.chainId,
    segmentBytes: Math.max(SEGMENT_BYTES.least, Math.min(SEGMENT_BYTES.most, store.segmentBytes)),
    epochs,
    keys: write === undefined ? undefined : { write, read },
    pins: store.mark?.pins ?? [],
    reason,
  });
  const { refusal } = await inspected(work, repairing);
  if (!refusal) return;
  throw new PersisterError(refusal.code, `the store that was made is refused: ${refusal.message}`, {
    file: repairing,
  });
}

/** The damaged store's new name. */
async function swap({ surroundings: { disk }, directory, rename }: RepairWork): Promise<string> {
  let number = 1;
  while ((await disk.kind(`${directory}.damaged-${number}`)) !== undefined) number += 1;
  const damaged = `${directory}.damaged-${number}`;
  await rename(directory, damaged);
  await rename(repairingName(directory), directory);
  await disk.syncDirectory(parentOf(directory));
  return damaged;
}

/** Ends a swap that was stopped between its renames, and takes away an unfinished new store. */
async function endSwap({
  surroundings: { disk },
  directory,
  rename,
  remove,
}: RepairWork): Promise<void> {
  const repairing = repairingName(directory);
  if ((await disk.kind(repairing)) === undefined) return;
  const isBetween =
    (await disk.kind(directory)) === undefined &&
    (await disk.kind(`${directory}.damaged-1`)) !== undefined;
  if (isBetween) await rename(repairing, directory);
  else await remove(repairing);
  await disk.syncDirectory(parentOf(directory));
}

function repairingName(directory: string): string {
  return `${directory}.repairing`;
}
