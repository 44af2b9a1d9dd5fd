/** The judge alone: it finds each fault that is planted, and none where there is none. */
import { beforeEach, describe, expect, test } from "vitest";
import { Judge } from "../../../src/devnet/judge/judge.js";
import type { Recovered, Report } from "../../../src/devnet/judge/report.js";
import { decodeReport, encodeReport, ReportSplitter } from "../../../src/devnet/judge/report.js";
import { laneIdOf } from "../../../src/types/lane.js";

const lane = laneIdOf(new Uint8Array(32).fill(1), 0n);
const other = laneIdOf(new Uint8Array(32).fill(2), 0n);

let judge = new Judge(2);
const take = (...reports: readonly Report[]): void => {
  for (const report of reports) judge.take(0, report);
};
const found = () => judge.violations.map(({ rule }) => rule);
beforeEach(() => {
  judge = new Judge(2);
});

const block = (number: bigint, digest = `b${number}`): Report => {
  return { kind: "blockDurable", lane, number, digest };
};
const qc = (index: bigint, digest = `q${index}`, decision = digest): Report => {
  return { kind: "commitQCDurable", index, digest, decision };
};
const anchor = (index: bigint, first = 0n): Report => {
  return { kind: "anchorDurable", index, starts: [{ lane, first }] };
};
type Said = Extract<Report, { kind: "says" }>["what"];
const laneSays = (what: Said, number: bigint, digest = `b${number}`): Report => {
  return { kind: "says", what, place: { lane, number }, digest };
};
const says = (what: Said, index: bigint, view: bigint, digest: string): Report => {
  return { kind: "says", what, place: { index, view }, digest };
};
const votes = (state: string, signed: readonly string[], index = 0n): readonly Report[] => [
  { kind: "votesBegun", state },
  { kind: "votesDurable", state, index, signed },
];
const executed = (index: bigint, appHash = `e${index}`): Report => {
  return { kind: "executed", index, appHash };
};
const recovered = (parts: Partial<Recovered> = {}): Recovered => ({
  kind: "recovered",
  anchor: undefined,
  starts: [],
  roadFirst: 0n,
  road: [],
  lanes: [],
  votes: undefined,
  votesIndex: 0n,
  signed: [],
  abstains: false,
  pins: 0,
  warnings: [],
  durationMs: 0,
  ...parts,
});

describe("an honest life", () => {
  test("of acknowledging, saying, restarting and saying again breaks no rule", () => {
    take(
      block(0n),
      laneSays("block", 0n),
      laneSays("laneVote", 0n),
      block(1n),
      ...votes("s1", ["p", "pp"]),
      says("proposal", 0n, 0n, "pp"),
      says("prepareVote", 0n, 0n, "p"),
      ...votes("s2", ["p", "c"]),
      says("commitVote", 0n, 0n, "c"),
      qc(0n),
      executed(0n),
      says("appVote", 0n, 0n, "a"),
      recovered({
        road: ["q0"],
        lanes: [{ lane, first: 0n, blocks: ["b0", "b1", "b2"] }],
        votes: "s2",
        signed: ["p", "c"],
      }),
      laneSays("laneVote", 0n),
      laneSays("laneVote", 2n),
      executed(0n),
      says("commitVote", 0n, 0n, "c"),
      says("appVote", 0n, 0n, "a"),
    );
    expect(found()).toEqual([]);
  });

  test("a vote state that was on its way may be there or not", () => {
    for (const state of ["s1", "s2"]) {
      judge = new Judge(1);
      take(...votes("s1", []), { kind: "votesBegun", state: "s2" }, recovered({ votes: state }));
      expect(found()).toEqual([]);
    }
  });

  test("what lies below a newer anchor need not be there", () => {
    take(block(0n), block(1n), qc(0n), qc(1n), anchor(0n));
    const starts = [{ lane, first: 1n }];
    const lanes = [{ lane, first: 1n, blocks: ["b1"] }];
    take(recovered({ anchor: 1n, starts, roadFirst: 1n, road: ["q1"], lanes }));
    expect(found()).toEqual([]);
  });

  test("a vote said again after its view was given up is the same vote", () => {
    take(...votes("s", ["p", "t"]), says("prepareVote", 0n, 0n, "p"));
    take(says("timeoutVote", 0n, 0n, "t"), says("prepareVote", 0n, 0n, "p"));
    expect(found()).toEqual([]);
  });
});

