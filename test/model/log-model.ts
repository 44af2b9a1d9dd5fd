/**
 * One log of the reference model, a lane or the road: what was offered at each number, what of it is
 * acknowledged, and which recovered range [first, next) the contract allows of it.
 */

/** A record as it was offered. Hashes and bytes are kept as hex and by reference. */
export interface Offer {
  readonly bytes: Uint8Array;
  /** Header hash of a block; empty for a commit QC. */
  readonly hash: string;
  /** Header hash of the parent; empty where there is none to compare. */
  readonly parent: string;
}

/** What an open returned of one log: [first, next) and the bytes of every record in it. */
export interface RecoveredLog {
  readonly first: bigint;
  readonly next: bigint;
  readonly records: readonly Uint8Array[];
}

export class Log {
  first = 0n;
  /** Everything below is acknowledged, or was pruned. */
  next = 0n;
  dropping = false;
  readonly acknowledged = new Map<bigint, Offer>();
  readonly offers = new Map<bigint, readonly Offer[]>();

  offer(number: bigint, offer: Offer): void {
    const others = (this.offers.get(number) ?? []).filter((each) => !same(each.bytes, offer.bytes));
    this.offers.set(number, [...others, offer]);
  }

  acknowledge(number: bigint): void {
    for (let each = this.next; each <= number; each++) {
      const newest = this.offers.get(each)?.at(-1);
      if (newest) this.acknowledged.set(each, newest);
    }
    if (number >= this.next) this.next = number + 1n;
  }

  /** What may lie at `number`: one thing once it is acknowledged, else whatever was begun. */
  allowed(number: bigint): readonly Offer[] {
    const held = number < this.next ? this.acknowledged.get(number) : undefined;
    return held ? [held] : (this.offers.get(number) ?? []);
  }
}

/** D1, D2, D3, D5 for one log: the whole range, nothing lost, nothing changed, nothing invented. */
export function judgeLog(
  name: string,
  log: Log,
  got: RecoveredLog | undefined,
  start: bigint | undefined,
): string[] {
  const where = name.slice(0, 6);
  const first = start ?? log.first;
  const empty = !got || got.first === got.next;
  if (log.dropping && empty && (got?.first ?? 0n) === (start ?? 0n)) return [];
  if (!got) {
    const wanted = log.next > first ? log.next : first;
    return wanted > 0n ? [`${where}: the log is gone, [${first}, ${wanted}) is wanted`] : [];
  }
  const faults: string[] = [];
  if (got.first !== first)
    faults.push(`${where}: starts at ${got.first}, the anchor says ${first}`);
  if (got.next < got.first) faults.push(`${where}: next ${got.next} is below first ${got.first}`);
  if (got.next < log.next) {
    faults.push(`${where}: ends at ${got.next}, acknowledged up to ${log.next}`);
  }
  const count = Number(got.next - got.first);
  if (got.records.length !== count) {
    faults.push(`${where}: ${got.records.length} records in [${got.first}, ${got.next})`);
  }
  let tip = "";
  got.records.forEach((bytes, at) => {
    const number = got.first + BigInt(at);
    const found = log.allowed(number).find((offer) => same(offer.bytes, bytes));
    if (!found) faults.push(`${where}: record ${number} is not what was offered or acknowledged`);
    const linked = !found || tip === "" || found.parent === "" || found.parent === tip;
    if (!linked) faults.push(`${where}: record ${number} names another parent`);
    tip = found?.hash ?? "";
  });
  return faults;
}

export function copyLog(log: Log): Log {
  const copy = new Log();
  copy.first = log.first;
  copy.next = log.next;
  copy.dropping = log.dropping;
  for (const [number, offer] of log.acknowledged) copy.acknowledged.set(number, offer);
  for (const [number, offers] of log.offers) copy.offers.set(number, offers);
  return copy;
}

/** Whether there are bytes, and these. */
export function same(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0;
}
