/**
 * The contract D1-D10 as one small model: told what was begun and what was acknowledged, it says of
 * each recovery whether the contract allows it. It knows nothing of files, segments or marks, shares
 * no code with the store, and is pure but for its own state; `clone` branches a history.
 *
 *   acknowledged <= recovered <= begun
 *
 * An open that published is an event of its own: what it returned counts as acknowledged from then on
 * (D1), and what it did not return never comes back.
 */

import { copyLog, judgeLog, Log, type Offer, type RecoveredLog, same } from "./log-model.js";

export type { Offer, RecoveredLog } from "./log-model.js";

/** A prune anchor: `starts` names the first of each lane that its commit QC has a range of. */
export interface OfferedAnchor {
  readonly index: bigint;
  readonly bytes: Uint8Array;
  readonly qc: Uint8Array;
  readonly starts: ReadonlyMap<string, bigint>;
  /** What its commit QC covers: pins below are lifted by it (D6). */
  readonly covers: ReadonlyMap<string, bigint>;
}

export interface PinSeen {
  readonly lane: string;
  readonly number: bigint;
  readonly hash: string;
}

export interface RecoveredStore {
  readonly lanes: ReadonlyMap<string, RecoveredLog>;
  readonly road: RecoveredLog;
  readonly anchor: Uint8Array | undefined;
  readonly pins: readonly PinSeen[];
  /** May carry padding behind it. */
  readonly vote: Uint8Array | undefined;
  readonly abstainThrough: bigint | undefined;
}

/** What the mark on the disk named as in flight, where the judge has read it for itself (D6). */
export interface NamedInFlight {
  readonly pins: readonly PinSeen[];
  /** Road index of the vote that it names above every vote slot that is there. */
  readonly lostVote: bigint | undefined;
}

/** What was harmed behind the store's back; a mere crash, or a failed write, harms nothing. */
export type Damage = "none" | "journal" | "mark" | "anchor" | "vote" | "store";

/** Which refusals each kind of damage allows. Anything else must open, exactly. */
export const refusalsAllowed: Readonly<Record<Damage, readonly string[]>> = {
  none: [],
  journal: ["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST", "RECOVERY_MISMATCH", "FORMAT_TOO_NEW"],
  mark: ["MARK_CORRUPT"],
  anchor: ["ANCHOR_CORRUPT"],
  vote: ["ANCHOR_CORRUPT"],
  store: ["NOT_A_STORE", "WRONG_CHAIN", "FORMAT_TOO_NEW"],
};

export class ReferenceModel {
  #lanes = new Map<string, Log>();
  #road = new Log();
  /** The acknowledged anchor, if any, then those begun behind it. */
  #anchors: OfferedAnchor[] = [];
  #anchorAcknowledged = false;
  #votes: { readonly roadIndex: bigint; readonly bytes: Uint8Array }[] = [];
  #voteAcknowledged = false;
  #abstain: bigint | undefined;
  #pins: PinSeen[] = [];
  /** Pins of `#pins` that something begun since may have lifted. */
  #lifted = new Set<PinSeen>();

  clone(): ReferenceModel {
    return new ReferenceModel().#from(this);
  }

  /** The acknowledged next of a lane, and what the newest anchor made of it. */
  laneNext(lane: string): bigint {
    return this.#lane(lane).next;
  }

  /** What is acknowledged and what is begun, in one line: two histories with equal lines judge alike. */
  get summary(): string {
    const logs = [...this.#lanes, ["road", this.#road] as const].map(([name, log]) => {
      return `${name} ${log.next} ${[...log.offers.keys()].at(-1)} ${log.dropping}`;
    });
    const anchors = `${this.#anchorAcknowledged} ${this.#anchors.map(({ index }) => index)}`;
    const votes = `${this.#voteAcknowledged} ${this.#votes.map(({ roadIndex }) => roadIndex)}`;
    return [...logs, anchors, votes, this.#abstain, this.#pins.length, this.#lifted.size].join("|");
  }

  blockBegun(lane: string, number: bigint, offer: Offer): void {
    this.#lane(lane).offer(number, offer);
  }

  blockAcknowledged(lane: string, number: bigint): void {
    this.#lane(lane).acknowledge(number);
  }

