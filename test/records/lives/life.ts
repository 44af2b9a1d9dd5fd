/** The life of a journal on a disk that may stop, and the check of the journal that is found afterwards. */
import { expect } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { Journal } from "../../../src/records/journal.js";
import type { NewJournalRecord } from "../../../src/records/log/new-record.js";
import { opened, put, textOf } from "../kit.js";

interface Batch {
  readonly first: bigint;
  readonly next: bigint;
}

/** Everything that a journal has promised, and everything that was begun on it. */
export interface Promised {
  readonly durableLsn: bigint;
  readonly nextLsn: bigint;
  readonly firstLsn: bigint;
  /** The first LSN, once the last truncation that was begun is durable. */
  readonly truncatedTo: bigint;
  readonly checkpointLsn: bigint;
  readonly batches: readonly Batch[];
}

/** The promises of a journal that was just made. */
const nothing: Promised = {
  durableLsn: 0n,
  nextLsn: 1n,
  firstLsn: 1n,
  truncatedTo: 1n,
  checkpointLsn: 1n,
  batches: [],
};

export class Life {
  /** The text that each LSN was last given to. */
  readonly texts = new Map<bigint, string>();
  readonly #disk: SimulatedDisk;
  readonly #sizeOf: (lsn: bigint) => number;
  readonly #batches: Batch[] = [];
  #journal: Journal | undefined;
  #truncatedTo = 1n;
  /** The promises of the journal when it was last open. */
  #promised = nothing;
  #given = 0;

  /** `sizeOf` gives the size of the record at an LSN. `before` is the life before, and what it left. */
  constructor(
    disk: SimulatedDisk,
    sizeOf: (lsn: bigint) => number,
    before?: { readonly life: Life; readonly found: Promised },
  ) {
    this.#disk = disk;
    this.#sizeOf = sizeOf;
    if (!before) return;
    this.texts = before.life.texts;
    this.#given = before.life.#given;
    this.#promised = before.found;
  }

  get journal(): Journal {
    if (!this.#journal) throw new Error("the journal is open");
    return this.#journal;
  }

  get promised(): Promised {
    const batches = [...this.#batches];
    if (this.#journal) {
      this.#promised = { ...promisedBy(this.#journal), truncatedTo: this.#truncatedTo, batches };
    }
    return this.#promised;
  }

  async open(): Promise<void> {
    this.#journal = await opened(this.#disk);
    this.#truncatedTo = this.#journal.firstLsn;
  }

  async close(): Promise<void> {
    await this.journal.close();
    this.#promised = this.promised;
    this.#journal = undefined;
  }

  async append(): Promise<void> {
    const { nextLsn } = this.journal;
    expect(await this.journal.append(this.#record(nextLsn))).toBe(nextLsn);
  }

  async batch(count: number): Promise<void> {
    const first = this.journal.nextLsn;
    const batch = { first, next: first + BigInt(count) };
    const records = Array.from({ length: count }, (_, at) => this.#record(first + BigInt(at)));
    this.#batches.push(batch);
    expect(await this.journal.appendBatch(records)).toEqual(batch);
  }

  /** Forgets all but the last `back` durable records. */
  async forget(back: bigint): Promise<void> {
    const { durableLsn, firstLsn, checkpointLsn = firstLsn } = this.journal;
    const lsn = durableLsn - back;
    if (lsn <= checkpointLsn) return;
    if (lsn % 2n === 0n) {
      this.#truncatedTo = lsn;
      await this.journal.forgetBefore(lsn);
      return;
    }
    await this.journal.checkpoint(lsn);
    this.#truncatedTo = lsn;
    await this.journal.truncateBefore(lsn);
  }

  #record(lsn: bigint): NewJournalRecord {
    this.#given += 1;
    const text = `${lsn}, the ${this.#given}th `.padEnd(this.#sizeOf(lsn), `${lsn}`);
    this.texts.set(lsn, text);
    return put(text);
  }
}

/** The promises that an open journal makes by its getters. */
export function promisedBy(journal: Journal): Promised {
  const { durableLsn, nextLsn, firstLsn, checkpointLsn = 1n } = journal;
  return { durableLsn, nextLsn, firstLsn, truncatedTo: firstLsn, checkpointLsn, batches: [] };
}

/** The faults of a journal that was opened after a crash; none if all is right. */
export async function faultsOf(
  journal: Journal,
  promised: Promised,
  textAt: ReadonlyMap<bigint, string>,
): Promise<string[]> {
  const { durableLsn, firstLsn, nextLsn } = journal;
  const wrong: string[] = [];
  if (durableLsn < promised.durableLsn)
    wrong.push(`${promised.durableLsn} was durable: ${durableLsn}`);
  if (durableLsn >= promised.nextLsn) wrong.push(`${durableLsn} was never given`);
  if (nextLsn !== durableLsn + 1n) wrong.push("it opens with something on its way");
  if (firstLsn < promised.firstLsn) wrong.push(`${promised.firstLsn} was the first: ${firstLsn}`);
  if (firstLsn > promised.truncatedTo) wrong.push(`nobody truncated to ${firstLsn}`);
  if ((journal.checkpointLsn ?? 1n) < promised.checkpointLsn) wrong.push("a checkpoint was lost");
  for (const { first, next } of promised.batches) {
    if (durableLsn >= first && durableLsn < next - 1n)
      wrong.push(`batch [${first}, ${next}) is torn`);
  }
  const headers = [...journal.headers()];
  if (headers.length !== Number(nextLsn - firstLsn)) wrong.push("headers do not tell all");
  for await (const record of journal.replay()) {
    if (textOf(record) !== textAt.get(record.lsn))
      wrong.push(`record ${record.lsn} is another one`);
  }
  return wrong;
}