describe("planted faults", () => {
  test("an acknowledged block is gone: ACK_LOST", () => {
    take(block(0n), block(1n), recovered({ lanes: [{ lane, first: 0n, blocks: ["b0"] }] }));
    expect(found()).toEqual(["ACK_LOST"]);
    expect(judge.violations[0]?.where).toContain(`${lane.slice(0, 8)} 1`);
  });

  test("a whole acknowledged lane is gone: ACK_LOST", () => {
    take(block(0n), recovered());
    expect(found()).toEqual(["ACK_LOST"]);
  });

  test("a commit QC that was acknowledged is gone: ACK_LOST", () => {
    take(qc(0n), qc(1n), recovered({ road: ["q0"] }));
    expect(found()).toEqual(["ACK_LOST"]);
  });

  test("a lane starts above what the anchor allows: ACK_LOST", () => {
    take(block(0n), block(1n), recovered({ lanes: [{ lane, first: 1n, blocks: ["b1"] }] }));
    expect(found()).toEqual(["ACK_LOST"]);
  });

  test("another block, or another commit QC, at an acknowledged number: ACK_CHANGED", () => {
    take(block(0n), recovered({ lanes: [{ lane, first: 0n, blocks: ["x"] }] }));
    expect(found()).toEqual(["ACK_CHANGED"]);
    judge = new Judge(1);
    take(qc(0n), recovered({ road: ["x"] }));
    expect(found()).toEqual(["ACK_CHANGED"]);
  });

  test("an older anchor than the acknowledged one: ANCHOR_LOST", () => {
    take(qc(0n), qc(1n), anchor(1n), recovered({ anchor: 0n, road: ["q0", "q1"] }));
    expect(found()).toEqual(["ANCHOR_LOST"]);
  });

  test("an older vote state than the acknowledged one, or none: VOTES_LOST", () => {
    for (const state of ["s1", undefined]) {
      judge = new Judge(1);
      take(...votes("s1", []), ...votes("s2", []), recovered({ votes: state }));
      expect(found()).toEqual(["VOTES_LOST"]);
    }
  });

  test.each(["block", "laneVote"] as const)("two different %ss at one number", (what) => {
    take(block(0n), laneSays(what, 0n), laneSays(what, 0n, "x"));
    expect(found()).toEqual(["EQUIVOCATION"]);
  });

  test.each(["proposal", "prepareVote", "commitVote", "timeoutVote"] as const)(
    "two different %ss in one view, also with a restart between them",
    (what) => {
      take(...votes("s", ["one", "two"], 3n), says(what, 3n, 1n, "one"));
      take(recovered({ votes: "s", signed: ["one"] }), says(what, 3n, 1n, "two"));
      expect(found()).toEqual(["EQUIVOCATION"]);
    },
  );

  test("two different app votes at one road index: EQUIVOCATION", () => {
    take(says("appVote", 0n, 0n, "one"), says("appVote", 0n, 0n, "two"));
    expect(found()).toEqual(["EQUIVOCATION"]);
  });

  test("the same in another view, or of another lane, is nothing", () => {
    take(...votes("s", ["one", "two"], 3n));
    take(says("prepareVote", 3n, 1n, "one"), says("prepareVote", 3n, 2n, "two"));
    take(block(0n), laneSays("laneVote", 0n));
    take({ kind: "blockDurable", lane: other, number: 0n, digest: "y" });
    take({ kind: "says", what: "laneVote", place: { lane: other, number: 0n }, digest: "y" });
    expect(found()).toEqual([]);
  });

  test("a block or its vote leaves before it is durable here: EARLY", () => {
    take(laneSays("laneVote", 0n), laneSays("block", 0n));
    judge.take(1, block(0n));
    expect(found()).toEqual(["EARLY", "EARLY"]);
  });

  test("a vote for another block than the durable one: EARLY", () => {
    take(block(0n), laneSays("laneVote", 0n, "x"));
    expect(found()).toEqual(["EARLY"]);
  });

  test("a vote leaves before its vote state is durable: EARLY", () => {
    take({ kind: "votesBegun", state: "s" }, says("commitVote", 0n, 0n, "c"));
    expect(found()).toEqual(["EARLY"]);
  });

  test("a commit vote leaves in a view that was given up: AFTER_TIMEOUT", () => {
    take(...votes("s", ["t", "c"]), says("timeoutVote", 0n, 0n, "t"));
    take(says("commitVote", 0n, 0n, "c"));
    expect(found()).toEqual(["AFTER_TIMEOUT"]);
  });

  test("two validators execute, or decide, something else: FORK", () => {
    take(executed(0n), qc(0n));
    judge.take(1, executed(0n, "x"));
    judge.take(1, qc(0n, "x"));
    expect(judge.violations).toMatchObject([
      { rule: "FORK", validator: 1 },
      { rule: "FORK", validator: 1 },
    ]);
  });

  test("the same is decided in two views: no fork, but each keeps its own QC", () => {
    take(qc(0n, "view 0", "d"));
    judge.take(1, qc(0n, "view 1", "d"));
    expect(found()).toEqual([]);
    take(recovered({ road: ["view 1"] }));
    expect(found()).toEqual(["ACK_CHANGED"]);
  });

  test("one validator executes something else after a restart: FORK", () => {
    take(executed(0n), recovered(), executed(0n, "x"));
    expect(found()).toEqual(["FORK"]);
  });
});

