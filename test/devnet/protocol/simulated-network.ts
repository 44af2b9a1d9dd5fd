/**
 * A committee in one process and in simulated time: engines, stores that make things durable after
 * a while, and links that lose, double and reorder. The same seed gives the same run. The judge
 * hears the reports that it hears from real processes.
 */
import { createHash, hash } from "node:crypto";
import { EarlyMessages } from "../../../src/devnet/validator/gate.js";
import { Engine } from "../../../src/devnet/protocol/engine.js";
import { appHashOf } from "../../../src/devnet/protocol/execution.js";
import { Judge } from "../../../src/devnet/judge/judge.js";
import type { Message, PeerStatus } from "../../../src/devnet/protocol/message.js";
import { stepMs } from "../../../src/devnet/protocol/views.js";
import { laneRange } from "../../../src/devnet/protocol/catch-up.js";
import { digestOf, type Recovered, type Report } from "../../../src/devnet/judge/report.js";
import type { EngineStart, Input, Output } from "../../../src/devnet/protocol/step.js";
import {
  decisionOf,
  saying,
  type Says,
  signedIn,
  startsOf,
} from "../../../src/devnet/judge/telling.js";
import type { LaneId } from "../../../src/types/lane.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { buildBlock, signBlock } from "../../../src/wire/build.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { type KeyPair, keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { encodePersistedInner, encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import { commitVoteDigest, headerHash, sameBytes } from "../../../src/wire/hash.js";
import type {
  BlockHeader,
  CommitQC,
  PersistedInner,
  PruneAnchor,
  SignedBlock,
} from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";

export interface Weather {
  /** Of each message. */
  readonly lostShare: number;
  readonly doubledShare: number;
  readonly delayMsMax: number;
  readonly flushMsMax: number;
  /** Pruned blocks and QCs that stay to be served, per lane and on the road. */
  readonly retained: bigint;
}

export const fairWeather: Weather = {
  lostShare: 0,
  doubledShare: 0,
  delayMsMax: 5,
  flushMsMax: 4,
  retained: 1_000n,
};

/** A validator that does not keep the rules. */
export type Mutant = "votes before durable" | "forgets its votes";

const TICK_MS = 100;

/** Numbers in `[0, 1)` from a seed. */
export function randomOf(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    return hash("sha256", `${seed} ${count}`, "buffer").readUInt32LE() / 2 ** 32;
  };
}

/** The content of a validator's disk. */
class Store {
  readonly blocks = new Map<LaneId, SignedBlock[]>();
  readonly road: CommitQC[] = [];
  /** Road indices of `road[0]`, raised where an anchor went past what was held. */
  anchor: PruneAnchor | undefined;
  votes: PersistedInner | undefined;
  readonly starts = new Map<LaneId, bigint>();
  readonly nexts = new Map<LaneId, bigint>();
  roadNext = 0n;

  first(lane: LaneId): bigint {
    return this.starts.get(lane) ?? 0n;
  }

  next(lane: LaneId): bigint {
    return this.nexts.get(lane) ?? 0n;
  }

  block(lane: LaneId, number: bigint): SignedBlock | undefined {
    return this.blocks.get(lane)?.find(({ msg }) => msg.header.blockNumber === number);
  }

  append({ msg, sig }: SignedBlock): void {
    const { lane, blockNumber: number } = msg.header;
    if (number !== this.next(lane))
      throw new Error(`block ${number} of ${lane} is out of sequence`);
    this.blocks.set(lane, [...(this.blocks.get(lane) ?? []), { msg, sig }]);
    this.nexts.set(lane, number + 1n);
  }

  appendQC(qc: CommitQC): boolean {
    if (qc.vote.view.index !== this.roadNext) return false;
    this.road.push(qc);
    this.roadNext += 1n;
    return true;
  }

  prune(anchor: PruneAnchor, retained: bigint): void {
    this.anchor = anchor;
    const { index } = anchor.commitQC.vote.view;
    const held = this.road.find(({ vote }) => vote.view.index === index);
    if (held && !sameBytes(commitVoteDigest(held.vote), commitVoteDigest(anchor.commitQC.vote))) {
      throw new Error(`anchor ${index}: CONFLICT with the commit QC that is held`);
    }
    if (this.roadNext <= index) {
      this.roadNext = index + 1n;
      this.road.push(anchor.commitQC);
    }
    while (this.road[0] && this.road[0].vote.view.index < index - retained) this.road.shift();
    for (const { lane, first } of anchor.commitQC.vote.laneRanges) {
      if (first <= this.first(lane)) continue;
      this.starts.set(lane, first);
      if (this.next(lane) < first) this.nexts.set(lane, first);
      const kept = (this.blocks.get(lane) ?? []).filter(
        ({ msg }) => msg.header.blockNumber >= first - retained,
      );
      this.blocks.set(lane, kept);
    }
  }
}

interface Pending {
  readonly apply: (store: Store) => void;
  readonly told: () => void;
  readonly block?: BlockHeader;
  readonly votesIndex?: bigint;
}

class Validator {
  readonly keys: KeyPair;
  store = new Store();
  engine: Engine | undefined;
  lane = "" as LaneId;
  early = new EarlyMessages();
  /**
   * Changes with each start and each crash: what was begun in another life has no end in this one.
   */
  life = 0;
  starts = 0;
  /** A timer that was started goes on in place of the one before. */
  timers = 0;
  /** On their way to disk, in order: the journal, and the vote state. */
  readonly pending: { journal: Pending[]; votes: Pending[] } = { journal: [], votes: [] };
  pins: { number: bigint; headerHash: Uint8Array }[] = [];
  abstainThrough: bigint | undefined;
  readonly stored = new Map<string, SignedBlock>();

  constructor(index: number) {
    this.keys = keyPairFromSeed(createHash("sha256").update(`validator ${index}`).digest());
  }
}

export class SimulatedNetwork {
  readonly judge: Judge;
  readonly validators: Validator[];
  readonly weather: Weather;
  readonly #epoch: Epoch;
  readonly #random: () => number;
  readonly #mutants = new Map<number, Mutant>();
  /** Directions in which everything is lost, as `from to`. */
  readonly #cut = new Set<string>();
  /** The next one last. */
  readonly #events: { readonly atMs: number; readonly act: () => void }[] = [];
  /** Everything that was said, in the life of its validator in which it was. */
  readonly said: { validator: number; life: number; report: Says }[] = [];
  nowMs = 0;
  released = 0;
  abstained = 0;
  jumps = 0;

  constructor(seed: number, count: number, weather: Weather = fairWeather) {
    this.#random = randomOf(seed);
    this.weather = weather;
    this.judge = new Judge(count);
    this.validators = Array.from({ length: count }, (_, index) => new Validator(index));
    const committee = Committee.genesis(
      this.validators.map(({ keys }) => ({ key: keys.publicKey, weight: 1n })),
    );
    this.#epoch = { index: 0n, firstRoad: 0n, nextRoad: U64_MAX, committee };
    for (const validator of this.validators) {
      validator.lane = committee.memberOf(validator.keys.publicKey)!.lane;
    }
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  mutate(index: number, mutant: Mutant): void {
    this.#mutants.set(index, mutant);
  }

  start(index: number): void {
    const validator = this.validators[index]!;
    const { store } = validator;
    const start = this.#startOf(validator);
    this.judge.take(index, recoveredOf(validator, start));
    const signer = { keys: validator.keys, epoch: this.#epoch };
    const now = () => ({ seconds: 1_700_000_000n, nanos: Math.floor(this.nowMs * 1e6) % 1e9 });
    validator.engine = new Engine(signer, start, now);
    validator.life += 1;
    validator.starts += 1;
    validator.early = new EarlyMessages();
    if (start.abstainThrough !== undefined && start.abstainThrough >= store.roadNext) {
      this.abstained += 1;
    }
    this.#do(index, validator.engine.begin(start));
    this.#tick(index, validator.life);
  }

  /** Whether what `from` sends to `to` from now on arrives, or is all lost. */
  connect(from: number, to: number, isUp: boolean): void {
    if (isUp) this.#cut.delete(`${from} ${to}`);
    else this.#cut.add(`${from} ${to}`);
  }

  /** Ends a process: of what was on its way to disk a part is there, the rest is gone. */
  crash(index: number): void {
    const validator = this.validators[index]!;
    validator.engine = undefined;
    validator.life += 1;
    for (const queue of [validator.pending.journal, validator.pending.votes]) {
      const survivors = Math.floor(this.#random() * (queue.length + 1));
      for (const { apply } of queue.slice(0, survivors)) apply(validator.store);
      const isNamed = this.#random() < 0.7;
      for (const { block, votesIndex } of isNamed ? queue.slice(survivors, survivors + 2) : []) {
        if (block?.lane === validator.lane) {
          validator.pins.push({ number: block.blockNumber, headerHash: headerHash(block) });
        }
        if (votesIndex !== undefined) validator.abstainThrough = votesIndex;
      }
      queue.length = 0;
    }
  }

  /** Runs until `untilMs`, or until `isDone`. */
  run(untilMs: number, isDone: () => boolean = () => false): void {
    while (this.#events.length > 0 && !isDone()) {
      const event = this.#events.at(-1)!;
      if (event.atMs > untilMs) break;
      this.#events.pop();
      this.nowMs = event.atMs;
      event.act();
    }
    if (!isDone()) this.nowMs = untilMs;
  }

  /** Gives `message` to a validator as if `from` had sent it. */
  inject(index: number, from: LaneId, message: Message): void {
    this.#give(index, { kind: "message", from, message });
  }

  executedNext(): bigint[] {
    return this.validators.map((_, index) => this.judge.executedNext(index));
  }

  #after(delayMs: number, act: () => void): void {
    const atMs = this.nowMs + delayMs;
    // Of two at one moment the one that was said first comes first: the new one lies behind it.
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.atMs > atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { atMs, act });
  }

  #tick(index: number, life: number): void {
    const validator = this.validators[index]!;
    if (validator.life !== life) return;
    this.#give(index, {
      kind: "tick",
      served: servedBy(validator.store, this.#epoch),
      isGuarded: false,
    });
    this.#after(TICK_MS, () => this.#tick(index, life));
  }

  #give(index: number, input: Input): void {
    const { engine, early } = this.validators[index]!;
    if (engine === undefined) return;
    if (input.kind === "message" && !engine.wants(input.message)) {
      early.keep(engine, input);
      return;
    }
    this.#do(index, engine.handle(input));
    for (const { from, message } of early.take(engine)) {
      this.#give(index, { kind: "message", from, message });
    }
  }

  #send(index: number, to: LaneId | undefined, message: Message): void {
    const said = saying(message);
    const { lane } = this.validators[index]!;
    const isOwn = message.kind !== "block" || message.header.lane === lane;
    if (said && isOwn) {
      this.judge.take(index, said);
      this.said.push({ validator: index, life: this.validators[index]!.starts, report: said });
    }
    for (const [at, peer] of this.validators.entries()) {
      if (at === index || (to !== undefined && peer.lane !== to)) continue;
      if (this.#cut.has(`${index} ${at}`)) continue;
      if (this.#random() < this.weather.lostShare) continue;
      const copies = this.#random() < this.weather.doubledShare ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        const delayMs = 0.1 + this.#random() * this.weather.delayMsMax;
        this.#after(delayMs, () => this.#give(at, { kind: "message", from: lane, message }));
      }
    }
  }

  #store(index: number, queue: "journal" | "votes", pending: Pending): void {
    const validator = this.validators[index]!;
    const { life } = validator;
    const line = validator.pending[queue];
    line.push(pending);
    this.#after(0.1 + this.#random() * this.weather.flushMsMax, () => {
      if (validator.life !== life) return;
      // All up to it are durable with it, as one flush makes them.
      while (line.includes(pending)) {
        const done = line.shift()!;
        done.apply(validator.store);
        done.told();
      }
    });
  }

  #do(index: number, outputs: readonly Output[]): void {
    for (const output of outputs) this.#perform(index, output);
  }

  #perform(index: number, output: Output): void {
    const validator = this.validators[index]!;
    const tell = (report: Report): void => this.judge.take(index, report);
    const { life } = validator;
    const give = (input: Input): void => {
      if (validator.life === life) this.#give(index, input);
    };
    switch (output.kind) {
      // Reads take no time here: blocks that are being sent have left.
      case "broadcast":
      case "broadcastBehind":
        return this.#send(index, undefined, output.message);
      case "send":
        return this.#send(index, output.to, output.message);
      case "sendBlocks":
        for (let number = output.first; number < output.next; number++) {
          const made = this.#blockOf(validator, output.lane, number);
          if (made) this.#send(index, output.to, messageOf(made));
        }
        return;
      case "sendCommitQC": {
        const qc = validator.store.road.find(({ vote }) => vote.view.index === output.index);
        if (qc) this.#send(index, output.to, { kind: "commitQC", qc });
        return;
      }
      case "storeBlock":
        return this.#storeBlock(index, signedBlocks.get(output.message.bytes)!);
      case "produce": {
        const block = buildBlock({
          lane: validator.lane,
          blockNumber: output.number,
          parentHash: output.parentHash,
          payload: {
            createdAt: { seconds: BigInt(Math.floor(this.nowMs)), nanos: validator.life },
            txs: [Buffer.from(`${validator.life} ${output.number} ${this.nowMs}`)],
            totalGasWanted: 0n,
            totalGasEstimated: 0n,
          },
        });
        const { header } = block;
        this.#after(0.1, () => {
          if (validator.life !== life) return;
          this.#storeBlock(index, signBlock(block, validator.keys));
          give({ kind: "produced", header, headerHash: headerHash(header) });
        });
        return;
      }
      case "storeCommitQC": {
        const { qc } = output;
        const digest = digestOf(commitVoteDigest(qc.vote));
        return this.#store(index, "journal", {
          apply: (store) => store.appendQC(qc),
          told: () => {
            const at = qc.vote.view.index;
            tell({ kind: "commitQCDurable", index: at, digest, decision: decisionOf(qc.vote) });
            give({ kind: "commitQCDurable", qc });
          },
        });
      }
      case "storeAnchor": {
        const { anchor } = output;
        if (anchor.commitQC.vote.view.index >= validator.store.roadNext) this.jumps += 1;
        return this.#store(index, "journal", {
          apply: (store) => store.prune(anchor, this.weather.retained),
          told: () => {
            const at = anchor.commitQC.vote.view.index;
            tell({ kind: "anchorDurable", index: at, starts: startsOf(anchor) });
            give({ kind: "anchorDurable", anchor });
          },
        });
      }
      case "storeVotes":
        return this.#storeVotes(index, output, give);
      case "execute": {
        const { qc, parent } = output;
        const blocks = qc.vote.laneRanges.flatMap(({ lane, first, next }) =>
          Array.from({ length: Number(next - first) }, (_, at) => {
            return this.#blockOf(validator, lane, first + BigInt(at))!.msg;
          }),
        );
        const appHash = appHashOf(parent, globalRange(qc.vote).first, blocks);
        const at = qc.vote.view.index;
        return this.#after(0.1, () => {
          if (validator.life !== life) return;
          tell({ kind: "executed", index: at, appHash: digestOf(appHash) });
          give({ kind: "executed", index: at, appHash, mayVote: true });
        });
      }
      case "startTimer": {
        const { view } = output;
        validator.timers += 1;
        const timer = validator.timers;
        return this.#after(stepMs(view.number), () => {
          if (validator.timers === timer) give({ kind: "viewOver", view });
        });
      }
      case "raiseGuard":
        throw new Error("no store of this network was ever restored");
      case "release": {
        const { number } = output;
        this.released += 1;
        return this.#after(0.1, () => {
          validator.pins = validator.pins.filter((pin) => pin.number !== number);
          give({ kind: "released", number });
        });
      }
    }
  }

  /** A mutant takes from memory what it says is on disk. */
  #blockOf({ store, stored }: Validator, lane: LaneId, number: bigint): SignedBlock | undefined {
    return store.block(lane, number) ?? stored.get(`${lane} ${number}`);
  }

  #storeBlock(index: number, block: SignedBlock): void {
    const validator = this.validators[index]!;
    const { header } = block.msg;
    const { lane, blockNumber: number } = header;
    const told = (): void => {
      const digest = digestOf(headerHash(header));
      this.judge.take(index, { kind: "blockDurable", lane, number, digest });
      this.#give(index, { kind: "blockDurable", header, mayVote: true });
    };
    const apply = (store: Store): void => {
      if (number >= store.next(lane)) store.append(block);
    };
    if (this.#mutants.get(index) === "votes before durable") {
      validator.stored.set(`${lane} ${number}`, block);
      this.#store(index, "journal", { apply, told: () => undefined, block: header });
      const { life } = validator;
      this.#after(0, () => {
        if (validator.life === life) told();
      });
      return;
    }
    this.#store(index, "journal", { apply, told, block: header });
  }

  #storeVotes(
    index: number,
    { state, index: votesIndex, votes }: Extract<Output, { kind: "storeVotes" }>,
    give: (input: Input) => void,
  ): void {
    const digest = votesDigest(state)!;
    this.judge.take(index, { kind: "votesBegun", state: digest });
    const forgets = this.#mutants.get(index) === "forgets its votes";
    this.#store(index, "votes", {
      apply: (store) => {
        if (!forgets) store.votes = state;
      },
      told: () => {
        const signed = signedIn(state);
        this.judge.take(index, { kind: "votesDurable", state: digest, index: votesIndex, signed });
        give({ kind: "votesDurable", votes });
      },
      votesIndex,
    });
  }

  #startOf({ store, lane, pins, abstainThrough }: Validator): EngineStart {
    const lanes = new Map(
      this.#epoch.committee.members.map((member) => {
        const first = store.first(member.lane);
        const next = store.next(member.lane);
        const headers: BlockHeader[] = [];
        for (let number = first; number < next; number++) {
          const block = store.block(member.lane, number);
          if (block) headers.push(block.msg.header);
        }
        return [member.lane, { first, next, headers, votable: headers }] as const;
      }),
    );
    const first = store.anchor?.commitQC.vote.view.index ?? 0n;
    const tip = store.block(lane, store.next(lane) - 1n);
    return {
      lanes,
      road: { first, qcs: store.road.filter(({ vote }) => vote.view.index >= first) },
      anchor: store.anchor,
      votes: store.votes,
      abstainThrough,
      isGuardUnknown: false,
      pins: pins.filter(({ number }) => number >= store.next(lane)),
      tipHash: tip && headerHash(tip.msg.header),
    };
  }
}

