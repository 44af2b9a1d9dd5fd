/** The memory of the judge: the digests that it has heard of, each at its place. */
import type { LaneId } from "../../types/lane.js";
import type { Digest } from "./report.js";

/** Digests by number, of the numbers that are not forgotten. */
export class Kept {
  readonly #digests = new Map<bigint, Map<string, Digest>>();
  #first = 0n;

  /** Notes `digest`, unless another one is there, which is returned. */
  note(number: bigint, name: string, digest: Digest): Digest | undefined {
    if (number < this.#first) return undefined;
    const names = this.#digests.get(number) ?? new Map<string, Digest>();
    this.#digests.set(number, names);
    const known = names.get(name);
    if (known === undefined) names.set(name, digest);
    return known === undefined || known === digest ? undefined : known;
  }

  forget(number: bigint, name: string): void {
    this.#digests.get(number)?.delete(name);
  }

  at(number: bigint, name: string): Digest | undefined {
    return this.#digests.get(number)?.get(name);
  }

  forgetBelow(first: bigint): void {
    for (; this.#first < first; this.#first++) this.#digests.delete(this.#first);
  }
}

/** The acknowledgements and messages of one machine of a validator. */
export class Witness {
  /** All machines of a validator say it together. */
  readonly said: Map<LaneId | "road", Kept>;
  readonly durable = new Map<LaneId | "road", Kept>();
  /** All below is acknowledged. */
  readonly nexts = new Map<LaneId | "road", bigint>();
  /** The starts of lanes and road under the acknowledged anchor. */
  readonly starts = new Map<LaneId | "road", bigint>();
  anchor = -1n;
  executedNext = 0n;
  /** The vote state that is acknowledged, and those begun since: a recovery returns one of them. */
  votes: readonly (Digest | undefined)[] | "any" = [undefined];
  /** The votes in vote states that were durable. */
  readonly signed = new Kept();

  readonly #leaving: { log: LaneId | "road"; number: bigint; name: string }[] = [];

  constructor(said = new Map<LaneId | "road", Kept>()) {
    this.said = said;
  }

  /** A message was said for the first time. It may not have left until all has. */
  leaving(log: LaneId | "road", number: bigint, name: string): void {
    this.#leaving.push({ log, number, name });
  }

  /** All that was said has left. */
  allLeft(): void {
    this.#leaving.length = 0;
  }

  /** Everything that was said and left stays in memory; acknowledged things may be gone. */
  restored(): void {
    for (const { log, number, name } of this.#leaving)
      this.keptOf("said", log).forget(number, name);
    this.allLeft();
    this.durable.clear();
    this.nexts.clear();
    this.starts.clear();
    this.anchor = -1n;
    this.votes = "any";
  }

  keptOf(what: "said" | "durable", log: LaneId | "road"): Kept {
    const kept = this[what].get(log) ?? new Kept();
    this[what].set(log, kept);
    return kept;
  }

  acknowledge(log: LaneId | "road", number: bigint): void {
    const next = this.nexts.get(log) ?? 0n;
    if (number >= next) this.nexts.set(log, number + 1n);
  }
}
