/**
 * Inspects a state directory: tells everything that is wrong with it, not only the first thing, and whether
 * open would take it. An inspection only reads: it writes nothing, takes no lock, and stops at no problem.
 *
 * 1. It checks the parts one by one, each by itself as far as that can be: STORE, the mark, every slot of
 *    the journal, every record, the A/B pairs.
 * 2. It checks the parts against each other.
 * 3. It rehearses open.
 *
 * Its memory holds two segments, and a few numbers for each live record.
 */
import { throwIfAborted } from "../async/signal.js";
import type { Disk } from "../disk/disk.js";
import { MARK_FILE, type Mark, type Pin } from "../journal/form/mark.js";
import { STORE_FILE } from "../journal/form/store.js";
import { checkPairs, contradictionsIn } from "./checks/anchor.js";
import { diskBytesOf } from "./disk-use.js";
import { type Finding, findingOf, FindingTally } from "./finding.js";
import { guardFindings } from "./checks/guards.js";
import { checkIdentity, type IdentitySeen } from "./checks/identity.js";
import { checkMark, markSequence } from "./checks/mark.js";
import { ownerOf } from "./owner.js";
import { KeyRing } from "../keys/ring.js";
import type { KeySource } from "../keys/source.js";
import type { Progress } from "./walk/live-records.js";
import { judgeOf, type StoreKind } from "./walk/judge.js";
import { SealedPayloads } from "./walk/sealed.js";
import { type Depth, RecordProver } from "./walk/proof.js";
import { ReadOnlyDisk } from "../disk/read-only.js";
import { RecordCheck } from "./checks/records.js";
import { type Rehearsed, rehearse } from "./rehearsal.js";
import { checkSlots, type SlotsSeen } from "./checks/slots.js";
import { type Looked, type Summary, summaryOf } from "./summary.js";

export interface InspectOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly depth: Depth;
  /** Judges the store as an open with `moved: true` would. */
  readonly moved?: boolean;
  /** Judges a backup, which leaves out segments that are only retained. */
  readonly isBackup?: boolean;
  /** The keys of sealed payloads, as far as there are any: without a key they are told as sealed. */
  readonly keys?: readonly KeySource[];
  /** Ends the reading: the caller gives up what it was told. */
  readonly signal?: AbortSignal | undefined;
  /** Kept up to date while the inspection goes on. */
  readonly progress: Progress;
}

/**
 * Yields everything that is wrong, as it is found, and returns the summary. No finding is thrown.
 *
 * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for a key.
 */
export async function* inspecting(options: InspectOptions): AsyncGenerator<Finding, Summary, void> {
  const tally = new FindingTally();
  const looking = lookAt(options, tally);
  for (;;) {
    const step = await looking.next();
    if (step.done) return summaryOf(step.value, tally);
    tally.add(step.value);
    yield step.value;
  }
}

/** `tally` counts the findings that were yielded before. */
async function* lookAt(
  options: InspectOptions,
  tally: FindingTally,
): AsyncGenerator<Finding, Looked, void> {
  const { directory, depth, progress, moved = false, isBackup = false, keys = [] } = options;
  const ring = (): Promise<KeyRing> => KeyRing.from({ write: "plain", read: keys });
  const disk = new ReadOnlyDisk(options.disk, (bytes) => {
    progress.bytesRead += bytes;
    throwIfAborted(options.signal, "the inspection");
  });
  const owner = await ownerOf(disk, `${directory}/${STORE_FILE}`);
  const identity = yield* told(await checkIdentity(disk, directory));
  const basic = { directory, depth, owner, identity };
  const prover = depth.kind === "forms" ? undefined : new RecordProver(depth);
  const writable = options.disk;
  const { kind } = identity;
  const restored = "value" in identity.restored ? identity.restored.value : undefined;
  const isCopy = isBackup || restored !== undefined;
  const within = { disk, writable, directory, kind, depth, moved, isCopy, progress, prover, ring };
  const inside = identity.isWorthReading ? yield* lookInside(within, identity) : NOTHING_INSIDE;
  const rehearsed = await rehearsalOf(within, identity);
  if (!rehearsed.opens) {
    const { refusal } = rehearsed;
    // As a rule the checks above have told of it, at its place.
    // A key that is missing is told once, wherever it is missing.
    const isOfKey = refusal.code === "KEY_MISSING" || refusal.code === "KEY_WRONG";
    const isTold = tally.hasError(refusal.code, isOfKey ? undefined : refusal.file);
    if (!isTold) yield findingOf(refusal, "error", { file: directory });
  } else {
    yield* rehearsed.pins.map((pin) => pinFinding(`${directory}/${MARK_FILE}`, pin));
    yield* guardFindings(directory, restored, rehearsed.guards);
  }
  const changedMeanwhile =
    identity.isWorthReading && (await markSequence(disk, directory)) !== inside.markSequence;
  const done = { recordsRead: progress.records, proven: prover?.proven };
  return { ...basic, ...inside, ...done, changedMeanwhile, rehearsed };
}

