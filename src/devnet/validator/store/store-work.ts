/**
 * Does the engine's outputs that are about the store. The end of each is told to the judge first and then given back
 * to the engine. A refusal of the store is given back too; any other failure ends the validator.
 */
import { unlessGone } from "../../../avail/offers.js";
import { PersisterError } from "../../../types/errors.js";
import type { LaneId } from "../../../types/lane.js";
import { readSignedBlockHeader } from "../../../wire/codec/block-header.js";
import { decodeCommitQC, decodeSignedBlock } from "../../../wire/codec/decode.js";
import { encodePersistedInner } from "../../../wire/codec/encode.js";
import { commitVoteDigest } from "../../../wire/hash.js";
import type { Block, BlockHeader, CommitQC } from "../../../wire/messages.js";
import { globalRange } from "../../../wire/rules/proposal.js";
import { appHashOf } from "../../protocol/execution.js";
import type { Latencies } from "../latencies.js";
import type { Message } from "../../protocol/message.js";
import { digestOf, type Report } from "../../judge/report.js";
import type { Input, Output } from "../../protocol/step.js";
import { Places } from "./places.js";
import { replay } from "./replay.js";
import { mayVoteFor, placeOfVote, type Store, votesDigest } from "./store.js";
import { decisionOf, signedIn, startsOf } from "../../judge/telling.js";

export interface WorkPort {
  readonly lane: LaneId;
  /** There is no other validator. */
  readonly isAlone: boolean;
  readonly give: (input: Input) => void;
  readonly say: (message: Message, to: LaneId | undefined) => void;
  readonly report: (report: Report) => void;
  readonly fail: (cause: unknown) => void;
  /** Aborted when the validator closes. */
  readonly signal: AbortSignal;
}

type Of<Kind extends Output["kind"]> = Extract<Output, { kind: Kind }>;

export class StoreWork {
  readonly #store: Store;
  readonly places: Places;
  readonly #latencies: Latencies;
  readonly #port: WorkPort;
  /** Two lines of work, each done in order: reading what is sent, and storing commit QCs of the road. */
  readonly #lines = { sending: Promise.resolve(), road: Promise.resolve() };
  readonly #anchors: { isBusy: boolean; next: Of<"storeAnchor"> | undefined };

