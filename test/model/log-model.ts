/**
 * The reference model's knowledge of one log, a lane or the road, as a value: the offers at each
 * number, how far it is acknowledged, and which recovered range [first, next) the contract allows.
 */

/** A record as it was offered. */
export interface Offer {
  readonly bytes: Uint8Array;
  /** Header hash of a block; empty for a commit QC. */
  readonly hash: string;
  /** Header hash of the parent; empty where there is none to compare. */
  readonly parent: string;
}

/** The recovery of one log by an open: [first, next) and the bytes of every record in it. */
export interface RecoveredLog {
  readonly first: bigint;
  readonly next: bigint;
  readonly records: readonly Uint8Array[];
}

export interface Log {
  readonly first: bigint;
  /** Everything below is acknowledged, or was pruned: one offer is left there. */
  readonly next: bigint;
  /** A drop was begun; or is done, and nothing of a new life was acknowledged since. */
  readonly drop: "begun" | "done" | undefined;
  readonly offers: ReadonlyMap<bigint, readonly Offer[]>;
}

export const empty: Log = { first: 0n, next: 0n, drop: undefined, offers: new Map() };

export function offered(log: Log, number: bigint, offer: Offer): Log {
  if (number < log.next) return log;
  const others = offersAt(log, number).filter((each) => !same(each.bytes, offer.bytes));
  return { ...log, offers: new Map(log.offers).set(number, [...others, offer]) };
}

/** The newest offer of each number below `next` is the one that is held. */
export function acknowledgedTo(log: Log, next: bigint): Log {
  const isGone = log.drop === "done" && !log.offers.has(next - 1n);
  if (next <= log.next || isGone) return log;
  const offers = new Map(log.offers);
  for (let each = log.next; each < next; each++) offers.set(each, offersAt(log, each).slice(-1));
  return { ...log, next, offers, drop: log.drop === "begun" ? "begun" : undefined };
}

/** Records that an open has published are acknowledged; those that it did not return never come back. */
export function published(log: Log, { first, next, records }: RecoveredLog): Log {
  const offers = new Map(
    records.map((bytes, at) => {
      const number = first + BigInt(at);
      return [number, [offerOf(log, number, bytes) ?? { bytes, hash: "", parent: "" }]];
    }),
  );
  return { first, next, drop: undefined, offers };
}

/** D1, D2, D3, D5: from one of `firsts` to its whole end, nothing lost, changed or invented. */
export function judge(
  log: Log,
  name: string,
  got: RecoveredLog | undefined,
  firsts: readonly bigint[],
): string[] {
  const { first, next, records } = got ?? { first: 0n, next: 0n, records: [] };
  const faults: string[] = [];
  if (!firsts.includes(first)) faults.push(`starts at ${first}, the anchor says ${firsts[0]}`);
  if (log.drop && first === next && faults.length === 0) return [];
  if (next < log.next) faults.push(`ends at ${next}, acknowledged up to ${log.next}`);
  if (!got && faults.length > 0) faults.push("the log is gone");
  if (BigInt(records.length) !== next - first) {
    faults.push(`${records.length} records in [${first}, ${next})`);
  }
  let tip = "";
  for (const [at, bytes] of records.entries()) {
    const number = first + BigInt(at);
    const found = offerOf(log, number, bytes);
    if (!found) faults.push(`record ${number} is not what was offered or acknowledged`);
    else if (tip !== "" && found.parent !== "" && found.parent !== tip) {
      faults.push(`record ${number} names another parent`);
    }
    tip = found?.hash ?? "";
  }
  return faults.map((fault) => `${name.slice(0, 6)}: ${fault}`);
}

/** The records that may lie at `number`: one once it is acknowledged, else each that was begun. */
function offersAt(log: Log, number: bigint): readonly Offer[] {
  return log.offers.get(number) ?? [];
}

function offerOf(log: Log, number: bigint, bytes: Uint8Array): Offer | undefined {
  return offersAt(log, number).find((offer) => same(offer.bytes, bytes));
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
