/**
 * The judge of a devnet. It hears every acknowledgement and every signed message of each validator,
 * and compares them with the recoveries of that validator and with the messages of the others. It
 * knows nothing of how validators work.
 *
 * Its memory is bounded by what is not pruned: it forgets what an acknowledged anchor of a
 * validator covers, but for a margin of road indices and block numbers below the anchor.
 */
import type { LaneId } from "../../types/lane.js";
import type { Digest, Recovered, Report, SignedKind, SignedPlace } from "./report.js";
import { Kept, Witness } from "./witness.js";

/** Everything that a validator or a committee must not do. */
export const rules = {
  ACK_LOST: "something that was acknowledged is not there after a restart",
  ACK_CHANGED: "something that was acknowledged came back as something else",
  ANCHOR_LOST: "a recovery returned an older anchor than the one acknowledged",
  VOTES_LOST: "a recovery returned an older vote state than the one acknowledged",
  OPEN_REFUSED: "a store did not open after a kill or a power cut",
  EQUIVOCATION: "two different messages were signed for the same place",
  EARLY: "a message left before the block or the vote state behind it was acknowledged as durable",
  AFTER_TIMEOUT: "a prepare or commit vote left in a view that was given up before",
  FORK: "two validators decided or executed something else at the same road index",
  STUCK: "the committee stood still, or a validator did not catch up, until the end",
} as const;

export type Rule = keyof typeof rules;

export interface Violation {
  readonly rule: Rule;
  readonly validator: number;
  readonly where: string;
}

/** Violations kept for the report; one is enough to fail. */
const VIOLATIONS_MAX = 100;
/** Numbers and road indices below the anchor that are still compared: peers may ask for those. */
const MARGIN = 2_000n;
/** The messages that need a durable block, and those that need a durable vote state. */
const restsOnBlock: ReadonlySet<SignedKind> = new Set(["block", "laneVote"]);
const restsOnVotes: ReadonlySet<SignedKind> = new Set([
  "proposal",
  "prepareVote",
  "commitVote",
  "timeoutVote",
]);

/** A block or a commit QC, in its lane or on the road. */
interface Ack {
  readonly log: LaneId | "road";
  readonly number: bigint;
  readonly digest: Digest;
}

export class Judge {
  readonly violations: Violation[] = [];
  /** The numbers of events that were judged, so that an empty run is not taken for a good one. */
  readonly counts = { said: 0, acknowledged: 0, compared: 0, executed: 0 };
  readonly #validators: number;
  readonly #witnesses: readonly Witness[];
  /** The decisions and the results of execution, on which all must agree. */
  readonly #agreed = new Kept();

  /** With two machines a validator, those of its number and of its number + `validators` sign as one. */
  constructor(validators: number, machines = 1) {
    this.#validators = validators;
    const firsts = Array.from({ length: validators }, () => new Witness());
    const others = Array.from({ length: machines - 1 }, () => firsts);
    const twins = others.flatMap((each) => each.map(({ said }) => new Witness(said)));
    this.#witnesses = [...firsts, ...twins];
  }

  /** The first road that this validator has not executed. */
  executedNext(validator: number): bigint {
    return this.#witness(validator).executedNext;
  }

  /**
   * A validator's store is an older one from now on. It may have lost what was acknowledged since, and must
   * still sign nothing twice.
   */
  restored(validator: number): void {
    this.#witness(validator).restored();
  }

