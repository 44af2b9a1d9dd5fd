/**
 * One validator: does the engine's outputs on a store, on connections and on timers, and gives the
 * ends of that work back to the engine. Each message is told to the judge before it leaves
 * (`report.ts`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { buildBlock, signBlock } from "../../wire/build.js";
import type { Epoch } from "../../wire/committee.js";
import type { KeyPair } from "../../wire/signatures/signer.js";
import { encodeSignedBlock } from "../../wire/codec/encode.js";
import { headerHash } from "../../wire/hash.js";
import type { Timestamp, View } from "../../wire/messages.js";
import type { Verifier } from "../../wire/verifier.js";
import { Engine } from "../protocol/engine.js";
import { EarlyMessages, Gate } from "./gate.js";
import { Latencies } from "./latencies.js";
import { PeerLines } from "./peer-lines.js";
import type { Message, PeerStatus } from "../protocol/message.js";
import type { Report, Stats } from "../judge/report.js";
import type { EngineStart, Input, Output } from "../protocol/step.js";
import { stepMs } from "../protocol/views.js";
import { readStart, recoveredReport, servedBy, type Store } from "./store/store.js";
import { StoreWork } from "./store/store-work.js";
import { saying } from "../judge/telling.js";
import { Listener, Parting } from "./transport.js";

const TICK_MS = 100;
const STATS_MS = 250;
const TX_BYTES = 1024;

export interface ValidatorSettings {
  readonly keys: KeyPair;
  readonly epoch: Epoch;
  readonly payloadBytes: number;
  readonly paceMs?: number | undefined;
  /** The store uses it too. Its maker closes it. */
  readonly verifier: Verifier;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly report: (report: Report) => void;
}

export class Validator {
  readonly lane: LaneId;
  /** Rejects with the first error, which ends this validator. */
  readonly failed: Promise<never>;
  readonly #settings: ValidatorSettings;
  readonly #store: Store;
  readonly #engine: Engine;
  readonly #work: StoreWork;
  readonly #gate: Gate;
  readonly #latencies = new Latencies();
  readonly #lines: PeerLines;
  readonly #parting = new Parting();
  readonly #stop = new AbortController();
  readonly #intervals: NodeJS.Timeout[] = [];
  /** Inputs that came while another one was worked on. */
  readonly #inbox: Input[] = [];
  readonly #early = new EarlyMessages();
  #isWorking = false;
  #fail: (cause: unknown) => void = () => undefined;
  #viewTimer: NodeJS.Timeout | undefined;
  #listener: Listener | undefined;