  qcBegun(index: bigint, bytes: Uint8Array, covers: ReadonlyMap<string, bigint>): void {
    this.#road.offer(index, { bytes, hash: "", parent: "" });
    this.#mayLift(covers);
  }

  qcAcknowledged(index: bigint): void {
    this.#road.acknowledge(index);
  }

  anchorBegun(anchor: OfferedAnchor): void {
    this.#anchors.push(anchor);
    this.qcBegun(anchor.index, anchor.qc, anchor.covers);
  }

  /** Prunes: what lies below its starts may be gone from now on, and must be at the next open (D3). */
  anchorAcknowledged(index: bigint): void {
    const at = this.#anchors.findIndex((anchor) => anchor.index === index);
    if (at < 0) return;
    this.#anchors = this.#anchors.slice(at);
    this.#anchorAcknowledged = true;
    this.#road.acknowledge(index);
    for (const [lane, start] of this.#anchors[0]?.starts ?? []) {
      if (start > 0n) this.#lane(lane).acknowledge(start - 1n);
    }
  }

  voteBegun(roadIndex: bigint, bytes: Uint8Array): void {
    this.#votes.push({ roadIndex, bytes });
  }

  voteAcknowledged(roadIndex: bigint): void {
    const at = this.#votes.findIndex((vote) => vote.roadIndex === roadIndex);
    if (at < 0) return;
    this.#votes = this.#votes.slice(at);
    this.#voteAcknowledged = true;
    this.#abstain = undefined;
  }

