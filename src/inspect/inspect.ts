/**
 * Inspects a state directory: says everything that is wrong with it, not only the first, and what open
 * would do with it. Reads only: nothing is written, no lock is taken, and nothing stops at a problem.
 *
 * The parts are looked at one by one, each for itself where that can be: STORE, the mark, every slot
 * of the journal, every record, the A/B pairs; then what they say of each other; then open is
 * rehearsed. Memory is that of two segments and of what is to be known of each live record.
 */
import type { Disk } from "../disk/disk.js";
import type { Mark } from "../journal/form/mark.js";
import { STORE_FILE } from "../journal/form/store.js";
import { checkPairs } from "./checks/anchor.js";
import { diskBytesOf } from "./disk-use.js";
import { type Finding, findingOf, FindingTally } from "./finding.js";
import { checkIdentity, type IdentitySeen } from "./checks/identity.js";
import { contradictionsIn } from "./checks/log.js";
import { checkMark, markSequence } from "./checks/mark.js";
import { ownerOf } from "./owner.js";
import type { Progress } from "./walk/progress.js";
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
  /** Kept up to date while the inspection goes on. */
  readonly progress: Progress;
}

/** Everything that is wrong, as it is found; returns the summary. Never throws for what it finds. */
export async function* inspectStore(
  options: InspectOptions,
): AsyncGenerator<Finding, Summary, void> {
  const tally = new FindingTally();
  const looking = lookAt(options, tally);
  for (;;) {
    const step = await looking.next();
    if (step.done) return summaryOf(step.value, tally);
    tally.add(step.value);
    yield step.value;
  }
}

/** `tally` knows what was told before. */
async function* lookAt(
  options: InspectOptions,
  tally: FindingTally,
): AsyncGenerator<Finding, Looked, void> {
  const { directory, depth, progress } = options;
  const disk = new ReadOnlyDisk(options.disk, (bytes) => {
    progress.bytesRead += bytes;
  });
  const owner = await ownerOf(disk, `${directory}/${STORE_FILE}`);
  const identity = yield* told(await checkIdentity(disk, directory));
  const basic = { directory, depth, owner, identity };
  const prover = depth.kind === "forms" ? undefined : new RecordProver(depth);
  const within: Within = { disk, directory, depth, progress, prover };
  const inside = identity.isWorthReading ? yield* lookInside(within, identity) : NOTHING_INSIDE;
  const rehearsed = await rehearsalOf(within, identity);
  if (!rehearsed.opens) {
    const { refusal } = rehearsed;
    // What recovery refuses first was found where it is, as a rule.
    const isTold = tally.hasError(refusal.code, refusal.file);
    if (!isTold) yield findingOf(refusal, "error", { file: directory });
  }
  const changedMeanwhile =
    identity.isWorthReading && (await markSequence(disk, directory)) !== inside.markSequence;
  const done = { recordsRead: progress.records, proven: prover?.proven };
  return { ...basic, ...inside, ...done, changedMeanwhile, rehearsed };
}

/** What the looks at the parts share. */
interface Within {
  readonly disk: Disk;
  readonly directory: string;
  readonly depth: Depth;
  readonly progress: Progress;
  readonly prover: RecordProver | undefined;
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

/** What is named of the A/B pairs where there is no mark. */
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
  try {
    const diskBytes = await diskBytesOf(disk, directory, slots.slots);
    const records = recordsOf(within, slots, mark);
    if (records) yield* records.findings();
    const headSeq = slots.base?.head.anchorSeq ?? 0n;
    const witness = { mark: mark ?? NOTHING_NAMED, headSeq };
    const pairs = yield* told(await checkPairs(disk, directory, depth, witness));
    if (records && mark && slots.base?.isNewest && pairs.isAnchorSettled) {
      const file = slots.base.slot.file.path;
      yield* await contradictionsIn(records.table, records.live.judge.road, pairs.anchor, file);
    }
    return { mark, markSequence: sequence, slots, records, pairs, diskBytes };
  } finally {
    await slots.close();
  }
}

function recordsOf(
  { directory, progress, prover }: Within,
  slots: SlotsSeen,
  mark: Mark | undefined,
): RecordCheck | undefined {
  const { base } = slots;
  return base && new RecordCheck({ directory, base, seen: slots, mark, prover, progress });
}

/** Open asks STORE first, and the rest only of a store whose identity it knows. */
async function rehearsalOf(within: Within, identity: IdentitySeen): Promise<Rehearsed> {
  const { store } = identity;
  if ("error" in store) return { opens: false, refusal: store.error };
  const { disk, directory, depth } = within;
  return await rehearse(disk, directory, store.value.storeId, depth);
}

/** Tells the findings of a part, and hands it on. */
function* told<Part extends { readonly findings: readonly Finding[] }>(
  part: Part,
): Generator<Finding, Part, void> {
  yield* part.findings;
  return part;
}
