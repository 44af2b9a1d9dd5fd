import { describe, expect, test } from "vitest";
import { chain, coversOf, offeredAnchor, offerOf, voteOf } from "../crash/history/session.js";
import {
  type PinSeen,
  type RecoveredLog,
  type RecoveredStore,
  ReferenceModel,
} from "./reference-model.js";

const [lane, other] = chain.lanes as [never, never];
const nothing: RecoveredLog = { first: 0n, next: 0n, records: [] };

/** Blocks [first, next) of a lane as they were offered. */
function blocks(of: never, first: bigint, next: bigint): RecoveredLog {
  const records: Uint8Array[] = [];
  for (let number = first; number < next; number++) records.push(chain.block(of, number).bytes);
  return { first, next, records };
}

function qcs(first: bigint, next: bigint): RecoveredLog {
  const records: Uint8Array[] = [];
  for (let index = first; index < next; index++) records.push(chain.qc(index).bytes);
  return { first, next, records };
}

/** Blocks 0..3 and QCs 0..1 acknowledged, block 4 and QC 2 begun; anchor 0 done, anchor 1 begun. */
function history(): ReferenceModel {
  const model = new ReferenceModel();
  for (const number of [0n, 1n, 2n, 3n, 4n]) begin(model, number);
  model.blockAcknowledged(lane, 3n);
  for (const index of [0n, 1n, 2n]) {
    model.qcBegun(index, chain.qc(index).bytes, coversOf(chain.qc(index).qc));
  }
  model.qcAcknowledged(1n);
  model.anchorBegun(offeredAnchor(chain.qc(0n).anchor));
  model.anchorAcknowledged(0n);
  model.anchorBegun(offeredAnchor(chain.qc(1n).anchor));
  model.voteBegun(1n, voteOf(1n));
  model.voteAcknowledged(1n);
  model.voteBegun(2n, voteOf(2n));
  return model;
}

function begin(model: ReferenceModel, number: bigint, fork = 0): void {
  model.blockBegun(lane, number, offerOf(chain.block(lane, number, fork)));
}

function recovered(changes: Partial<RecoveredStore> = {}): RecoveredStore {
  return {
    lanes: new Map([[lane, blocks(lane, 0n, 4n)]]),
    road: qcs(0n, 2n),
    anchor: offeredAnchor(chain.qc(0n).anchor).bytes,
    pins: [],
    vote: voteOf(1n),
    abstainThrough: undefined,
    ...changes,
  };
}

function withLane(log: RecoveredLog): RecoveredStore {
  return recovered({ lanes: new Map([[lane, log]]) });
}

const later = {
  anchor: offeredAnchor(chain.qc(1n).anchor).bytes,
  road: qcs(1n, 3n),
  lanes: new Map([
    [lane as string, blocks(lane, 1n, 5n)],
    ...chain.lanes
      .slice(1)
      .map((each) => [each as string, { first: 1n, next: 1n, records: [] }] as const),
  ]),
};

const pinOf = (number: bigint, fork = 0): PinSeen => {
  return { lane, number, hash: offerOf(chain.block(lane, number, fork)).hash };
};

describe("the model allows", () => {
  const allowed: readonly (readonly [string, RecoveredStore])[] = [
    ["exactly what was acknowledged", recovered()],
    ["what was in flight too", withLane(blocks(lane, 0n, 5n))],
    ["an anchor that was begun, with all that it prunes", recovered(later)],
    ["a pin at a number that was in flight", recovered({ pins: [pinOf(4n)] })],
    ["the vote state in flight", recovered({ vote: voteOf(2n) })],
    [
      "padding behind the vote state",
      recovered({ vote: Buffer.concat([voteOf(1n), Buffer.alloc(9)]) }),
    ],
    ["abstaining up to the vote in flight", recovered({ abstainThrough: 2n })],
  ];
  test.each(allowed)("%s", (_, store) => {
    expect(history().judge(store)).toEqual([]);
  });
});

