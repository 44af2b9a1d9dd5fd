/** One validator's part in the views of a road index: what it signs, and what it never does. */
import { verifyFullProposal, verifyTimeoutQC } from "../../../src/wire/rules/verify.js";
import { describe, expect, test } from "vitest";
import { stepMs } from "../../../src/devnet/protocol/views.js";
import { Round, type RoundStart } from "../../../src/devnet/protocol/round.js";
import type { Output, VoteMessage } from "../../../src/devnet/protocol/step.js";
import * as certificates from "../../../src/testing/certificates.js";
import * as build from "../../../src/wire/build.js";
import type {
  FullProposal,
  PersistedInner,
  Proposal,
  TimeoutQC,
  View,
} from "../../../src/wire/messages.js";
import { committee, epoch, keys, laneQC } from "../../wire/samples.js";

const at = (number: bigint): View => ({ index: 0n, number, epochIndex: 0n });
const leaderOf = (view: View) => {
  const { key } = committee.leader(view);
  return keys.findIndex(({ publicKey }) => Buffer.compare(publicKey, key) === 0);
};
const first = at(0n);
const leader = leaderOf(first);
const [me, second, third] = [0, 1, 2, 3].filter((index) => index !== leader) as [
  number,
  number,
  number,
];

const header = laneQC.vote;
const laneRanges = committee.members.map(({ lane }) =>
  lane === header.lane ? build.laneRangeOf(lane, 0n, [header]) : build.laneRangeOf(lane, 0n, []),
);
const cut = () => ({ laneRanges, laneQCs: [laneQC] });
const now = { seconds: 1_700_000_000n, nanos: 0 };
const proposalIn = (view: View, seconds = now.seconds): Proposal => {
  return { view, timestamp: { seconds, nanos: 0 }, laneRanges, globalFirst: 0n };
};
const fullBy = (by: number, proposal: Proposal, timeoutQC?: TimeoutQC): FullProposal => {
  return { proposal: build.signProposal(proposal, keys[by]!), laneQCs: [laneQC], timeoutQC };
};

/** A round with what came out of it; `flush` makes the vote states that wait durable. */
class Player {
  readonly out: Output[] = [];
  readonly round: Round;
  readonly decided: unknown[] = [];

  constructor(index: number, start: Partial<RoundStart> = {}) {
    const none = { commitQC: undefined, votes: undefined, abstainThrough: undefined };
    const decided: RoundStart["decided"] = (qc) => this.decided.push(qc);
    const signer = { keys: keys[index]!, epoch };
    this.round = new Round(signer, { ...none, decided, ...start });
    this.round.begin(this.out);
  }

  get states(): PersistedInner[] {
    return this.out.flatMap((output) => (output.kind === "storeVotes" ? [output.state] : []));
  }

  get said(): string[] {
    return this.out.flatMap((output) => (output.kind === "broadcast" ? [output.message.kind] : []));
  }