  private constructor(store: Store, settings: ValidatorSettings, start: EngineStart) {
    const { keys, epoch, report, verifier } = settings;
    const { signal } = this.#stop;
    this.#settings = settings;
    this.#store = store;
    this.#engine = new Engine({ keys, epoch }, start, timestampNow);
    this.lane = this.#engine.lane;
    this.#lines = new PeerLines(this.lane, this.#parting);
    this.#gate = new Gate(epoch, verifier);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // `failed` may reject before its caller looks at it: that is no unhandled rejection.
    this.failed.catch(() => undefined);
    this.#work = new StoreWork(store, this.#latencies, {
      lane: this.lane,
      isAlone: epoch.committee.members.length === 1,
      report,
      signal,
      give: (input) => this.#give(input),
      say: (message, to) => this.#say(message, to),
      fail: (cause) => this.#fail(cause),
    });
  }

  /** Starts on an open store, and takes it over. Listens when resolved. */
  static async start(store: Store, settings: ValidatorSettings): Promise<Validator> {
    const own = settings.epoch.committee.memberOf(settings.keys.publicKey);
    if (own === undefined) throw new PersisterError("USAGE", "the key is not in the committee");
    const start = await readStart(store, own.lane);
    settings.report(recoveredReport(store, start));
    const validator = new Validator(store, settings, start);
    await validator.#begin(start);
    return validator;
  }

  /** This machine of the peer that owns `lane` listens at `port` from now on. */
  dial(lane: LaneId, machine: number, port: number): void {
    this.#lines.dial(lane, machine, port);
  }

  /** Takes the reservations from the other machine. Without an answer it goes on trying. */
  take(reason: string): void {
    const { signal } = this.#stop;
    this.#store.takeReservations?.({ reason }, { signal }).catch((cause: unknown) => {
      if (!signal.aborted) this.#fail(cause);
    });
  }

  /** Whether messages come and go from now on. */
  reach(peers: boolean): void {
    this.#parting.set(!peers);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#viewTimer);
    for (const interval of this.#intervals) clearInterval(interval);
    this.#listener?.close();
    this.#lines.close();
    await this.#work.settled();
    this.#settings.report(this.#stats());
    await this.#store.close();
  }

  async #begin(start: EngineStart): Promise<void> {
    const { report } = this.#settings;
    const receive = (from: LaneId, message: Message) => this.#receive(from, message);
    this.#listener = await Listener.open(receive, this.#fail);
    report({ kind: "listening", port: this.#listener.port });
    this.#work.begin();
    const tick = (): void => {
      const isGuarded = this.#store.status().guards?.standing.includes("votes") ?? false;
      this.#give({ kind: "tick", served: this.#served, isGuarded });
    };
    this.#intervals.push(setInterval(tick, TICK_MS));
    this.#intervals.push(setInterval(() => report(this.#stats()), STATS_MS));
    this.#performAll(() => this.#engine.begin(start));
  }

  async #receive(from: LaneId, message: Message): Promise<void> {
    await this.#parting.over;
    if (this.#stop.signal.aborted) return;
    // The answer waits until all that the earlier life has sent is here: its connection has ended then.
    if (message.kind === "askSigned" && this.#listener?.hasOneConnectionOf(from) !== true) return;
    if (!this.#engine.wants(message)) {
      this.#early.keep(this.#engine, { from, message });
      return;
    }
    if (await this.#gate.admits(message, this.#engine.viewStart)) {
      this.#give({ kind: "message", from, message });
    }
  }

  /**
   * One input at a time: an input that an output gives back at once waits for the other outputs.
   */
  #give(input: Input): void {
    this.#inbox.push(input);
    if (this.#isWorking || this.#stop.signal.aborted) return;
    this.#performAll(() => []);
  }

  #performAll(first: () => Output[]): void {
    this.#isWorking = true;
    try {
      for (const output of first()) this.#perform(output);
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const output of this.#engine.handle(next)) this.#perform(output);
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#isWorking = false;
    }
    for (const { from, message } of this.#early.take(this.#engine)) {
      this.#receive(from, message).catch(this.#fail);
    }
  }

  #perform(output: Output): void {
    switch (output.kind) {
      case "broadcast":
        return this.#say(output.message, undefined);
      case "send":
        return this.#say(output.message, output.to);
      case "broadcastBehind":
        return this.#work.broadcastBehind(output);
      case "storeBlock":
        return this.#work.storeBlock(output.message.bytes, output.message.header);
      case "produce":
        return void this.#produce(output).catch(this.#fail);
      case "startTimer":
        return this.#startTimer(output.view);
      case "sendBlocks":
        return this.#work.sendBlocks(output);
      case "sendCommitQC":
        return this.#work.sendCommitQC(output);
      case "storeCommitQC":
        return this.#work.storeCommitQC(output);
      case "storeAnchor":
        return this.#work.storeAnchor(output);
      case "storeVotes":
        return this.#work.storeVotes(output);
      case "execute":
        return this.#work.execute(output);
      case "raiseGuard":
        return this.#work.raiseGuard(output);
      case "release":
        return this.#work.release(output);
    }
  }

  /** Tells the judge, then sends: to one peer, or to all. */
  #say(message: Message, to: LaneId | undefined): void {
    if (this.#stop.signal.aborted) return;
    const isOwn = message.kind !== "block" || message.header.lane === this.lane;
    const said = isOwn ? saying(message) : undefined;
    if (said !== undefined) this.#settings.report(said);
    this.#lines.send(message, to, said && (() => this.#settings.report({ kind: "left" })));
    if (message.kind === "laneVote") {
      const { lane, blockNumber: number } = message.vote.msg;
      this.#latencies.voted(lane, number);
    }
  }

  /** Makes a block of our own lane. It leaves when it is durable; so do the votes for any block. */
  async #produce({ number, parentHash }: Extract<Output, { kind: "produce" }>): Promise<void> {
    const { paceMs } = this.#settings;
    if (paceMs !== undefined) await sleep(paceMs);
    const may = await this.#work.places.mayNow({ kind: "block", lane: this.lane, number });
    if (this.#stop.signal.aborted) return;
    if (!may) return this.#give({ kind: "notProduced" });
    const { payloadBytes, randomBytes, keys } = this.#settings;
    const random = randomBytes(payloadBytes);
    const txs: Uint8Array[] = [];
    for (let at = 0; at < payloadBytes; at += TX_BYTES) {
      txs.push(random.subarray(at, at + TX_BYTES));
    }
    const gas = BigInt(payloadBytes);
    const payload = { createdAt: timestampNow(), txs, totalGasWanted: gas, totalGasEstimated: gas };
    const place = { lane: this.lane, blockNumber: number, parentHash };
    const block = buildBlock({ ...place, payload });
    const { header } = block;
    this.#work.storeBlock(encodeSignedBlock(signBlock(block, keys)), header);
    this.#give({ kind: "produced", header, headerHash: headerHash(header) });
  }

  #startTimer(view: View): void {
    clearTimeout(this.#viewTimer);
    const giveUp = (): void => this.#give({ kind: "viewOver", view });
    this.#viewTimer = setTimeout(giveUp, stepMs(view.number));
  }

  get #served(): PeerStatus {
    const lanes = this.#settings.epoch.committee.members.map(({ lane }) => lane);
    return servedBy(this.#store, lanes, this.lane);
  }

  #stats(): Stats {
    const { lanes, road, anchorRoadIndex, disk, verified, reservations } = this.#store.status();
    const [own, served] = [lanes.get(this.lane), this.#served];
    const { user, system } = process.cpuUsage();
    const { view, isAbstaining, isBehind, executedNext } = this.#engine;
    // The roads below were for the machine before.
    const isAbove = (reservations?.places.get("road")?.first ?? 0n) > view.index;
    return {
      kind: "stats",
      state: isBehind ? "catching up" : isAbstaining || isAbove ? "abstaining" : "live",
      standsBy: reservations !== undefined && reservations.state !== "holding",
      laneNext: own?.next ?? 0n,
      laneDurable: own?.durable ?? 0n,
      road: road.durable,
      view: view.number,
      executed: executedNext,
      anchor: anchorRoadIndex,
      servesFirst: [served.road, ...served.lanes].some(({ first }) => first === 0n),
      diskBytes: disk.bytes,
      rssBytes: process.memoryUsage.rss(),
      cpuMs: (user + system) / 1000,
      verified,
      ...this.#latencies.medians,
    };
  }
}

function timestampNow(): Timestamp {
  const nowMs = Date.now();
  return { seconds: BigInt(Math.floor(nowMs / 1000)), nanos: (nowMs % 1000) * 1_000_000 };
}
