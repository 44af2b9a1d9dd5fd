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
import * as kept from "./kept-model.js";
import * as log from "./log-model.js";
import type { Offer, RecoveredLog } from "./log-model.js";

export type { Offer, RecoveredLog } from "./log-model.js";

/** A prune anchor: `starts` names the first of each lane that its commit QC has a range of. */
export interface OfferedAnchor {
  readonly index: bigint;
  readonly bytes: Uint8Array;
  readonly qc: Uint8Array;
  readonly starts: ReadonlyMap<string, bigint>;
  /** The numbers that its commit QC covers: it lifts the pins below them (D6). */
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

/** The names that the mark on the disk gave as in flight, if the judge has read it for itself (D6). */
export interface NamedInFlight {
  readonly pins: readonly PinSeen[];
  /** Road index of the vote that it names above every vote slot that is there. */
  readonly lostVote: bigint | undefined;
}

/** The part that was harmed behind the store's back; a mere crash, or a failed write, harms nothing. */
export type Damage = "none" | "journal" | "mark" | "anchor" | "vote" | "store";

/** The refusals that each kind of damage allows. Every other store must open, exactly. */
const refusalsAllowed: Readonly<Record<Damage, readonly string[]>> = {
  none: [],
  journal: ["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST", "RECOVERY_MISMATCH", "FORMAT_TOO_NEW"],
  mark: ["MARK_CORRUPT"],
  anchor: ["ANCHOR_CORRUPT"],
  vote: ["ANCHOR_CORRUPT"],
  store: ["NOT_A_STORE", "WRONG_CHAIN", "FORMAT_TOO_NEW"],
};

/** Everything that the model was told, as a value. */
const nothing = {
  lanes: new Map<string, log.Log>() as ReadonlyMap<string, log.Log>,
  road: log.empty,
  anchors: kept.nothing as kept.Kept<OfferedAnchor>,
  votes: kept.nothing as kept.Kept<kept.Message>,
  abstain: undefined as bigint | undefined,
  /** Every block that was begun since the last open, also of lanes that were dropped. */
  inFlight: [] as readonly PinSeen[],
  /** Those that stand, and those of them that something begun since may have lifted. */
  pins: [] as readonly PinSeen[],
  lifted: [] as readonly PinSeen[],
} as const;
type Told = typeof nothing;

export class ReferenceModel {
  #told: Told = nothing;

  clone(): ReferenceModel {
    const model = new ReferenceModel();
    model.#told = this.#told;
    return model;
  }

  /** The acknowledged and the begun records in one line: two histories with equal lines judge alike. */
  get summary(): string {
    const { lanes, road, anchors, votes, abstain, inFlight, pins, lifted } = this.#told;
    const logs = [...lanes, ["road", road] as const].map(([name, { next, offers, drop }]) => {
      return `${name} ${next} ${[...offers.keys()].at(-1)} ${drop}`;
    });
    const kept = [anchors, votes].map(({ acked, begun }) => [
      acked,
      begun.map(({ index }) => index),
    ]);
    return [...logs, ...kept, abstain, inFlight.length, pins.length, lifted.length].join("|");
  }

  blockBegun(lane: string, number: bigint, offer: Offer): void {
    this.#setLane(lane, log.offered(this.#lane(lane), number, offer));
    this.#set({ inFlight: [...this.#told.inFlight, { lane, number, hash: offer.hash }] });
  }

  blockAcknowledged(lane: string, number: bigint): void {
    this.#setLane(lane, log.acknowledgedTo(this.#lane(lane), number + 1n));
  }

  qcBegun(index: bigint, bytes: Uint8Array, covers: ReadonlyMap<string, bigint>): void {
    this.#set({ road: log.offered(this.#told.road, index, { bytes, hash: "", parent: "" }) });
    this.#mayLift((pin) => pin.number < (covers.get(pin.lane) ?? 0n));
  }

  qcAcknowledged(index: bigint): void {
    this.#set({ road: log.acknowledgedTo(this.#told.road, index + 1n) });
  }

  anchorBegun(anchor: OfferedAnchor): void {
    this.#set({ anchors: kept.begun(this.#told.anchors, anchor) });
    this.qcBegun(anchor.index, anchor.qc, anchor.covers);
  }