/** D6: the validator may sign one block alone at a pinned number, which its operator must know. */
function pinFinding(file: string, { name, number, hash }: Pin): Finding {
  const message =
    `a block that was being written was lost here: only the block with header ${Buffer.from(hash).toString("hex")} may be ` +
    `signed at this number. Get that block from a peer and push it, or wait for a commit QC or an ` +
    `anchor that covers it, or lift the pin with release`;
  return { class: "PINNED", severity: "warning", file, lane: name, number, message };
}

/** The values that all checks share. */
interface Within {
  readonly disk: Disk;
  /** The same disk, which refuses no write: only the rehearsal asks it. */
  readonly writable: Disk;
  readonly directory: string;
  readonly kind: StoreKind;
  readonly depth: Depth;
  readonly moved: boolean;
  /** A backup, or a store that was made of one and not opened since. */
  readonly isCopy: boolean;
  readonly progress: Progress;
  readonly prover: RecordProver | undefined;
  /** A ring of the keys that were given. */
  readonly ring: () => Promise<KeyRing>;
}

interface Inside extends Pick<Looked, "mark" | "slots" | "records" | "pairs" | "diskBytes"> {
  readonly markSequence: bigint | undefined;
}

const NOTHING_INSIDE: Inside = {
  mark: undefined,
  markSequence: undefined,
  slots: undefined,
  records: undefined,
  pairs: undefined,
  diskBytes: 0,
};

/** The sequences of the A/B pairs as a missing mark names them. */
const NOTHING_NAMED: Pick<Mark, "anchor" | "vote"> = {
  anchor: { acked: 0n, inFlight: 0n },
  vote: { acked: 0n, inFlight: 0n },
};

async function* lookInside(
  within: Within,
  identity: IdentitySeen,
): AsyncGenerator<Finding, Inside, void> {
  const { disk, directory, depth } = within;
  const storeId = "value" in identity.store ? identity.store.value.storeId : undefined;
  const { mark, sequence } = yield* told(await checkMark(disk, directory, storeId));
  const slots = yield* told(await checkSlots(disk, directory, { storeId, mark }));
  let payloads: SealedPayloads | undefined;
  try {
    payloads = new SealedPayloads(await within.ring(), slots.heads);
    const diskBytes = await diskBytesOf(disk, directory, slots.slots);
    const records = recordsOf(within, { slots, mark, payloads });
    if (records) yield* records.findings();
    const seen = { mark, markSequence: sequence, slots, records, diskBytes };
    if (within.kind === "records") return { ...seen, pairs: undefined };
    const head = slots.base?.head ?? { anchorSeq: 0n, voteSeq: 0n };
    const witness = { mark: mark ?? NOTHING_NAMED, head };
    const pairs = yield* told(await checkPairs(disk, directory, depth, witness));
    if (records && mark && slots.base?.isNewest && pairs.isAnchorSettled) {
      const file = slots.base.slot.file.path;
      yield* await contradictionsIn(records.table, records.live.judge.road, pairs.anchor, file);
    }
    return { ...seen, pairs };
  } finally {
    payloads?.close();
    await slots.close();
  }
}

function recordsOf(
  { directory, kind, isCopy, progress, prover }: Within,
  {
    slots,
    mark,
    payloads,
  }: {
    readonly slots: SlotsSeen;
    readonly mark: Mark | undefined;
    readonly payloads: SealedPayloads;
  },
): RecordCheck | undefined {
  const { base } = slots;
  return (
    base &&
    new RecordCheck({
      directory,
      base,
      seen: slots,
      isCopy,
      mark,
      prover,
      progress,
      payloads,
      judge: judgeOf(kind),
    })
  );
}

/** Open asks STORE first. It asks for the rest only once it knows the store's identity. */
async function rehearsalOf(within: Within, identity: IdentitySeen): Promise<Rehearsed> {
  const { store, retired, restored } = identity;
  if ("error" in store) return { opens: false, refusal: store.error };
  if (retired) return { opens: false, refusal: retired };
  if ("error" in restored) return { opens: false, refusal: restored.error };
  const { disk, writable, directory, kind, depth } = within;
  const moved = within.moved || restored.value !== undefined;
  const { storeId } = store.value;
  const ring = await within.ring();
  try {
    return await rehearse({ disk, writable }, { directory, storeId, kind, depth, moved, ring });
  } finally {
    ring.close();
  }
}

/** Tells the findings of a part, and hands it on. */
function* told<Part extends { readonly findings: readonly Finding[] }>(
  part: Part,
): Generator<Finding, Part, void> {
  yield* part.findings;
  return part;
}