  /** Takes the reports of a validator, in the order in which they were written. */
  take(validator: number, report: Report): void {
    const witness = this.#witness(validator);
    switch (report.kind) {
      case "recovered":
        return this.#compare(validator, witness, report);
      case "says":
        return this.#judgeSaid(validator, witness, report);
      case "left":
        return witness.allLeft();
      case "blockDurable": {
        const { lane, number, digest } = report;
        this.counts.acknowledged += 1;
        return this.#acknowledge(validator, { log: lane, number, digest });
      }
      case "commitQCDurable": {
        const { index, digest, decision } = report;
        this.counts.acknowledged += 1;
        this.#agree(validator, index, "decided", decision);
        return this.#acknowledge(validator, { log: "road", number: index, digest });
      }
      case "anchorDurable":
        this.counts.acknowledged += 1;
        return this.#anchored(witness, report);
      case "votesBegun":
        witness.votes = [...votesOf(witness), report.state];
        return;
      case "votesDurable":
        this.counts.acknowledged += 1;
        witness.votes = votesOf(witness).slice(votesOf(witness).indexOf(report.state));
        for (const digest of report.signed) witness.signed.note(report.index, digest, digest);
        return;
      case "executed":
        this.counts.executed += 1;
        this.#agree(validator, report.index, "executed", report.appHash);
        if (report.index >= witness.executedNext) witness.executedNext = report.index + 1n;
        return;
      case "failed":
        return;
      case "opening":
      case "served":
      case "listening":
      case "replayed":
      case "raised":
      case "released":
      case "stats":
      case "closed":
        return;
    }
  }

  violate(rule: Rule, validator: number, where: string): void {
    if (this.violations.length >= VIOLATIONS_MAX) return;
    this.violations.push({ rule, validator: validator % this.#validators, where });
  }

  #acknowledge(validator: number, { log, number, digest }: Ack): void {
    const witness = this.#witness(validator);
    const other = witness.keptOf("durable", log).note(number, "", digest);
    if (other !== undefined) {
      this.violate("ACK_CHANGED", validator, `${placeOf(log, number)}: ${other}, then ${digest}`);
    }
    witness.acknowledge(log, number);
  }

  #judgeSaid(
    validator: number,
    witness: Witness,
    { what, place, digest }: Extract<Report, { kind: "says" }>,
  ): void {
    this.counts.said += 1;
    const where = `${what} at ${placeText(place)}`;
    const [log, number, view] =
      "lane" in place
        ? [place.lane, place.number, 0n]
        : (["road", place.index, place.view] as const);
    const said = witness.keptOf("said", log);
    const name = `${what} ${view}`;
    const isNew = said.at(number, name) === undefined;
    if (isNew) witness.leaving(log, number, name);
    const other = said.note(number, name, digest);
    if (other !== undefined) {
      this.violate("EQUIVOCATION", validator, `${where}: ${other}, then ${digest}`);
    }
    if (other === undefined && !this.#mayLeave(witness, what, { log, number, digest })) {
      this.violate("EARLY", validator, where);
    }
    const isVote = what === "prepareVote" || what === "commitVote";
    const hasGivenUp = witness.said.get("road")?.at(number, `timeoutVote ${view}`) !== undefined;
    // A vote that was said before the view was given up may be said again afterwards.
    if (isVote && isNew && hasGivenUp) this.violate("AFTER_TIMEOUT", validator, where);
  }

