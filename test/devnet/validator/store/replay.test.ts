import { expect, test } from "vitest";
import { appHashOf } from "../../../../src/devnet/protocol/execution.js";
import { replay, type History } from "../../../../src/devnet/validator/store/replay.js";
import type { RetainedRange, RetainedRecord } from "../../../../src/log/retained-range.js";
import type { LaneId } from "../../../../src/types/lane.js";
import type { PruneAnchor } from "../../../../src/wire/messages.js";
import { hex } from "../../../../src/codec/hex.js";
import { globalRange } from "../../../../src/wire/rules/proposal.js";
import { refusal } from "../../../node/kit.js";
import { TestChain } from "../../../model/chain.js";

const chain = new TestChain(2);
const [own, other] = chain.lanes as [LaneId, LaneId];
/** The hash of the state below road `first`. */
const parent = new Uint8Array(32);

/** The state behind each road from `first` on. */
function statesFrom(first: bigint, next: bigint): Uint8Array[] {
  const states: Uint8Array[] = [];
  for (let index = first; index < next; index++) {
    const blocks = chain.lanes.map((lane) => chain.block(lane, index).signed.msg);
    const { first: number } = globalRange(chain.qc(index).qc.vote);
    states.push(appHashOf(states.at(-1) ?? parent, number, blocks));
  }
  return states;
}

function anchorAt(index: bigint, appHash: Uint8Array | undefined): PruneAnchor {
  const { appQC, commitQC } = chain.qc(index).anchor;
  return { commitQC, appQC: { ...appQC, vote: { ...appQC.vote, appHash: appHash ?? parent } } };
}

/** An archive that ends at `ends` of each log; the road goes as far as it may. */
function history(ends: Map<LaneId, bigint>, fork = 0): History {
  async function* records(
    end: () => bigint,
    at: (number: bigint) => Uint8Array,
    { from = 0n, next }: RetainedRange = {},
  ): AsyncGenerator<RetainedRecord> {
    await Promise.resolve();
    for (let number = from; number < end() && number < (next ?? end()); number++) {
      yield { number, bytes: at(number) };
    }
  }
  const blockAt = (lane: LaneId) => (number: bigint) => {
    return chain.block(lane, number, lane === other ? fork : 0).bytes;
  };
  return {
    url: "file:///archive",
    commitQCs: (range) =>
      records(
        () => 100n,
        (index) => chain.qc(index).bytes,
        range,
      ),
    blocks: (lane, range) => records(() => ends.get(lane) ?? 0n, blockAt(lane), range),
  };
}

function port(from: History) {
  const executed: [bigint, string][] = [];
  const { signal } = new AbortController();
  return {
    executed,
    replayPort: {
      history: from,
      lane: own,
      signal,
      executed: (index: bigint, appHash: Uint8Array) => executed.push([index, hex(appHash)]),
    },
  };
}

test("H2 executes the roads of an archive in order, and knows the own lane's last block below the anchor", async () => {
  const { executed, replayPort } = port(
    history(
      new Map([
        [own, 50n],
        [other, 50n],
      ]),
    ),
  );
  const states = statesFrom(2n, 6n);
  const tip = await replay(anchorAt(5n, states[3]), { next: 2n, parent }, replayPort);
  expect(executed).toEqual(states.map((state, at) => [2n + BigInt(at), hex(state)]));
  expect(tip && hex(tip)).toBe(hex(chain.block(own, 4n).hash));
});

test("H2 waits for a lane that is not archived so far, and executes no road twice", async () => {
  const ends = new Map([
    [own, 50n],
    [other, 1n],
  ]);
  const { executed, replayPort } = port(history(ends));
  const states = statesFrom(0n, 3n);
  const done = replay(anchorAt(2n, states[2]), { next: 0n, parent }, replayPort);
  await expect.poll(() => executed.length).toBe(1);
  ends.set(other, 3n);
  await done;
  expect(executed).toEqual(states.map((state, at) => [BigInt(at), hex(state)]));
});

test("H3 an archive that leads to another state than a quorum has signed is refused", async () => {
  const [, , state] = statesFrom(0n, 3n);
  for (const [fork, signed] of [
    [1, state],
    [0, parent],
  ] as const) {
    const { replayPort } = port(
      history(
        new Map([
          [own, 50n],
          [other, 50n],
        ]),
        fork,
      ),
    );
    const error = await refusal(
      replay(anchorAt(2n, signed), { next: 0n, parent }, replayPort),
      "ARCHIVE_CORRUPT",
    );
    expect(error.message).toContain("another state at road 2");
  }
});
