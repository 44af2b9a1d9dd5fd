/**
 * The protocol as one validator runs it: lanes, rounds, execution and catching up, put together.
 * Pure and deterministic: `handle` takes an event and returns the work that follows from it; time
 * comes in.
 *
 * The order of things: a block is durable, then voted for; a lane QC, then a proposal; a vote state
 * is durable, then its votes leave; a commit QC is durable, then the next road begins; a road is
 * executed, then voted for; an app QC with its commit QC is the anchor, and what lies below it is
 * pruned.
 */
import type { LaneId } from "../../types/lane.js";
import { max } from "../../types/numbers.js";
import { assert, assertNever } from "../../types/assert.js";
import type { ViewStart } from "../../wire/rules/full-proposal.js";
import type { CommitQC, Timestamp, View } from "../../wire/messages.js";
import { Answers } from "./answers.js";
import { CatchUp, PinQuestions, type Standing } from "./catch-up.js";
import { Execution } from "./execution.js";
import { GuardQuestions } from "./guard-questions.js";
import { Lanes } from "./lanes.js";
import type { Message, RoadRange } from "./message.js";
import { Round, type Signer } from "./round.js";
import type { EngineStart, Input, Output } from "./step.js";
import { viewOf } from "./views.js";

/** After so many ticks without a new road, all messages that may have been lost are said again. */
const QUIET_TICKS = 3;
/** A question with an empty range asks for the newest anchor. */
const NEWEST_ANCHOR: RoadRange = { first: 0n, next: 0n };

export class Engine {
  /** Our own lane. */
  readonly lane: LaneId;
  readonly #lanes: Lanes;
  readonly #round: Round;
  readonly #execution: Execution;
  readonly #catchUp: CatchUp;
  readonly #answers: Answers;
  readonly #pins: PinQuestions;
  readonly #guards: GuardQuestions;
  readonly #laneNames: readonly LaneId[];
  readonly #now: () => Timestamp;
  /** The first road index whose commit QC is not durable, and the first not on its way to disk. */
  #road: { durable: bigint; taken: bigint };
  #quietTicks = 0;

  constructor(signer: Signer, start: EngineStart, now: () => Timestamp) {
    const { members } = signer.epoch.committee;
    const own = members.find(({ key }) => Buffer.compare(key, signer.keys.publicKey) === 0)?.lane;
    assert(own !== undefined, "the signer is in the committee");
    this.lane = own;
    this.#now = now;
    this.#laneNames = members.map(({ lane }) => lane);
    const peers = this.#laneNames.filter((lane) => lane !== own);
    this.#lanes = new Lanes(signer, own, start);
    this.#execution = new Execution(signer, start);
    this.#catchUp = new CatchUp(peers.length > 0);
    this.#answers = new Answers(this.#lanes, this.#execution, new Set(this.#laneNames));
    this.#pins = new PinQuestions(own, peers, start);
    this.#guards = new GuardQuestions(own, signer.epoch.committee, start.isGuardUnknown);
    const commitQC = start.road.qcs.at(-1) ?? start.anchor?.commitQC;
    const { votes } = start;
    // A lost vote was never durable, so it never left; where there is nobody else, nobody can hold it.
    // A committee of one that abstained would wait for itself for ever (D6).
    const abstainThrough = peers.length > 0 ? start.abstainThrough : undefined;
    const decided = (qc: CommitQC, out: Output[]): void => this.#takeCommitQC(qc, out);
    this.#round = new Round(signer, { commitQC, votes, abstainThrough, decided });
    const next = this.#round.view.index;
    this.#road = { durable: next, taken: next };
    if (start.anchor !== undefined) this.#lanes.anchored(start.anchor.commitQC.vote);
    if (commitQC !== undefined) this.#lanes.committed(commitQC.vote);
  }

  get view(): View {
    return this.#round.view;
  }

  /** The rules that a proposal of the current view must follow. */
  get viewStart(): ViewStart {
    return this.#round.start;
  }

  get executedNext(): bigint {
    return this.#execution.next;
  }

