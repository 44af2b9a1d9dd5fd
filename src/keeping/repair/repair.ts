/**
 * Repairs a store that open refuses: makes a store of everything in it that is proven, beside it, and swaps the two
 * by renames. The damaged one stays.
 *
 * 1. The store is owned, so that nobody opens it, and inspected.
 * 2. Everything that can be read is read; records that are lost come from a backup, an archive or peers, if they are
 *    proven.
 * 3. Without `apply`, that is all: the plan is told.
 * 4. The new store is made in STORE.repairing, guarded as a whole, closed, and opened once more by an inspection.
 * 5. The two are swapped (`swap.ts`).
 *
 * # Crash safety
 *
 * A crash leaves:
 * - before step 5: the damaged store as it was, and perhaps STORE.repairing, which the next call takes away;
 * - in step 5: the damaged store, or none, or the new one. The next call with `apply` ends the swap, or begins anew;
 * - behind it: the new store. Not a byte of the damaged one was changed.
 */
import type { Surroundings } from "../../disk/surroundings.js";
import type { Disk } from "../../disk/disk.js";
import { type Finding, findingOf } from "../../inspect/finding.js";
import { inspecting } from "../../inspect/inspect.js";
import { newProgress } from "../../inspect/walk/live-records.js";
import type { KeySource } from "../../keys/source.js";
import { type ErrorCode, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { Epoch } from "../../wire/committee.js";
import { findBackup } from "../backup/found.js";
import { VIEW_DIRECTORY, viewOf } from "../backup/read/view.js";
import { buildStore } from "./build.js";
import { type OwnedDamaged, ownDamaged } from "./lost-store.js";
import { planRepair, type RepairPlan } from "./plan.js";
import { salvage, type Salvaged } from "./salvage.js";
import type { Peers } from "./sources.js";
import {
  clearLeft,
  endSwap,
  isSwapOpen,
  repairingName,
  swap,
  swapOpenError,
  type Swapping,
} from "./swap.js";
import { repairs } from "./table.js";

export interface RepairWork extends Omit<Swapping, "disk"> {
  readonly surroundings: Omit<Surroundings, "durable">;
  readonly epochs: readonly Epoch[];
  /** The first key seals the new store, if the damaged one was sealed. */
  readonly keys: readonly KeySource[];
  /** A directory of backups of this store. */
  readonly from: string | undefined;
  /** The chain of a store whose STORE is lost, and of which there is no backup. */
  readonly chainId: string | undefined;
  /** Opens the archive of a chain, where one is to be asked. */
  readonly archive: ((chainId: string) => Promise<RepairArchive>) | undefined;
  readonly peers: Peers;
  /** The store is a copy, or was moved, and the original never runs again. */
  readonly moved: boolean;
  readonly apply: boolean;
  readonly acceptLoss: boolean;
  readonly reason: string;
}

/** An archive that is asked for records; it is closed behind. */
export interface RepairArchive {
  readBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined>;
  readCommitQC(roadIndex: bigint): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
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
  const { directory, apply } = work;
  const { disk } = work.surroundings;
  const swapping = { disk, directory, rename: work.rename, remove: work.remove };
  if (await isSwapOpen(swapping)) {
    if (!apply) throw swapOpenError(directory);
    await endSwap(swapping);
  }
  const chainId = async (): Promise<string | undefined> => await chainIn(work);
  const owned = await ownDamaged({ disk, directory, chainId });
  try {
    return await repairOwned(work, owned, swapping);
  } finally {
    await owned.close();
  }
}

async function repairOwned(
  work: RepairWork,
  owned: OwnedDamaged,
  swapping: Swapping,
): Promise<RepairReport> {
  const { directory, apply, peers, epochs } = work;
  const { findings, refusal } = await inspectedDamaged(work, owned);
  if (!refusal) return { findings, plan: undefined, hasLoss: false, damaged: undefined };
  refuseUnrepairable(refusal, directory);
  const store = await salvage(owned.disk, directory, work.keys);
  const backup = await salvagedBackup(work, store);
  const isEndUnknown = store.mark === undefined || findings.some(hidesTheEnd);
  const archive = await work.archive?.(store.identity.chainId);
  let plan: RepairPlan;
  try {
    const asked = {
      block: async (lane: LaneId, number: bigint) => await archive?.readBlock(lane, number),
      commitQC: async (roadIndex: bigint) => await archive?.readCommitQC(roadIndex),
    };
    plan = await planRepair({ store, backup, archive: asked, peers, epochs, isEndUnknown });
  } finally {
    await archive?.close();
  }
  const hasLoss = losesSomething(plan);
  if (!apply) return { findings, plan, hasLoss, damaged: undefined };
  if (hasLoss && !work.acceptLoss) throw lossError(directory);
  await clearLeft(swapping);
  await build(work, store, plan);
  return { findings, plan, hasLoss, damaged: await swap(swapping) };
}

/** The chain of a store whose STORE is lost. @throws {PersisterError} USAGE where backup and caller differ. */
async function chainIn({
  surroundings: { disk },
  from,
  chainId,
}: RepairWork): Promise<string | undefined> {
  const named = from === undefined ? undefined : (await findBackup(disk, from)).chainId;
  if (named === undefined || chainId === undefined || named === chainId) return named ?? chainId;
  throw new PersisterError("USAGE", `the backup is one of chain ${named}, not ${chainId}`);
}

interface Inspected {
  readonly findings: readonly Finding[];
  /** The code with which open refuses the store. */
  readonly refusal: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** A lost STORE is the first finding, and the refusal if nothing else is one. */
async function inspectedDamaged(
  work: RepairWork,
  { disk, lost }: OwnedDamaged,
): Promise<Inspected> {
  if (!lost) return await inspected(work, work.directory, disk);
  const { findings, refusal } = await inspected({ ...work, moved: true }, work.directory, disk);
  const { code, message } = lost;
  const first = findingOf(lost, "error", { file: work.directory });
  return { findings: [first, ...findings], refusal: refusal ?? { code, message } };
}

async function inspected(
  { epochs, keys, moved }: Pick<RepairWork, "epochs" | "keys" | "moved">,
  directory: string,
  disk: Disk,
): Promise<Inspected> {
  const findings: Finding[] = [];
  const looking = inspecting({
    disk,
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
  const { refusal } = await inspected(work, repairing, surroundings.disk);
  if (!refusal) return;
  throw new PersisterError(refusal.code, `the store that was made is refused: ${refusal.message}`, {
    file: repairing,
  });
}
