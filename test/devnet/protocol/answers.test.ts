/** The word of a peer about a lane: a vote proves a block, as the block itself does. */
import { describe, expect, test } from "vitest";
import { Answers } from "../../../src/devnet/protocol/answers.js";
import { Execution } from "../../../src/devnet/protocol/execution.js";
import { GuardQuestions } from "../../../src/devnet/protocol/guard-questions.js";
import { Lanes } from "../../../src/devnet/protocol/lanes.js";
import type { PeerStatus } from "../../../src/devnet/protocol/message.js";
import type { Output } from "../../../src/devnet/protocol/step.js";
import { signLaneVote } from "../../../src/wire/build.js";
import { ZERO_HASH } from "../../../src/wire/messages.js";
import type { KeyPair } from "../../../src/wire/signatures/signer.js";
import { block, committee, epoch, first, keys } from "../../wire/samples.js";
import { nothing } from "./start.js";

const signer = { keys: first, epoch };
const [own, other] = committee.members.map(({ lane }) => lane);
const headerAt = (lane: typeof own, blockNumber: bigint) => ({
  ...block.header,
  lane: lane!,
  blockNumber,
});

function validator() {
  const lanes = new Lanes(signer, own!, nothing);
  const known = new Set(committee.members.map(({ lane }) => lane));
  const answers = new Answers(lanes, new Execution(signer, nothing), known);
  answers.isGuarded = false;
  return { lanes, answers };
}

describe("a peer that is asked for a lane", () => {
  const { lanes, answers } = validator();
  const next = (): bigint | undefined => {
    const out: Output[] = [];
    answers.signed(other!, other!, 0n, out);
    const [said] = out.map((each) => (each.kind === "send" ? each.message : undefined));
    return said?.kind === "signed"
      ? said.status.lanes.find(({ lane }) => lane === other)?.next
      : undefined;
  };
  const isHeld = (number: bigint): boolean => {
    const out: Output[] = [];
    answers.held(
      other!,
      { lane: other!, first: number, next: number + 1n, lastHash: ZERO_HASH },
      out,
    );
    const [said] = out.map((each) => (each.kind === "send" ? each.message : undefined));
    return said?.kind === "held" && said.range.first < said.range.next;
  };

  test("tells of a block for which it has heard a vote, though it never had the block", () => {
    expect(next()).toBe(0n);
    expect(isHeld(7n)).toBe(false);
    lanes.takeVote(signLaneVote(headerAt(other, 7n), keys[1]!));
    expect(next()).toBe(8n);
    expect(isHeld(7n)).toBe(true);
    expect(isHeld(8n)).toBe(false);
  });
});

describe("a peer that was started anew", () => {
  const said = (answers: Answers): PeerStatus | undefined => {
    const out: Output[] = [];
    answers.signed(other!, other!, 0n, out);
    const [sent] = out.map((each) => (each.kind === "send" ? each.message : undefined));
    return sent?.kind === "signed" ? sent.status : undefined;
  };
  const status = (next: bigint, isWhole: boolean): PeerStatus => ({
    road: { first: 0n, next: 0n },
    lanes: [{ lane: other!, first: 0n, next, lastHash: ZERO_HASH }],
    isWhole,
  });
  const endIn = (answer: PeerStatus | undefined): bigint | undefined =>
    answer?.lanes.find(({ lane }) => lane === other)?.next;

  test("may have forgotten a vote, and says so until the lane's owner tells its end", () => {
    const before = validator();
    before.lanes.takeVote(signLaneVote(headerAt(other, 7n), keys[1]!));
    before.answers.heard(other!, status(5n, true));
    expect(said(before.answers)).toMatchObject({ isWhole: true });
    expect(endIn(said(before.answers))).toBe(8n);

    const { answers } = validator();
    expect(said(answers)).toMatchObject({ isWhole: false });
    answers.heard(other!, status(5n, false));
    expect(said(answers)).toMatchObject({ isWhole: false });
    answers.heard(own!, status(9n, true));
    expect(said(answers)).toMatchObject({ isWhole: false });
    answers.heard(other!, status(8n, true));
    expect(said(answers)).toMatchObject({ isWhole: true });
    expect(endIn(said(answers))).toBe(8n);
  });

  test("keeps the highest end that it was told: a life that was restored tells of less", () => {
    const { answers } = validator();
    answers.heard(other!, status(8n, true));
    answers.heard(other!, status(3n, true));
    answers.heard(other!, status(3n, false));
    expect(endIn(said(answers))).toBe(8n);
  });
});

describe("a validator that is far behind", () => {
  test("counts a vote of the lane's owner all the same, and no other's", () => {
    const { lanes } = validator();
    const far = headerAt(other, 1_000n);
    const owner = committee.memberOfLane(other!)?.key;
    const isOwners = ({ publicKey }: KeyPair): boolean =>
      Buffer.compare(publicKey, owner ?? publicKey) === 0;
    for (const stranger of keys.filter((each) => !isOwners(each))) {
      const vote = signLaneVote(far, stranger);
      expect(lanes.wantsVote(vote)).toBe(false);
      lanes.takeVote(vote);
    }
    expect(lanes.heardNext(other!)).toBe(0n);
    const word = signLaneVote(far, keys.find(isOwners)!);
    expect(lanes.wantsVote(word)).toBe(true);
    lanes.takeVote(word);
    expect(lanes.heardNext(other!)).toBe(1_001n);
    expect(lanes.wantsVote(word)).toBe(false);
  });
});

describe("a restored validator that asks its peers", () => {
  const ask = (isWhole: (at: number) => boolean): Output[] => {
    const questions = new GuardQuestions(own!, committee, true);
    const out: Output[] = [];
    questions.tick(out);
    out.length = 0;
    for (const [at, { lane }] of committee.members.entries()) {
      if (lane === own) continue;
      const lanes = [{ lane: own!, first: 4n, next: 6n, lastHash: ZERO_HASH }];
      questions.answered(lane, { road: { first: 0n, next: 3n }, lanes, isWhole: isWhole(at) }, out);
    }
    return out;
  };

  test("goes on with its own lane where every peer knows its end", () => {
    const [raise] = ask(() => true);
    expect(raise).toMatchObject({ kind: "raiseGuard" });
    expect(raise?.kind === "raiseGuard" && raise.raise.byLane?.get(own!)).toBe(6n);
  });

  test("does not wait for a peer that has forgotten: its lane stands above all that may be", () => {
    const [raise] = ask((at) => at !== 2);
    expect(raise?.kind === "raiseGuard" && raise.raise.byLane?.get(own!)).toBe(34n);
    expect(raise?.kind === "raiseGuard" && raise.raise.votes).toBe(4n);
  });
});

describe("a vote for a block of our own", () => {
  test("goes behind the blocks that are being sent; a vote for another's block waits for nothing", () => {
    const { lanes } = validator();
    const out: Output[] = [];
    lanes.blockDurable(headerAt(own, 0n), true, out);
    lanes.blockDurable(headerAt(other, 0n), true, out);
    lanes.sayAgain(out);
    expect(out.map(({ kind }) => kind)).toEqual([
      "sendBlocks",
      "broadcastBehind",
      "broadcast",
      "broadcastBehind",
      "broadcast",
    ]);
  });
});