  get isAbstaining(): boolean {
    return this.#round.isAbstaining;
  }

  /** Whether a peer has commit QCs well above the next road that is executed here. */
  get isBehind(): boolean {
    return this.#catchUp.isBehind;
  }

  /** The first outputs after a start: votes for durable blocks, and the current view. */
  begin({ lanes }: EngineStart): Output[] {
    const out: Output[] = [];
    for (const { votable } of lanes.values())
      for (const header of votable) this.#lanes.vote(header, out);
    this.#round.begin(out);
    this.#goOn(out);
    return out;
  }

  /** Whether a message would change anything here. If not, it need not be verified. */
  wants(message: Message): boolean {
    switch (message.kind) {
      case "laneVote":
        return this.#lanes.wantsVote(message.vote);
      case "proposal":
      case "prepareVote":
      case "commitVote":
      case "timeoutVote":
      case "timeoutQC":
        return this.#round.wants(message);
      case "commitQC":
        return message.qc.vote.view.index === this.#road.taken;
      case "appVote":
        return this.#execution.wantsVote(message.vote);
      case "anchor":
        return (
          message.anchor.commitQC.vote.view.index === this.#road.taken ||
          this.#execution.wantsAnchor(message.anchor) ||
          this.#catchUp.isStuck
        );
      case "hello":
      case "status":
      case "askRoad":
      case "askLane":
      case "askHeld":
      case "held":
      case "askSigned":
      case "signed":
      case "block":
        return true;
      default:
        return assertNever(message);
    }
  }

  /**
   * Whether a message is about a view that this validator is about to reach: its sender has the
   * commit QC on disk already, and we have not. The caller keeps such a message until the view
   * changes.
   */
  isEarly(message: Message): boolean {
    const isVote =
      message.kind === "proposal" ||
      message.kind === "prepareVote" ||
      message.kind === "commitVote" ||
      message.kind === "timeoutVote";
    if (!isVote) return false;
    const { index, number } = viewOf(message);
    const { view } = this.#round;
    return index === view.index + 1n || (index === view.index && number > view.number);
  }

  /** Takes one input; returns the work that follows from it, in order. */
  handle(input: Input): Output[] {
    const out: Output[] = [];
    this.#take(input, out);
    this.#goOn(out);
    return out;
  }

  #take(input: Input, out: Output[]): void {
    switch (input.kind) {
      case "message":
        return this.#takeMessage(input.from, input.message, out);
      case "blockDurable":
        return this.#lanes.blockDurable(input.header, input.mayVote, out);
      case "blockRefused":
        return this.#lanes.blockRefused(input.lane, input.number);
      case "produced":
        return this.#lanes.produced(input.header, input.headerHash);
      case "notProduced":
        return this.#lanes.notProduced();
      case "commitQCDurable":
        return this.#commitQCDurable(input.qc, out);
      case "commitQCRefused":
        if (input.index < this.#road.taken) this.#road.taken = max(input.index, this.#road.durable);
        return;
      case "anchorDurable":
        return this.#anchorDurable(input, out);
      case "votesDurable":
        return this.#round.votesDurable(input.votes, out);
      case "executed":
        return this.#execution.executed(input, out);
      case "released":
        return this.#lanes.released(input.number);
      case "viewOver":
        return this.#round.giveUp(input.view, out);
      case "tick":
        return this.#tick(input, out);
      default:
        return assertNever(input);
    }
  }

