/** A store to be archived, made of a test chain, and writers over it. */
import type { Bucket } from "../../src/archive/bucket/bucket.js";
import type { Packing } from "../../src/archive/form/builder.js";
import { ObjectMemory } from "../../src/archive/form/object-memory.js";
import type { ArchivedLog } from "../../src/archive/form/names.js";
import { LogChain } from "../../src/archive/reading/log-chain.js";
import { type VerifiedLog, verifyLog } from "../../src/archive/reading/verify.js";
import { LogWriter, type Step } from "../../src/archive/writing/log-writer.js";
import type { ArchiveSource, LogState } from "../../src/archive/writing/source.js";
import type { KeyRing } from "../../src/keys/ring.js";
import type { RetainedRange, RetainedRecord } from "../../src/log/retained-range.js";
import type { Run } from "../../src/log/retention.js";
import type { ArchivedPosition } from "../../src/persist/archived-note.js";
import { ROAD } from "../../src/persist/kinds.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";

export const chain = new TestChain(2, 500);
export const [lane = chain.lanes[0] as never] = chain.lanes;
export const plain: Packing = { compression: "none", key: undefined };
/** Some four blocks of the chain. */
export const OBJECT_BYTES = 3_000;

/** Whether a name is of an object, and not of a link or its receipt. */
export function isObject(name: string): boolean {
  return /\/\d{20}-\d{20}$/.test(name);
}

/** The bytes of a record; `fork` has another one in one place. */
export type RecordOf = (log: ArchivedLog, number: bigint) => Uint8Array;

export const recordOf: RecordOf = (log, number) => {
  return log === ROAD ? chain.qc(number).bytes : chain.block(log, number).bytes;
};

/** Every log has pruned its records below `first`, and retains those from `retainedFirst` on. */
export class ModelSource implements ArchiveSource {
  readonly chainId = CHAIN_ID;
  first: bigint;
  retainedFirst: bigint;
  /** Numbers that were never here: an anchor went beyond the end of the log. */
  gap: Run = { from: 0n, next: 0n };
  record: RecordOf = recordOf;

  constructor(first: bigint, retainedFirst = 0n) {
    this.first = first;
    this.retainedFirst = retainedFirst;
  }

  logs(): readonly LogState[] {
    return [...chain.lanes, ROAD].map((log) => this.state(log as ArchivedLog));
  }

  state(log: ArchivedLog): LogState {
    return { log, first: this.first, retained: () => this.#runs() };
  }

  async *read(log: ArchivedLog, range: RetainedRange): AsyncGenerator<RetainedRecord> {
    const { from = 0n, next = this.first } = range;
    for (const run of this.#runs()) {
      for (let number = run.from; number < run.next; number++) {
        if (number < from || number >= next) continue;
        yield await Promise.resolve({ number, bytes: this.record(log, number) });
      }
    }
  }

  #runs(): readonly Run[] {
    const { retainedFirst, gap, first } = this;
    const all =
      gap.from < gap.next
        ? [
            { from: retainedFirst, next: gap.from },
            { from: gap.next, next: first },
          ]
        : [{ from: retainedFirst, next: first }];
    return all.filter(({ from, next }) => from < next);
  }
}

export function chainOf(bucket: Bucket, log: ArchivedLog, ring?: KeyRing): LogChain {
  return new LogChain(bucket, { chainId: CHAIN_ID, log, ring });
}

export function writerOf(
  bucket: Bucket,
  source: ArchiveSource,
  log: ArchivedLog,
  of: {
    readonly position?: ArchivedPosition | undefined;
    readonly packing?: Packing;
    readonly ring?: KeyRing;
    readonly objectBytes?: number;
  } = {},
): LogWriter {
  const parts = {
    source,
    bucket,
    chain: chainOf(bucket, log, of.ring),
    packing: () => of.packing ?? plain,
    objectBytes: of.objectBytes ?? OBJECT_BYTES,
    memory: new ObjectMemory(),
  };
  return new LogWriter(parts, of.position);
}

/** Steps until there is nothing to do. Returns what each did. */
export async function writeAll(writer: LogWriter, source: ModelSource): Promise<Step["did"][]> {
  const steps: Step["did"][] = [];
  for (;;) {
    const { did } = await writer.step(source.state(writer.log), {});
    if (did === "nothing") return steps;
    if (did !== "lost") steps.push(did);
  }
}

export async function verified(
  bucket: Bucket,
  log: ArchivedLog,
  ring?: KeyRing,
): Promise<VerifiedLog> {
  const parts = { bucket, chain: chainOf(bucket, log, ring), road: chainOf(bucket, ROAD, ring) };
  return await verifyLog(parts, { epochOf: chain.epochOf });
}