  /** Records below its starts may be gone from now on, and must be gone at the next open (D3). */
  anchorAcknowledged(index: bigint): void {
    const anchors = kept.acknowledged(this.#told.anchors, index);
    if (anchors.acked === this.#told.anchors.acked) return;
    this.#set({ anchors });
    this.qcAcknowledged(index);
    for (const [lane, start] of anchors.begun[anchors.acked]?.starts ?? [])
      this.blockAcknowledged(lane, start - 1n);
  }

  voteBegun(roadIndex: bigint, bytes: Uint8Array): void {
    this.#set({ votes: kept.begun(this.#told.votes, { index: roadIndex, bytes }) });
  }

  voteAcknowledged(roadIndex: bigint): void {
    this.#set({ votes: kept.acknowledged(this.#told.votes, roadIndex), abstain: undefined });
  }

  /** Begins to lift a pin: from now on it may be gone. */
  pinReleased(lane: string, number: bigint): void {
    this.#mayLift((pin) => pin.lane === lane && pin.number === number);
  }

  /** It is gone, and comes back only where its block is lost in flight once more. */
  pinGone(lane: string, number: bigint): void {
    const pins = this.#told.pins.filter((pin) => pin.lane !== lane || pin.number !== number);
    this.#set({ pins });
  }

  dropBegun(lane: string): void {
    this.#setLane(lane, { ...this.#lane(lane), drop: "begun" });
  }

  dropAcknowledged(lane: string): void {
    this.#setLane(lane, { ...log.empty, drop: "done" });
  }

  /** An open refused: allowed only behind damage, and only with the codes of that damage (D5). */
  judgeRefusal(code: string, damage: Damage): string[] {
    if (refusalsAllowed[damage].includes(code)) return [];
    return [`open refused with ${code} after ${damage === "none" ? "a mere crash" : damage}`];
  }

  /** Every way in which what an open returned breaks the contract; empty where it is allowed. */
  judge(recovered: RecoveredStore, named?: NamedInFlight): string[] {
    const { lanes, road, anchors, votes } = this.#told;
    const anchored = anchors.begun.slice(0, kept.placeOf(anchors, recovered.anchor) + 1);
    const anchor = anchored.at(-1);
    const faults = kept.judge(anchors, "anchor", recovered.anchor);
    for (const lane of new Set([...lanes.keys(), ...recovered.lanes.keys()])) {
      const held = this.#lane(lane);
      // D3: of a lane that the anchor is silent about, an older one may have raised the start, and
      // a drop on its way may have forgotten it.
      const start = anchor?.starts.get(lane);
      const older = anchored.map(({ starts }) => starts.get(lane) ?? (held.drop ? 0n : held.first));
      const firsts = start === undefined ? [held.first, ...older] : [start];
      faults.push(...log.judge(held, lane, recovered.lanes.get(lane), firsts));
    }
    faults.push(...log.judge(road, "road", recovered.road, [anchor?.index ?? road.first]));
    faults.push(...kept.judge(votes, "vote state", recovered.vote));
    return [
      ...faults,
      ...this.#judgePins(recovered, named),
      ...this.#judgeAbstention(recovered, named),
    ];
  }

  /** D6: a damaged journal was opened: what was acknowledged and is not there must be pinned. */
  judgeDamaged({ lanes, pins }: RecoveredStore): string[] {
    const { lanes: told, anchors } = this.#told;
    return [...told].flatMap(([lane, { next, offers, drop }]) => {
      const starts = anchors.begun.map((anchor) => anchor.starts.get(lane) ?? 0n);
      const kept = [lanes.get(lane)?.next ?? 0n, ...starts];
      return [...(drop ? [] : offers)]
        .filter(([number]) => number < next && kept.every((least) => number >= least))
        .flatMap(([number, held]) => held.map(({ hash }) => ({ lane, number, hash })))
        .filter((block) => !isAmong(pins, block))
        .map(({ number }) => `${lane.slice(0, 6)}: block ${number} is lost and not pinned`);
    });
  }

  /** The open that returned this has published it: from now on it is acknowledged (D1). */
  published(recovered: RecoveredStore): void {
    const { road, anchors, votes } = this.#told;
    const lanes = [...recovered.lanes].map(([lane, got]) => {
      return [lane, log.published(this.#lane(lane), got)] as const;
    });
    this.#told = {
      lanes: new Map(lanes),
      road: log.published(road, recovered.road),
      anchors: kept.published(anchors, recovered.anchor),
      votes: kept.published(votes, recovered.vote),
      abstain: recovered.abstainThrough,
      inFlight: [],
      pins: recovered.pins,
      lifted: [],
    };
  }

  /** D6: pinned is what was in flight and is not there, by number; and nothing else. */
  #judgePins({ lanes, pins }: RecoveredStore, named: NamedInFlight | undefined): string[] {
    const { inFlight, pins: stood, lifted } = this.#told;
    const must = [...stood.filter((pin) => !lifted.includes(pin)), ...(named?.pins ?? [])];
    const isOpen = ({ lane, number }: PinSeen): boolean => number >= (lanes.get(lane)?.next ?? 0n);
    const wrong = {
      "the number was found": pins.filter((pin) => !isOpen(pin)),
      "no block with this hash was in flight": pins.filter((pin) => {
        return !isAmong(inFlight, pin) && !isAmong(stood, pin);
      }),
      "is missing: it was named in flight": must.filter(
        (pin) => isOpen(pin) && !isAmong(pins, pin),
      ),
    };
    return Object.entries(wrong).flatMap(([fault, which]) =>
      which.map(({ lane, number }) => `pin ${lane.slice(0, 6)} ${number} ${fault}`),
    );
  }

  /** D6: behind a vote that was lost in flight the node abstains, up to its road index. */
  #judgeAbstention(
    { vote, abstainThrough }: RecoveredStore,
    named: NamedInFlight | undefined,
  ): string[] {
    const { votes, abstain } = this.#told;
    const at = kept.placeOf(votes, vote);
    const needed = named?.lostVote ?? (at === votes.acked ? abstain : undefined);
    const faults =
      needed !== undefined && (abstainThrough ?? -1n) < needed
        ? [`a vote at road ${needed} was in flight and is lost: the node must abstain there`]
        : [];
    const lost = votes.begun.slice(at + 1).some(({ index }) => index === abstainThrough);
    if (abstainThrough === undefined || lost || abstainThrough === abstain) return faults;
    return [...faults, `no vote in flight was at road ${abstainThrough}: nothing to abstain from`];
  }

  #mayLift(which: (pin: PinSeen) => boolean): void {
    const { pins, lifted } = this.#told;
    this.#set({ lifted: [...lifted, ...pins.filter(which)] });
  }

  #lane(lane: string): log.Log {
    return this.#told.lanes.get(lane) ?? log.empty;
  }

  #setLane(lane: string, held: log.Log): void {
    this.#set({ lanes: new Map(this.#told.lanes).set(lane, held) });
  }

  #set(change: Partial<Told>): void {
    this.#told = { ...this.#told, ...change };
  }
}

function isAmong(pins: readonly PinSeen[], { lane, number, hash }: PinSeen): boolean {
  return pins.some((pin) => pin.lane === lane && pin.number === number && pin.hash === hash);
}