  #takeMessage(from: LaneId, message: Message, out: Output[]): void {
    switch (message.kind) {
      case "hello":
        return;
      case "status":
        this.#answers.heard(from, message.status);
        return this.#catchUp.ask(from, message.status, this.#standing(), out);
      case "askRoad":
        return this.#answers.road({ to: from, durable: this.#road.durable }, message.range, out);
      case "askLane":
        return this.#answers.lane(from, message.range, out);
      case "askHeld":
        return this.#answers.held(from, message.range, out);
      case "held":
        return this.#pins.answered(from, message.range, out);
      case "askSigned":
        return this.#answers.signed(from, message.lane, this.#round.view.index, out);
      case "signed":
        return this.#guards.answered(from, message.status, out);
      case "block":
        return this.#lanes.takeBlock(message, out);
      case "laneVote":
        return this.#lanes.takeVote(message.vote);
      case "commitQC":
        return this.#takeCommitQC(message.qc, out);
      case "appVote":
        return this.#execution.takeVote(message.vote, out);
      case "anchor": {
        const { anchor } = message;
        const isTaken = anchor.commitQC.vote.view.index < this.#road.taken;
        this.#takeCommitQC(anchor.commitQC, out);
        if (this.#catchUp.isStuck) this.#execution.jump(anchor, isTaken, out);
        else this.#execution.takeAnchor(anchor, out);
        return;
      }
      case "proposal":
      case "prepareVote":
      case "commitVote":
      case "timeoutVote":
      case "timeoutQC":
        return this.#round.take(message, out);
      default:
        return assertNever(message);
    }
  }

  /** The steps that any input may have made possible: to execute, to propose, to make a block. */
  #goOn(out: Output[]): void {
    this.#execution.execute((qc) => this.#hasBlocksOf(qc), out);
    this.#round.propose(() => this.#lanes.cut(), this.#now(), out);
    this.#lanes.produce(out);
  }

  #hasBlocksOf({ vote }: CommitQC): boolean {
    return vote.laneRanges.every(({ lane, next }) => this.#lanes.at(lane).durable >= next);
  }

  /** Hands the next commit QC of the road to the store. */
  #takeCommitQC(qc: CommitQC, out: Output[]): void {
    if (qc.vote.view.index !== this.#road.taken) return;
    this.#road.taken += 1n;
    out.push({ kind: "storeCommitQC", qc });
  }

  #commitQCDurable(qc: CommitQC, out: Output[]): void {
    this.#execution.committed(qc);
    this.#reached(qc, out);
  }

  #anchorDurable(
    { anchor, tipHash }: Extract<Input, { kind: "anchorDurable" }>,
    out: Output[],
  ): void {
    const { commitQC } = anchor;
    this.#lanes.anchored(commitQC.vote, tipHash);
    this.#execution.anchored(anchor);
    this.#reached(commitQC, out);
  }

  /** A commit QC is durable, by itself or in an anchor: the next road begins behind it. */
  #reached(qc: CommitQC, out: Output[]): void {
    const next = qc.vote.view.index + 1n;
    if (next <= this.#road.durable) return;
    this.#road = { durable: next, taken: max(next, this.#road.taken) };
    this.#lanes.committed(qc.vote);
    const mine = qc.vote.laneRanges.find(({ lane }) => lane === this.lane);
    if (mine !== undefined) this.#pins.covered(mine.next);
    this.#quietTicks = 0;
    this.#round.advance(qc, out);
  }

  #tick({ served, isGuarded }: Extract<Input, { kind: "tick" }>, out: Output[]): void {
    this.#answers.served = served;
    this.#answers.isGuarded = isGuarded;
    this.#lanes.tick();
    this.#guards.tick(out);
    out.push({ kind: "broadcast", message: { kind: "status", status: served } });
    this.#pins.tick(out);
    this.#catchUp.tick(this.#standing());
    if (this.#catchUp.isStuck) {
      out.push({ kind: "broadcast", message: { kind: "askRoad", range: NEWEST_ANCHOR } });
    }
    this.#quietTicks += 1;
    if (this.#quietTicks % QUIET_TICKS > 0) return;
    this.#lanes.sayAgain(out);
    this.#round.sayAgain(out);
    this.#execution.sayAgain(out);
  }

  #standing(): Standing {
    const lanes = new Map(
      this.#laneNames.map((lane) => {
        const next = this.#lanes.at(lane).taken;
        return [lane, { next, room: this.#lanes.roomOf(lane) }] as const;
      }),
    );
    const { next: executedNext, anchorNext } = this.#execution;
    return { roadNext: this.#road.taken, executedNext, anchorNext, lanes };
  }
}