describe("the model flags", () => {
  const changed = blocks(lane, 0n, 4n);
  const bent = Uint8Array.from(changed.records[2]!);
  bent[40]! ^= 1;
  const bytesChanged = changed.records.map((bytes, at) => (at === 2 ? bent : bytes));
  const planted: readonly (readonly [string, RecoveredStore, RegExp])[] = [
    ["a lost acknowledged block", withLane(blocks(lane, 0n, 3n)), /acknowledged up to 4/],
    ["a lost lane", recovered({ lanes: new Map() }), /the log is gone/],
    ["a changed byte", withLane({ ...changed, records: bytesChanged }), /record 2 is not/],
    ["a hole", withLane({ ...changed, records: changed.records.toSpliced(1, 1) }), /3 records in/],
    [
      "two blocks swapped",
      withLane({ ...changed, records: changed.records.toReversed() }),
      /record 0/,
    ],
    ["a block never offered", withLane(blocks(lane, 0n, 6n)), /record 5 is not/],
    ["a log that starts above its anchor", withLane(blocks(lane, 1n, 4n)), /starts at 1/],
    [
      "blocks of a lane nobody wrote",
      recovered({
        lanes: new Map([
          [lane as string, changed],
          [other as string, blocks(other, 0n, 1n)],
        ]),
      }),
      /record 0 is not/,
    ],
    ["a lost acknowledged QC", recovered({ road: qcs(0n, 1n) }), /road: ends at 1/],
    ["an emptied road", recovered({ road: nothing }), /road: ends at 0/],
    ["an anchor lost", recovered({ anchor: undefined }), /the anchor is neither/],
    [
      "an anchor never offered",
      recovered({ anchor: offeredAnchor(chain.qc(2n).anchor).bytes }),
      /the anchor is neither/,
    ],
    [
      "a newer anchor that pruned nothing",
      recovered({ anchor: later.anchor }),
      /starts at 0, the anchor says 1/,
    ],
    ["a pin where a block was found", recovered({ pins: [pinOf(3n)] }), /the number was found/],
    ["a pin to another block", recovered({ pins: [pinOf(4n, 1)] }), /no block with this hash/],
    ["a lost vote state", recovered({ vote: undefined }), /vote state is lost/],
    ["another vote state", recovered({ vote: voteOf(7n) }), /neither the acknowledged one/],
    [
      "abstaining from what nobody voted for",
      recovered({ abstainThrough: 9n }),
      /nothing to abstain from/,
    ],
  ];
  test.each(planted)("%s", (_, store, fault) => {
    expect(history().judge(store).join("\n")).toMatch(fault);
  });

  test("an anchor older than the acknowledged one", () => {
    const model = history();
    model.anchorAcknowledged(1n);
    expect(model.judge(recovered()).join("\n")).toMatch(/the anchor is neither/);
  });

  test("a number that the mark named in flight, and that is not pinned", () => {
    const named = { pins: [pinOf(4n)], lostVote: undefined };
    expect(history().judge(recovered(), named).join("\n")).toMatch(/4 is missing/);
    expect(history().judge(withLane(blocks(lane, 0n, 5n)), named)).toEqual([]);
  });

  test("a vote that the mark named in flight, and nothing to abstain from", () => {
    const named = { pins: [], lostVote: 2n };
    expect(history().judge(recovered(), named).join("\n")).toMatch(/must abstain/);
  });

  test("what an open published and a later one has lost", () => {
    const model = history();
    model.published(withLane(blocks(lane, 0n, 5n)));
    expect(model.judge(recovered()).join("\n")).toMatch(/acknowledged up to 5/);
  });

  test("what an open did not return, and a later one does", () => {
    const model = history();
    model.published(recovered());
    expect(model.judge(withLane(blocks(lane, 0n, 5n))).join("\n")).toMatch(/record 4 is not/);
  });

  test("a pin that stood, was covered by nothing, and is gone", () => {
    const model = history();
    model.published(recovered({ pins: [pinOf(4n)] }));
    expect(model.judge(recovered()).join("\n")).toMatch(/4 is missing/);
    model.qcBegun(4n, chain.qc(4n).bytes, coversOf(chain.qc(4n).qc));
    expect(model.judge(recovered())).toEqual([]);
  });

  test("a block of a lane whose drop was acknowledged", () => {
    const model = history();
    model.dropBegun(lane);
    expect(model.judge(recovered({ lanes: new Map() }))).toEqual([]);
    expect(model.judge(recovered())).toEqual([]);
    model.dropAcknowledged(lane);
    expect(model.judge(recovered()).join("\n")).toMatch(/record 0 is not/);
  });

  test("an abstention that a later open forgets", () => {
    const model = history();
    model.published(recovered({ abstainThrough: 2n }));
    expect(model.judge(recovered()).join("\n")).toMatch(/must abstain/);
    expect(model.judge(recovered({ abstainThrough: 2n }))).toEqual([]);
  });

  test("a refusal after a mere crash, and one that does not name the damage", () => {
    expect(history().judgeRefusal("ACKNOWLEDGED_LOST", "none")).toHaveLength(1);
    expect(history().judgeRefusal("MARK_CORRUPT", "journal")).toHaveLength(1);
    expect(history().judgeRefusal("JOURNAL_CORRUPT", "journal")).toEqual([]);
  });

  test("nothing in a branch of a history for what the other branch was told", () => {
    const model = history();
    const branch = model.clone();
    model.blockAcknowledged(lane, 4n);
    expect(model.judge(recovered())).not.toEqual([]);
    expect(branch.judge(recovered())).toEqual([]);
  });
});
