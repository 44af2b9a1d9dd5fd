/**
 * A store that grows from kill to kill: a process at work on it is ended at a moment that is drawn, and
 * what the next opening returns is compared with all that was ever acknowledged.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { killChain, killChoices, voteBytes } from "./kill-traffic.js";
import { KilledProcess } from "./killed-process.js";

/**
 * A kill falls so long after the process was told to go, at most; half of them so shortly after it has
 * said so many lines, which is the same moment of its life on a slow machine.
 */
const KILL_MS_MAX = 250;
const LINES_MAX = 60;
const BEHIND_LINE_MS_MAX = 6;

/** The results of the runs of a process. */
export interface KillCounts {
  kills: number;
  /** Openings that ended well. */
  lives: number;
  acknowledged: number;
}

/** The highest of each kind that was acknowledged, over all lives of a store. */
export interface Acknowledged {
  readonly blocks: bigint[];
  qc: bigint;
  vote: bigint;
  anchor: bigint;
}

export const nothing = (): Acknowledged => ({
  blocks: [-1n, -1n, -1n],
  qc: -1n,
  vote: -1n,
  anchor: -1n,
});

/** Takes down what a process said; how much of it was acknowledged. */
export function note(acknowledged: Acknowledged, lines: readonly string[]): number {
  let count = 0;
  for (const line of lines) {
    const [kind, ...words] = line.split(" ");
    const number = BigInt(/^\d+$/.test(words.at(-1) ?? "") ? words.at(-1)! : 0);
    if (kind === "block") acknowledged.blocks[Number(words[0])] = number;
    else if (kind === "qc" || kind === "vote" || kind === "anchor") acknowledged[kind] = number;
    else continue;
    count += 1;
  }
  return count;
}

/** Every way in which what an open returned breaks the contract. */
async function faultsOf(keeper: Lanekeeper, acknowledged: Acknowledged): Promise<string[]> {
  const { lanes, road, anchor, voteState, pins } = keeper.recovery;
  const faults: string[] = [];
  const index = anchor?.commitQC.vote.view.index ?? -1n;
  if (index < acknowledged.anchor) faults.push(`anchor ${index}, not ${acknowledged.anchor}`);
  for (const [at, lane] of killChain.lanes.entries()) {
    const { first, next } = lanes.get(lane) ?? { first: 0n, next: 0n };
    const acked = acknowledged.blocks[at]!;
    if (next <= acked) faults.push(`lane ${at}: [${first}, ${next}), block ${acked} is lost`);
    for (let number = first; number < next; number++) {
      const bytes = await keeper.readBlock(lane, number);
      const { bytes: made } = killChain.block(lane, number);
      if (Buffer.compare(bytes, made) !== 0) faults.push(`lane ${at}: block ${number} is another`);
    }
    for (const pin of pins) {
      if (pin.lane === lane && pin.number < next) faults.push(`block ${pin.number} is pinned`);
    }
  }
  if (road.next <= acknowledged.qc) faults.push(`the road ends at ${road.next}`);
  for (let each = road.first; each < road.next; each++) {
    const bytes = await keeper.readCommitQC(each);
    if (Buffer.compare(bytes, killChain.qc(each).bytes) !== 0) faults.push(`QC ${each} is another`);
  }
  const found = Buffer.from(voteState ?? []);
  const { vote } = acknowledged;
  const isVoted = [0n, 1n, 2n, 3n, 4n].some((later) => {
    return found.subarray(0, 26).equals(voteBytes(vote + later));
  });
  if (vote >= 0n && !isVoted) faults.push(`the vote at ${vote} is lost`);
  return faults;
}

/** Opens the store after a kill, judges, and closes it. */
export async function judgeStore(
  directory: string,
  acknowledged: Acknowledged,
  when: string,
): Promise<string[]> {
  try {
    const keeper = await Lanekeeper.open(directory, killChoices);
    const faults = await faultsOf(keeper, acknowledged);
    // Everything that an open has published counts as acknowledged.
    acknowledged.qc = keeper.recovery.road.next - 1n;
    for (const [at, lane] of killChain.lanes.entries()) {
      acknowledged.blocks[at] = (keeper.recovery.lanes.get(lane)?.next ?? 0n) - 1n;
    }
    await keeper.close();
    return faults.map((fault) => `${when}: ${fault}`);
  } catch (cause) {
    return [`${when}: ${String(cause)}`];
  }
}

/** One life of a process, to its kill; what it said. */
export async function killedLife(
  process: KilledProcess,
  random: Random,
  msMax = KILL_MS_MAX,
): Promise<readonly string[]> {
  await process.said("ready");
  process.go();
  if (random.below(2) === 0) await after(random.below(msMax));
  else {
    await process.hasSaid(1 + random.below(LINES_MAX));
    await after(random.below(BEHIND_LINE_MS_MAX));
  }
  await process.kill();
  return process.lines;
}

export class KillRun {
  readonly #script: string;
  readonly #folder: string;
  readonly #seed: number;
  readonly #random: Random;
  readonly #counts: KillCounts;
  readonly acknowledged = nothing();
  /** Starts while the one before it lives: starting takes longer than living. */
  #next: KilledProcess;

  private constructor(script: string, folder: string, seed: number, counts: KillCounts) {
    this.#script = script;
    this.#folder = folder;
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#counts = counts;
    this.#next = new KilledProcess(script, this.#directory);
  }

  static async begin(script: string, seed: number, counts: KillCounts): Promise<KillRun> {
    const folder = await mkdtemp(join(tmpdir(), "lanekeeper-kills-"));
    return new KillRun(script, folder, seed, counts);
  }

  get #directory(): string {
    return join(this.#folder, "store");
  }

  /** Kills the process `times` times; returns every breach of the contract in what came back. */
  async kill(times: number): Promise<string[]> {
    const faults: string[] = [];
    for (let each = 0; each < times && faults.length === 0; each++) {
      const current = this.#next;
      this.#next = new KilledProcess(this.#script, this.#directory);
      const lines = await killedLife(current, this.#random);
      this.#counts.kills += 1;
      this.#counts.lives += lines.filter((line) => line === "open").length;
      this.#counts.acknowledged += note(this.acknowledged, lines);
      const when = `seed ${this.#seed}, kill ${this.#counts.kills}`;
      const refused = lines.find((line) => line.startsWith("refused"));
      if (refused) faults.push(`${when}: ${refused}`);
      // Not after each: so a recovery that was killed is recovered from in turn.
      const isBorn = this.acknowledged.qc >= 0n || lines.includes("born");
      if (this.#random.below(2) === 0 && isBorn) faults.push(...(await this.#judge(when)));
    }
    return [...faults, ...(this.acknowledged.qc >= 0n ? await this.#judge("in between") : [])];
  }

  async end(): Promise<void> {
    await this.#next.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #judge(when: string): Promise<string[]> {
    return await judgeStore(this.#directory, this.acknowledged, when);
  }
}