  pinReleased(lane: string, number: bigint): void {
    for (const pin of this.#pins)
      if (pin.lane === lane && pin.number === number) this.#lifted.add(pin);
  }

  dropBegun(lane: string): void {
    this.#lane(lane).dropping = true;
  }

  dropAcknowledged(lane: string): void {
    this.#lanes.set(lane, new Log());
  }

  /** An open refused: allowed only behind damage, and only with the codes of that damage (D5). */
  judgeRefusal(code: string, damage: Damage): string[] {
    if (refusalsAllowed[damage].includes(code)) return [];
    return [`open refused with ${code} after ${damage === "none" ? "a mere crash" : damage}`];
  }

  /** Every way in which what an open returned breaks the contract; empty where it is allowed. */
  judge(recovered: RecoveredStore, named?: NamedInFlight): string[] {
    const { anchor, faults } = this.#judgeAnchor(recovered.anchor);
    for (const lane of new Set([...this.#lanes.keys(), ...recovered.lanes.keys()])) {
      const start = anchor?.starts.get(lane);
      faults.push(...judgeLog(lane, this.#lane(lane), recovered.lanes.get(lane), start));
    }
    faults.push(...judgeLog("road", this.#road, recovered.road, anchor?.index));
    return [...faults, ...this.#judgePins(recovered, named), ...this.#judgeVote(recovered, named)];
  }

  /** The open that returned this has published it: from now on it is acknowledged (D1). */
  published(recovered: RecoveredStore): void {
    const logs = [...recovered.lanes].map(([lane, got]) => [
      lane,
      this.#kept(this.#lane(lane), got),
    ]);
    this.#lanes = new Map(logs as [string, Log][]);
    this.#road = this.#kept(this.#road, recovered.road);
    this.#anchors = this.#anchors.filter(({ bytes }) => same(bytes, recovered.anchor));
    this.#anchorAcknowledged = recovered.anchor !== undefined;
    const { vote } = recovered;
    this.#votes = this.#votes.filter(({ bytes }) => vote && isPrefix(bytes, vote));
    this.#voteAcknowledged = vote !== undefined;
    this.#abstain = recovered.abstainThrough;
    this.#pins = [...recovered.pins];
    this.#lifted = new Set();
  }

  #kept(log: Log, got: RecoveredLog): Log {
    const kept = new Log();
    kept.first = got.first;
    got.records.forEach((bytes, at) => {
      const number = got.first + BigInt(at);
      const offer = log.allowed(number).find((each) => same(each.bytes, bytes));
      kept.offer(number, offer ?? { bytes, hash: "", parent: "" });
    });
    if (got.next > 0n) kept.acknowledge(got.next - 1n);
    return kept;
  }

  #judgeAnchor(got: Uint8Array | undefined) {
    if (!got && !this.#anchorAcknowledged) return { anchor: undefined, faults: [] as string[] };
    const anchor = this.#anchors.find(({ bytes }) => same(bytes, got));
    const oldest = this.#anchors[0]?.index;
    const faults = anchor
      ? []
      : [`the anchor is neither the acknowledged one (${oldest}) nor one begun later`];
    return { anchor, faults };
  }

  #judgePins(recovered: RecoveredStore, named: NamedInFlight | undefined): string[] {
    const faults: string[] = [];
    const nextOf = (lane: string): bigint => recovered.lanes.get(lane)?.next ?? 0n;
    const stands = (pin: PinSeen): boolean => recovered.pins.some((each) => samePin(each, pin));
    for (const pin of recovered.pins) {
      const where = `pin ${pin.lane.slice(0, 6)} ${pin.number}`;
      if (pin.number < nextOf(pin.lane)) faults.push(`${where}: the number was found`);
      const begun = this.#lane(pin.lane).offers.get(pin.number) ?? [];
      const known = begun.some(({ hash }) => hash === pin.hash);
      if (!known && !this.#pins.some((each) => samePin(each, pin))) {
        faults.push(`${where}: no block with this hash was in flight`);
      }
    }
    const must = [...this.#pins.filter((pin) => !this.#lifted.has(pin)), ...(named?.pins ?? [])];
    for (const pin of must) {
      if (pin.number < nextOf(pin.lane) || stands(pin)) continue;
      faults.push(`pin ${pin.lane.slice(0, 6)} ${pin.number} is missing: it was named in flight`);
    }
    return faults;
  }

  #judgeVote({ vote, abstainThrough }: RecoveredStore, named: NamedInFlight | undefined): string[] {
    const faults: string[] = [];
    const at = vote ? this.#votes.findIndex(({ bytes }) => isPrefix(bytes, vote)) : -1;
    if (vote && at < 0)
      faults.push("the vote state is neither the acknowledged one nor a later one");
    if (!vote && this.#voteAcknowledged) faults.push("the acknowledged vote state is lost");
    const older = at === (this.#voteAcknowledged ? 0 : -1);
    const needed = named?.lostVote ?? (older ? this.#abstain : undefined);
    if (needed !== undefined && (abstainThrough === undefined || abstainThrough < needed)) {
      faults.push(
        `a vote at road ${needed} was in flight and is lost: the node must abstain there`,
      );
    }
    const later = this.#votes.slice(at + 1).map(({ roadIndex }) => roadIndex);
    if (abstainThrough === undefined || later.includes(abstainThrough)) return faults;
    if (abstainThrough === this.#abstain) return faults;
    return [...faults, `no vote in flight was at road ${abstainThrough}: nothing to abstain from`];
  }

  #mayLift(covers: ReadonlyMap<string, bigint>): void {
    for (const pin of this.#pins) {
      if (pin.number < (covers.get(pin.lane) ?? 0n)) this.#lifted.add(pin);
    }
  }

  #lane(lane: string): Log {
    const known = this.#lanes.get(lane) ?? new Log();
    this.#lanes.set(lane, known);
    return known;
  }

  #from(other: ReferenceModel): this {
    this.#lanes = new Map([...other.#lanes].map(([lane, log]) => [lane, copyLog(log)]));
    this.#road = copyLog(other.#road);
    this.#anchors = [...other.#anchors];
    this.#anchorAcknowledged = other.#anchorAcknowledged;
    this.#votes = [...other.#votes];
    this.#voteAcknowledged = other.#voteAcknowledged;
    this.#abstain = other.#abstain;
    this.#pins = [...other.#pins];
    this.#lifted = new Set(other.#lifted);
    return this;
  }
}

function samePin(one: PinSeen, other: PinSeen): boolean {
  return one.lane === other.lane && one.number === other.number && one.hash === other.hash;
}

function isPrefix(prefix: Uint8Array, bytes: Uint8Array): boolean {
  return same(prefix, bytes.subarray(0, prefix.length));
}