/** The blocks behind the messages: simulated links carry references. */
const signedBlocks = new WeakMap<Uint8Array, SignedBlock>();

function messageOf(block: SignedBlock): Message {
  const bytes = encodeSignedBlock(block);
  signedBlocks.set(bytes, block);
  return { kind: "block", bytes, header: block.msg.header };
}

function votesDigest(votes: PersistedInner | undefined): string | undefined {
  if (votes === undefined) return undefined;
  return digestOf(createHash("sha256").update(encodePersistedInner(votes)).digest());
}

function servedBy(store: Store, { committee }: Epoch): PeerStatus {
  return {
    road: { first: store.road[0]?.vote.view.index ?? store.roadNext, next: store.roadNext },
    lanes: committee.members.map(({ lane }) => {
      const first = store.blocks.get(lane)?.[0]?.msg.header.blockNumber ?? store.next(lane);
      return laneRange(lane, { first, next: store.next(lane) });
    }),
    isWhole: true,
  };
}

function recoveredOf({ store }: Validator, start: EngineStart): Recovered {
  return {
    kind: "recovered",
    anchor: store.anchor?.commitQC.vote.view.index,
    starts: store.anchor ? startsOf(store.anchor) : [],
    roadFirst: start.road.first,
    road: start.road.qcs.map(({ vote }) => digestOf(commitVoteDigest(vote))),
    lanes: [...start.lanes].map(([lane, { first, headers }]) => {
      return { lane, first, blocks: headers.map((header) => digestOf(headerHash(header))) };
    }),
    votes: votesDigest(store.votes),
    votesIndex: store.votes?.commitQC ? store.votes.commitQC.vote.view.index + 1n : 0n,
    signed: store.votes ? signedIn(store.votes) : [],
    abstains: start.abstainThrough !== undefined,
    pins: start.pins.length,
    warnings: [],
    durationMs: 0,
  };
}