  flush(): void {
    const waiting = this.out.filter((output) => output.kind === "storeVotes");
    for (const { votes } of waiting.slice(this.#flushed)) this.round.votesDurable(votes, this.out);
    this.#flushed = waiting.length;
  }
  #flushed = 0;

  hear(...messages: readonly VoteMessage[]): this {
    for (const message of messages) this.round.take(message, this.out);
    return this;
  }
}

const propose = (by: number, proposal: Proposal): VoteMessage => {
  return { kind: "proposal", proposal: fullBy(by, proposal) };
};
const prepare = (by: number, proposal: Proposal): VoteMessage => {
  return { kind: "prepareVote", vote: build.signPrepareVote(proposal, keys[by]!) };
};
const commit = (by: number, proposal: Proposal): VoteMessage => {
  return { kind: "commitVote", vote: build.signCommitVote(proposal, keys[by]!) };
};
const giveUp = (by: number, view: View): VoteMessage => {
  const vote = build.signTimeoutVote({ view, latestPrepareQcViewNumber: undefined }, keys[by]!);
  return { kind: "timeoutVote", vote: { vote, latestPrepareQC: undefined } };
};

describe("a view that goes well", () => {
  test("the leader's proposal and its prepare vote leave together, once they are durable", async () => {
    const player = new Player(leader);
    player.round.propose(cut, now, player.out);
    expect(player.said).toEqual([]);
    expect(player.states.map(({ prepareVote }) => prepareVote?.msg.view)).toEqual([first]);
    player.flush();
    expect(player.said).toEqual(["proposal", "prepareVote"]);
    const sent = player.out.find((o) => o.kind === "broadcast" && o.message.kind === "proposal");
    const message = sent?.kind === "broadcast" ? sent.message : undefined;
    const full = message?.kind === "proposal" ? message.proposal : undefined;
    await expect(verifyFullProposal(full!, player.round.start)).resolves.toBeUndefined();
  });

  test("nobody else proposes, and a leader without a lane QC waits", () => {
    const player = new Player(me);
    player.round.propose(cut, now, player.out);
    const waiting = new Player(leader);
    waiting.round.propose(() => undefined, now, waiting.out);
    expect([...player.states, ...waiting.states]).toEqual([]);
  });

  test("a prepare vote, a commit vote with its prepare QC, and a commit QC follow", () => {
    const player = new Player(me);
    const proposal = proposalIn(first);
    player.hear(propose(leader, proposal));
    player.flush();
    player.hear(prepare(leader, proposal), prepare(second, proposal));
    expect(player.said).toEqual(["prepareVote"]);
    expect(player.states.at(-1)?.prepareQC?.sigs).toHaveLength(3);
    expect(player.states.at(-1)?.commitVote?.msg).toEqual(proposal);
    player.flush();
    player.hear(commit(leader, proposal), commit(second, proposal), commit(third, proposal));
    expect(player.said).toEqual(["prepareVote", "commitVote"]);
    expect(player.decided).toHaveLength(1);
  });

  test("its own vote counts only once it is durable", () => {
    const player = new Player(me);
    const proposal = proposalIn(first);
    player.hear(propose(leader, proposal), prepare(leader, proposal), prepare(second, proposal));
    expect(player.states).toHaveLength(1);
    player.flush();
    expect(player.states).toHaveLength(2);
  });
});

describe("one of each in a view", () => {
  test("a second proposal gets no vote", () => {
    const player = new Player(me);
    player.hear(propose(leader, proposalIn(first)), propose(leader, proposalIn(first, 1n)));
    expect(player.states).toHaveLength(1);
  });

  test("also after a restart, with the vote that was durable and with none since", () => {
    const proposal = proposalIn(first);
    const before = new Player(me).hear(propose(leader, proposal));
    const player = new Player(me, { votes: before.states[0] });
    player.hear(propose(leader, proposalIn(first, 1n)));
    expect(player.states).toEqual([]);
    player.round.sayAgain(player.out);
    expect(player.said).toEqual(["prepareVote"]);
  });

  test("and that vote counts for itself, as for the others", () => {
    const proposal = proposalIn(first);
    const before = new Player(me).hear(propose(leader, proposal));
    const player = new Player(me, { votes: before.states[0] });
    player.hear(...[leader, second].map((by) => prepare(by, proposal)));
    expect(player.states.map(({ commitVote }) => commitVote?.msg)).toEqual([proposal]);
  });

  test("a leader that comes back does not propose again", () => {
    const before = new Player(leader);
    before.round.propose(cut, now, before.out);
    const player = new Player(leader, { votes: before.states[0] });
    player.round.propose(cut, { ...now, nanos: 5 }, player.out);
    expect(player.states).toEqual([]);
  });

  test("no prepare and no commit vote in a view that it gave up", () => {
    const player = new Player(me);
    const proposal = proposalIn(first);
    player.round.giveUp(first, player.out);
    player.hear(propose(leader, proposal));
    player.hear(...[leader, second, third].map((by) => prepare(by, proposal)));
    player.flush();
    expect(player.said).toEqual(["timeoutVote"]);
    expect(player.states).toHaveLength(1);
  });

  test("one signer counts once, whatever it says", () => {
    const player = new Player(me);
    const proposal = proposalIn(first);
    for (const seconds of [1n, 2n, 3n]) player.hear(prepare(leader, proposalIn(first, seconds)));
    player.hear(prepare(leader, proposal), prepare(second, proposal));
    expect(player.states).toEqual([]);
  });
});

describe("a view that is given up", () => {
  const others = [leader, second, third];

  test("a quorum of timeout votes begins the next one", async () => {
    const player = new Player(me);
    player.round.giveUp(first, player.out);
    player.flush();
    player.hear(...others.slice(0, 2).map((by) => giveUp(by, first)));
    expect(player.round.view).toEqual(at(1n));
    const { timeoutQC } = player.round.start;
    await expect(verifyTimeoutQC(timeoutQC!, epoch, undefined)).resolves.toBeUndefined();
  });

  test("what a quorum may have prepared is proposed again, and nothing else", async () => {
    const next = leaderOf(at(1n));
    const proposal = proposalIn(first);
    const peers = [0, 1, 2, 3].filter((index) => index !== next);
    const player = new Player(next);
    // It saw the prepare QC, and names it as it gives the view up.
    player.hear(...peers.map((by) => prepare(by, proposal)));
    player.round.giveUp(first, player.out);
    player.flush();
    player.hear(...peers.slice(0, 2).map((by) => giveUp(by, first)));
    player.round.propose(cut, { ...now, nanos: 7 }, player.out);
    player.flush();
    const said = player.out.flatMap((output) =>
      output.kind === "broadcast" && output.message.kind === "proposal" ? [output.message] : [],
    );
    const again = said.at(-1)!.proposal;
    expect(again.proposal.msg).toEqual({ ...proposal, view: at(1n) });
    await expect(verifyFullProposal(again, player.round.start)).resolves.toBeUndefined();
  });

  test("is given up by all once more have than may be faulty: the rest is no quorum", () => {
    const player = new Player(me);
    player.hear(giveUp(leader, first));
    expect(player.states).toEqual([]);
    player.hear(giveUp(second, first));
    expect(player.states.map(({ timeoutVote }) => timeoutVote?.vote.msg.view)).toEqual([first]);
    player.flush();
    expect(player.said).toEqual(["timeoutVote", "timeoutQC"]);
    expect(player.round.view).toEqual(at(1n));
  });

  test("has its time anew with each step: its proposal, and the prepare QC", () => {
    const player = new Player(me);
    const timers = () => player.out.filter(({ kind }) => kind === "startTimer").length;
    expect(timers()).toBe(1);
    const proposal = proposalIn(first);
    player.hear(propose(leader, proposal));
    expect(timers()).toBe(2);
    player.hear(...[leader, second, third].map((by) => prepare(by, proposal)));
    expect(timers()).toBe(3);
  });

  test("waits twice as long as the one before it, and 16 s at most", () => {
    const waits = [0n, 1n, 2n, 5n, 6n, 2n ** 64n - 1n].map(stepMs);
    expect(waits).toEqual([500, 1_000, 2_000, 16_000, 16_000, 16_000]);
  });

  test("the timer of a view that is over gives up nothing", () => {
    const player = new Player(me);
    player.round.giveUp(at(5n), player.out);
    expect(player.states).toEqual([]);
  });
});

describe("after a vote state was lost in flight (D6)", () => {
  test("nothing is signed up to that road index", () => {
    const player = new Player(me, { abstainThrough: 0n });
    const proposal = proposalIn(first);
    player.hear(propose(leader, proposal));
    player.hear(...[leader, second, third].map((by) => prepare(by, proposal)));
    player.round.giveUp(first, player.out);
    expect(player.states).toEqual([]);
    expect(player.said).toEqual([]);
  });

  test("the others' votes still decide, and the road behind is its own again", () => {
    const player = new Player(me, { abstainThrough: 0n });
    const proposal = proposalIn(first);
    player.hear(...[leader, second, third].map((by) => commit(by, proposal)));
    expect(player.decided).toHaveLength(1);
    const qc = certificates.buildCommitQC(
      proposal,
      [leader, second, third].map((by) => keys[by]!),
    );
    player.round.advance(qc, player.out);
    expect(player.round.isAbstaining).toBe(false);
    expect(player.round.view.index).toBe(1n);
  });
});