  constructor(store: Store, latencies: Latencies, port: WorkPort) {
    this.#store = store;
    this.#latencies = latencies;
    this.#port = port;
    this.#anchors = { isBusy: false, next: undefined };
    this.places = new Places(store, { signal: port.signal, watch: (work) => this.#watch(work) });
  }

  /** Tells the engine of durable blocks and commit QCs, from now on. */
  begin(): void {
    this.#watch(this.#offerBlocks());
    this.#watch(this.#offerCommitQCs());
  }

  storeBlock(bytes: Uint8Array, header: BlockHeader): void {
    this.#watch(this.#storeBlock(bytes, header));
  }

  storeCommitQC({ qc }: Of<"storeCommitQC">): void {
    this.#inLine("road", () => this.#storeCommitQC(qc));
  }

  /** While an anchor is being stored, only the newest of those that come is kept: it is stored next. */
  storeAnchor(output: Of<"storeAnchor">): void {
    this.#anchors.next = output;
    if (!this.#anchors.isBusy) this.#watch(this.#storeAnchors());
  }

  storeVotes(output: Of<"storeVotes">): void {
    this.#watch(this.#storeVotes(output));
  }

  execute(output: Of<"execute">): void {
    this.#watch(this.#execute(output));
  }

  raiseGuard(output: Of<"raiseGuard">): void {
    this.#watch(this.#raiseGuard(output));
  }

  release(output: Of<"release">): void {
    this.#watch(this.#release(output));
  }

  sendBlocks(output: Of<"sendBlocks">): void {
    this.#inLine("sending", () => this.#sendBlocks(output));
  }

  broadcastBehind({ message }: Of<"broadcastBehind">): void {
    this.#inLine("sending", async () => this.#port.say(message, undefined));
  }

  sendCommitQC(output: Of<"sendCommitQC">): void {
    this.#inLine("sending", () => this.#sendCommitQC(output));
  }

  /** Resolves when both lines of work are done. */
  async settled(): Promise<void> {
    await Promise.all(Object.values(this.#lines));
  }

  async #offerBlocks(): Promise<void> {
    const { report, give, signal } = this.#port;
    for await (const { lane, number, headerHash } of this.#store.durableBlocks({ signal })) {
      this.#latencies.durable(lane, number);
      const bytes = await unlessGone(this.#store.readBlock(lane, number));
      // The block was pruned meanwhile: an anchor covers it, and a vote for it is of no use.
      if (bytes === undefined) continue;
      report({ kind: "blockDurable", lane, number, digest: digestOf(headerHash) });
      const header = readSignedBlockHeader(bytes);
      const voted = (mayVote: boolean): void => give({ kind: "blockDurable", header, mayVote });
      voted(await this.places.mayNow(placeOfVote(header), () => voted(true)));
    }
  }

  async #storeBlock(bytes: Uint8Array, { lane, blockNumber: number }: BlockHeader): Promise<void> {
    const { give, signal } = this.#port;
    this.#latencies.arrived(lane, number);
    const admission = await unlessRefused(this.#store.pushBlock(bytes, { signal }));
    if (admission?.status !== "admitted") give({ kind: "blockRefused", lane, number });
  }

  async #storeCommitQC(qc: CommitQC): Promise<void> {
    const { index } = qc.vote.view;
    const pushed = this.#store.pushCommitQC(qc).then(() => true);
    if ((await unlessRefused(pushed)) === undefined) {
      this.#port.give({ kind: "commitQCRefused", index });
    }
  }

  /** A commit QC that an anchor has gone past does not come: the anchor itself tells the engine. */
  async #offerCommitQCs(): Promise<void> {
    const { report, give, signal } = this.#port;
    for await (const { roadIndex: index, bytes } of this.#store.durableCommitQCs({ signal })) {
      const qc = decodeCommitQC(bytes);
      const said = { digest: digestOf(commitVoteDigest(qc.vote)), decision: decisionOf(qc.vote) };
      report({ kind: "commitQCDurable", index, ...said });
      give({ kind: "commitQCDurable", qc });
    }
  }

  async #storeAnchors(): Promise<void> {
    const { report, give, signal } = this.#port;
    this.#anchors.isBusy = true;
    for (let next = this.#nextAnchor(); next !== undefined; next = this.#nextAnchor()) {
      const { anchor } = next;
      const { index } = anchor.commitQC.vote.view;
      const tipHash = await this.#replay(next);
      await this.#store.pushAnchor(anchor);
      await this.#store.waitForAnchor(index, { signal });
      report({ kind: "anchorDurable", index, starts: startsOf(anchor) });
      give({ kind: "anchorDurable", anchor, tipHash });
    }
    this.#anchors.isBusy = false;
  }

  /** Without an archive the roads that nobody has any more are passed over. */
  async #replay({ anchor, unexecuted }: Of<"storeAnchor">): Promise<Uint8Array | undefined> {
    const { history } = this.#store;
    if (unexecuted === undefined || history === undefined) return undefined;
    const { report, lane, signal } = this.#port;
    const tipHash = await replay(anchor, unexecuted, {
      history,
      lane,
      signal,
      executed: (index, hash) => report({ kind: "executed", index, appHash: digestOf(hash) }),
    });
    const { index } = anchor.commitQC.vote.view;
    report({ kind: "replayed", first: unexecuted.next, next: index + 1n });
    return tipHash;
  }

  #nextAnchor(): Of<"storeAnchor"> | undefined {
    const { next } = this.#anchors;
    this.#anchors.next = undefined;
    return next;
  }