describe("over two recoveries", () => {
  const starts = [{ lane, first: 1n }];
  const lanes = [{ lane, first: 1n, blocks: ["b1"] }];

  test("an anchor that the first one returned is there in the second: else ANCHOR_LOST", () => {
    take(block(0n), block(1n), qc(0n), qc(1n), anchor(0n));
    const newer = recovered({ anchor: 1n, starts, roadFirst: 1n, road: ["q1"], lanes });
    take(newer, newer);
    expect(found()).toEqual([]);
    take(
      recovered({
        anchor: 0n,
        road: ["q0", "q1"],
        lanes: [{ ...lanes[0]!, first: 0n, blocks: ["b0", "b1"] }],
      }),
    );
    expect(found()).toEqual(["ANCHOR_LOST"]);
  });

  test("a vote state that the first one returned is there in the second: else VOTES_LOST", () => {
    take(...votes("s1", []), { kind: "votesBegun", state: "s2" });
    take(recovered({ votes: "s2" }), recovered({ votes: "s2" }));
    expect(found()).toEqual([]);
    take(recovered({ votes: "s1" }));
    expect(found()).toEqual(["VOTES_LOST"]);
  });

  test("a block or a commit QC that the first one returned is there in the second: else ACK_LOST", () => {
    take(recovered({ road: ["q0"], lanes: [{ lane, first: 0n, blocks: ["b0"] }] }));
    take(recovered({ road: ["q0"] }));
    take(recovered({ lanes: [{ lane, first: 0n, blocks: ["b0"] }] }));
    expect(found()).toEqual(["ACK_LOST", "ACK_LOST"]);
  });

  test.each([
    "laneVote",
    "proposal",
    "prepareVote",
    "commitVote",
    "timeoutVote",
    "appVote",
  ] as const)(
    "a %s that was said before both of them is not said otherwise after them: EQUIVOCATION",
    (what) => {
      const said = (digest: string): Report =>
        what === "laneVote" ? laneSays(what, 0n, digest) : says(what, 0n, 0n, digest);
      const life = recovered({ lanes: [{ lane, first: 0n, blocks: ["b0"] }], votes: "s" });
      take(block(0n), ...votes("s", ["b0", "x"]), said("b0"), life, life, said("x"));
      expect(found()).toEqual(["EQUIVOCATION"]);
    },
  );
});