  /** Whether the block or the vote state behind a message was acknowledged before. */
  #mayLeave(witness: Witness, what: SignedKind, said: Ack): boolean {
    const { log, number, digest } = said;
    if (restsOnVotes.has(what)) return witness.signed.at(number, digest) !== undefined;
    if (!restsOnBlock.has(what)) return true;
    // A peer that catches up may be sent a block that is forgotten here.
    const isOld = number < (witness.starts.get(log) ?? 0n) - MARGIN;
    return isOld || witness.keptOf("durable", log).at(number, "") === digest;
  }

  /** An anchor is durable: the validator acknowledged it, or a recovery returned it. */
  #anchored(
    witness: Witness,
    { index, starts }: Pick<Extract<Report, { kind: "anchorDurable" }>, "index" | "starts">,
  ): void {
    if (index <= witness.anchor) return;
    witness.anchor = index;
    if (index >= witness.executedNext) witness.executedNext = index + 1n;
    for (const { lane, first } of [...starts, { lane: "road", first: index } as const]) {
      witness.starts.set(lane, first);
      if (first > 0n) witness.acknowledge(lane, first - 1n);
      for (const kept of [witness.said, witness.durable])
        kept.get(lane)?.forgetBelow(first - MARGIN);
    }
    witness.signed.forgetBelow(index - MARGIN);
    const oldest = this.#witnesses.reduce(
      (low, { anchor }) => (anchor < low ? anchor : low),
      index,
    );
    this.#agreed.forgetBelow(oldest - MARGIN);
  }

  #agree(validator: number, index: bigint, what: string, digest: Digest): void {
    const other = this.#agreed.note(index, what, digest);
    if (other === undefined) return;
    this.violate("FORK", validator, `road ${index}: ${what} ${digest}, another one ${other}`);
  }

  /** Everything acknowledged must be there, byte for byte, or lie below an anchor. */
  #compare(validator: number, witness: Witness, found: Recovered): void {
    const anchor = found.anchor ?? -1n;
    if (anchor < witness.anchor) {
      this.violate("ANCHOR_LOST", validator, `anchor ${found.anchor}, not ${witness.anchor}`);
    }
    if (witness.votes !== "any" && !witness.votes.includes(found.votes)) {
      this.violate("VOTES_LOST", validator, `vote state ${found.votes}`);
    }
    witness.votes = [found.votes];
    for (const digest of found.signed) witness.signed.note(found.votesIndex, digest, digest);
    const starts = new Map(found.starts.map(({ lane, first }) => [lane, first]));
    const lanes = new Map(found.lanes.map((lane) => [lane.lane, lane]));
    for (const [log, next] of witness.nexts) {
      if (log === "road") continue;
      const { first, blocks } = lanes.get(log) ?? { first: 0n, blocks: [] };
      const foundNext = first + BigInt(blocks.length);
      if (foundNext < next) this.violate("ACK_LOST", validator, placeOf(log, foundNext));
      // Nothing at or above the start that the anchor gives is pruned.
      const start = starts.get(log) ?? 0n;
      if (first > start) this.violate("ACK_LOST", validator, placeOf(log, start));
    }
    for (const { lane, first, blocks } of found.lanes)
      this.#find(validator, lane, { first, digests: blocks });
    const roadNext = found.roadFirst + BigInt(found.road.length);
    if (roadNext < (witness.nexts.get("road") ?? 0n)) {
      this.violate("ACK_LOST", validator, placeOf("road", roadNext));
    }
    const roadStart = found.anchor ?? 0n;
    if (found.roadFirst > roadStart) {
      this.violate("ACK_LOST", validator, placeOf("road", roadStart));
    }
    this.#find(validator, "road", { first: found.roadFirst, digests: found.road });
    // A recovery makes durable what it returns: the next one must return it too.
    if (found.anchor !== undefined) {
      this.#anchored(witness, { index: found.anchor, starts: found.starts });
    }
  }

  /**
   * Compares found records with the acknowledged ones. Other found records are durable from here
   * on.
   */
  #find(
    validator: number,
    log: LaneId | "road",
    found: { readonly first: bigint; readonly digests: readonly Digest[] },
  ): void {
    for (const [at, digest] of found.digests.entries()) {
      this.counts.compared += 1;
      this.#acknowledge(validator, { log, number: found.first + BigInt(at), digest });
    }
  }

  #witness(validator: number): Witness {
    const witness = this.#witnesses[validator];
    if (witness === undefined) throw new RangeError(`there is no validator ${validator}`);
    return witness;
  }
}

/** Before a restored store is open, nobody knows which vote state it has. */
function votesOf({ votes }: Witness): readonly (Digest | undefined)[] {
  return votes === "any" ? [] : votes;
}

function placeOf(log: LaneId | "road", number: bigint): string {
  return log === "road" ? `road ${number}` : `lane ${log.slice(0, 8)} ${number}`;
}

function placeText(place: SignedPlace): string {
  return "lane" in place
    ? placeOf(place.lane, place.number)
    : `road ${place.index} view ${place.view}`;
}