  /** The store writes vote states in the order in which they come. */
  async #storeVotes({ state, index, votes }: Of<"storeVotes">): Promise<void> {
    const { report, give } = this.#port;
    if (!(await this.#mayVoteAt(index))) return;
    const digest = votesDigest(state);
    report({ kind: "votesBegun", state: digest });
    const begunMs = performance.now();
    await this.#store.writeVoteState(encodePersistedInner(state), index);
    this.#latencies.voteStateDurable(begunMs);
    report({ kind: "votesDurable", state: digest, index, signed: signedIn(state) });
    give({ kind: "votesDurable", votes });
  }

  /** A lost vote was never durable, and never left: where there is nobody else, nobody can hold it. */
  async #mayVoteAt(roadIndex: bigint): Promise<boolean> {
    const verdict = await this.places.verdict({ kind: "vote", roadIndex });
    return verdict.may || (this.#port.isAlone && verdict.rule === "abstaining");
  }

  async #execute({ qc, parent }: Of<"execute">): Promise<void> {
    const { report, give } = this.#port;
    const { index } = qc.vote.view;
    const blocks: Block[] = [];
    for (const { lane, first, next } of qc.vote.laneRanges) {
      for (let number: bigint = first; number < next; number++) {
        const bytes = await unlessGone(this.#store.readBlock(lane, number));
        // The block was pruned meanwhile: an anchor covers this road, and execution continues behind it.
        if (bytes === undefined) return;
        blocks.push(decodeSignedBlock(bytes).msg);
      }
    }
    const appHash = appHashOf(parent, globalRange(qc.vote).first, blocks);
    report({ kind: "executed", index, appHash: digestOf(appHash) });
    const { may: mayVote } = await this.#store.maySign({ kind: "appVote", roadIndex: index });
    give({ kind: "executed", index, appHash, mayVote });
  }

  /** Blocks that became durable while the heights were unknown may be voted for now. */
  async #raiseGuard({ raise, reason }: Of<"raiseGuard">): Promise<void> {
    await this.#store.raiseGuard(raise, { by: "peers", reason });
    this.#port.report({ kind: "raised", reason });
    for (const [lane, { first, durable }] of this.#store.status().lanes) {
      for (let number = first; number < durable; number++) {
        const bytes = await unlessGone(this.#store.readBlock(lane, number));
        const header = bytes && readSignedBlockHeader(bytes);
        if (!header || !(await mayVoteFor(this.#store, header))) continue;
        this.#port.give({ kind: "blockDurable", header, mayVote: true });
      }
    }
  }

  async #release({ number, reason }: Of<"release">): Promise<void> {
    await this.#store.release(this.#port.lane, number, reason);
    this.#port.report({ kind: "released", number, reason });
    this.#port.give({ kind: "released", number });
  }

  async #sendBlocks({ to, lane, first, next }: Of<"sendBlocks">): Promise<void> {
    for (let number = first; number < next; number++) {
      const bytes =
        (await unlessGone(this.#store.readBlock(lane, number))) ??
        (await this.#store.readRetainedBlock(lane, number));
      if (bytes === undefined) return;
      this.#port.say({ kind: "block", bytes, header: readSignedBlockHeader(bytes) }, to);
    }
  }

  async #sendCommitQC({ to, index }: Of<"sendCommitQC">): Promise<void> {
    const bytes =
      (await unlessGone(this.#store.readCommitQC(index))) ??
      (await this.#store.readRetainedCommitQC(index));
    if (bytes !== undefined) this.#port.say({ kind: "commitQC", qc: decodeCommitQC(bytes) }, to);
  }

  #inLine(line: "sending" | "road", work: () => Promise<void>): void {
    const done = this.#lines[line].then(work);
    this.#watch(done);
    this.#lines[line] = done.catch(() => undefined);
  }

  /** Lets `work` run by itself. An error ends the validator, unless closing caused it. */
  #watch(work: Promise<void>): void {
    work.catch((cause: unknown) => {
      if (!this.#port.signal.aborted) this.#port.fail(cause);
    });
  }
}

/**
 * Refusals of a message: it is late, early or not valid, or another message is held in its place.
 */
const refusals: ReadonlySet<string> = new Set([
  "INVALID",
  "OUT_OF_SEQUENCE",
  "DUPLICATE",
  "CONFLICT",
  "PINNED",
]);

async function unlessRefused<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof PersisterError && refusals.has(cause.code)) return undefined;
    throw cause;
  }
}