describe("at the margins", () => {
  test("a road that starts above the anchor has lost commit QCs: ACK_LOST", () => {
    take(qc(0n), qc(1n), qc(2n), anchor(1n));
    take(recovered({ anchor: 1n, roadFirst: 1n, road: ["q1", "q2"] }));
    expect(found()).toEqual([]);
    take(recovered({ anchor: 1n, roadFirst: 2n, road: ["q2"] }));
    expect(found()).toEqual(["ACK_LOST"]);
  });

  test("2,000 numbers below the lane's start are still compared, and none below those", () => {
    for (const number of [0n, 1n]) take(block(number), laneSays("laneVote", number));
    take(anchor(0n, 2_001n), laneSays("laneVote", 0n, "x"));
    expect(found()).toEqual([]);
    take(laneSays("laneVote", 1n, "x"));
    expect(found()).toEqual(["EQUIVOCATION"]);
  });
});

describe("the pipe", () => {
  const reports: readonly Report[] = [
    { kind: "opening" },
    block(2n ** 64n - 1n),
    says("timeoutVote", 5n, 0n, "d"),
  ];

  test("gives back what was told, in whatever pieces it arrives", () => {
    const text = reports.map(encodeReport).join("");
    for (let size = 1; size < 60; size += 7) {
      const splitter = new ReportSplitter();
      const got: Report[] = [];
      for (let at = 0; at < text.length; at += size) {
        got.push(...splitter.push(text.slice(at, at + size)));
      }
      expect(got).toEqual(reports);
    }
  });

  test("keeps numbers of 64 bits, and leaves out what is undefined", () => {
    const { anchor: found, votes: state } = decodeReport(
      encodeReport(recovered({ anchor: 3n })),
    ) as Recovered;
    expect(found).toBe(3n);
    expect(state).toBeUndefined();
  });

  test("drops what a killed process left unfinished", () => {
    const splitter = new ReportSplitter();
    expect(splitter.push(encodeReport(block(0n)) + encodeReport(qc(0n)).slice(0, 20))).toEqual([
      block(0n),
    ]);
  });
});

describe("a validator whose store was restored", () => {
  test("may have lost what it acknowledged, and has its votes back from then on", () => {
    take(block(0n), block(1n), qc(0n), anchor(1n), ...votes("s1", ["p"]));
    judge.restored(0);
    take(recovered({ votes: "s0" }), ...votes("s2", ["p2"], 4n), block(1n, "another"));
    expect(found()).toEqual([]);
    take(recovered({ votes: "s0" }));
    expect(found()).toContain("VOTES_LOST");
  });

  test("signs nothing twice, whatever it has lost: else EQUIVOCATION", () => {
    take(block(4n), laneSays("block", 4n), { kind: "left" });
    judge.restored(0);
    take(recovered(), block(4n, "another"), laneSays("block", 4n, "another"));
    expect(found()).toEqual(["EQUIVOCATION"]);
  });

  test("may sign another message in place of one that never left: nobody has the first one", () => {
    take(block(4n), laneSays("block", 4n), { kind: "left" }, block(5n), laneSays("block", 5n));
    take(laneSays("block", 4n));
    judge.restored(0);
    take(recovered(), block(5n, "another"), laneSays("block", 5n, "another"), { kind: "left" });
    expect(found()).toEqual([]);
    take(block(4n, "another"), laneSays("block", 4n, "another"));
    expect(found()).toEqual(["EQUIVOCATION"]);
  });
});
