/** The verdict: each case by its facts, the worst first, with the advice of the table of codes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Status } from "../../../src/node/status.js";
import { type Facts, findingsOf, limits } from "../../../src/service/admin/findings.js";
import { archiveLimits } from "../../../src/service/admin/off-machine-findings.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";
import { type MeasuredStore, measuredStore } from "../kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
let store: MeasuredStore;
let base: Status;

beforeAll(async () => {
  store = await measuredStore(chain);
  for (const each of chain.lanes) await pushBlocks(store.keeper, chain, each, { to: 2n });
  base = { ...store.keeper.status(), durable: true };
});

afterAll(async () => await store[Symbol.asyncDispose]());

/** An open store on a disk with room, changed. */
function facts(status: Partial<Status> = {}, more: Partial<Facts> = {}): Facts {
  return {
    state: { kind: "open", keeper: store.keeper },
    isDraining: false,
    status: { ...base, ...status },
    labels: new Map([
      [lane, "0"],
      [other, "1"],
    ]),
    space: { freeBytes: 50, sizeBytes: 100 },
    flush: { p50Ms: 1, p99Ms: 5, maxMs: 9 },
    certificates: [],
    nowMs: 0,
    ...more,
  };
}

/** The lanes of the base, the first one changed. */
function withLane(
  change: Partial<Status["lanes"] extends ReadonlyMap<never, infer Lane> ? Lane : object>,
): Partial<Status> {
  return {
    lanes: new Map(
      [...base.lanes].map(([id, each]) => [id, id === lane ? { ...each, ...change } : each]),
    ),
  };
}

const titles = (found: ReturnType<typeof findingsOf>): readonly string[] => {
  return found.map(({ level, title }) => `${level}: ${title}`);
};

test("a store that is open, on a disk with room, is safe, and nothing else is said", () => {
  expect(titles(findingsOf(facts()))).toEqual(["safe: Safe: everything acknowledged is on disk"]);
});

const poison = new PersisterError("POISONED", "0001.seg: a write failed");
const full = new PersisterError("DISK_FULL", "no space is left");
const conflict = new PersisterError("CONFLICT", "other bytes are held", { lane });
const day = 86_400_000;

const guards = {
  lanes: 0n,
  byLane: new Map(),
  votes: "unknown",
  standing: ["votes"],
  by: "restored",
  reason: "backup 7",
  atMs: 0,
} as const;

/** One fact each, and what is said of it. */
const cases: readonly (readonly [string, () => Facts])[] = [
  ["danger: Poisoned: nothing is acknowledged any more", () => facts({ poison })],
  [
    "danger: Stalled: nothing new becomes durable until there is space",
    () => facts({ stalled: full }),
  ],
  ["danger: Lane 0 goes no further; the others do", () => facts(withLane({ refused: conflict }))],
  ["danger: Memory mode: nothing survives this process", () => facts({ durable: false })],
  ["danger: The disk has 4.0 % left", () => facts({}, { space: { freeBytes: 4, sizeBytes: 100 } })],
  [
    "warning: The disk has 14.0 % left",
    () => facts({}, { space: { freeBytes: 14, sizeBytes: 100 } }),
  ],
  [
    "warning: The disk is slow: one flush in a hundred takes 120 ms or more",
    () => facts({}, { flush: { p50Ms: 1, p99Ms: 120, maxMs: 130 } }),
  ],
  [
    "danger: The disk is slow: one flush in a hundred takes 700 ms or more",
    () => facts({}, { flush: { p50Ms: 1, p99Ms: 700, maxMs: 800 } }),
  ],
  [
    "warning: One block number is pinned",
    () => facts({ pins: [{ lane, number: 3n, headerHash: new Uint8Array(32) }] }),
  ],
  [
    "warning: This store was restored, and is guarded: votes wait for what the old one has signed",
    () => facts({ guards }),
  ],
  [
    "warning: A vote was lost as it was written: no vote up to road index 4",
    () => facts({ recovery: { ...base.recovery, abstainThrough: 4n } }),
  ],
  [
    "warning: Blocks of lane 0 wait for the disk for more than 5 s",
    () => facts(withLane({ oldestWaitingMs: limits.oldestWaitingMs + 1 })),
  ],
  [
    "warning: More than 20 blocks of lane 0 are not durable yet",
    () => facts(withLane({ lag: 21n })),
  ],
  [
    "warning: Lanes are full, and no anchor came for ten minutes",
    () => facts({ ...withLane({ capacityLeft: 0n }), anchorAgeMs: limits.anchorAgeMs }),
  ],
  [
    "warning: The certificate tls.pem expires in 13 days",
    () => facts({}, { certificates: [{ file: "tls.pem", expiresMs: 13.5 * day }] }),
  ],
  [
    "danger: The certificate tls.pem expires in 0 days",
    () => facts({}, { certificates: [{ file: "tls.pem", expiresMs: -day }] }),
  ],
  [
    "warning: The map of retained records was not what it should be: this costs time, never data",
    () => facts({ mapWarnings: ["a file differs"] }),
  ],
  ["waiting: The service is ending: nothing new is taken", () => facts({}, { isDraining: true })],
  [
    "waiting: The store is being recovered: nothing is taken yet",
    () => ({ ...facts(), state: { kind: "opening" }, status: undefined }),
  ],
  [
    "danger: The store did not open: this validator must not sign",
    () => ({ ...facts(), state: { kind: "refused", error: poison }, status: undefined }),
  ],
];

test.each(cases)("%s", (title, of) => {
  expect(titles(findingsOf(of()))).toEqual([title]);
});

test("values at a limit, and a vote that a commit QC has covered, are no finding", () => {
  const { oldestWaitingMs, laneLagBlocks } = limits;
  expect(findingsOf(facts(withLane({ oldestWaitingMs, lag: laneLagBlocks })))).toHaveLength(1);
  const covered = facts({
    recovery: { ...base.recovery, abstainThrough: 4n },
    road: { first: 0n, next: 5n, durable: 5n },
  });
  expect(titles(findingsOf(covered))[0]).toMatch(/^safe/);
});

test("of several cases the worst is the verdict, and it has the table's advice", () => {
  const found = findingsOf(
    facts(
      { poison, pins: [{ lane, number: 3n, headerHash: new Uint8Array(32) }] },
      { space: { freeBytes: 1, sizeBytes: 100 }, isDraining: true },
    ),
  );
  expect(found.map(({ level }) => level)).toEqual(["danger", "danger", "warning", "waiting"]);
  const { remedy, never } = errorCodes.POISONED;
  expect(found[0]).toMatchObject({ code: "POISONED", remedy, never, detail: poison.message });
});

test("several lanes are counted, and not named", () => {
  const lanes = new Map([...base.lanes].map(([id, each]) => [id, { ...each, lag: 25n }]));
  expect(titles(findingsOf(facts({ lanes })))).toEqual([
    "warning: More than 20 blocks of 2 lanes are not durable yet",
  ]);
});

test("records under a key that is not there are told, with its id", () => {
  const use = { content: "00112233445566aa", segments: 1, freeSlots: 0, bytes: 4096 };
  const [found] = findingsOf(facts({ keys: [{ ...use, state: "missing" }] }));
  expect(found).toMatchObject({ level: "warning", code: "KEY_MISSING" });
  expect(found.detail).toContain(use.content);
  const moving = facts({ keys: [{ ...use, state: "older" }] });
  expect(titles(findingsOf(moving))).toEqual(["safe: Safe: everything acknowledged is on disk"]);
});

test("reservations are told: a machine that cannot reserve, one that was taken over, and a standby", () => {
  const reservations: NonNullable<Status["reservations"]> = {
    at: "file:///reservations",
    machine: "ab",
    state: "holding",
    holder: "ab",
    places: new Map(),
    puts: 1,
    failures: 0,
    failure: undefined,
  };
  const told = (change: Partial<typeof reservations>) => {
    const status = { reservations: { ...reservations, ...change } };
    const [{ level, code, detail }] = findingsOf(facts(status));
    return { level, code, detail };
  };
  expect(told({}).level).toBe("safe");
  const failed = new PersisterError("BUCKET_FAILED", "no answer");
  const cannot = { level: "danger", code: "BUCKET_FAILED", detail: "no answer" };
  expect(told({ failure: failed })).toEqual(cannot);
  expect(told({ state: "opening", holder: undefined, failure: failed })).toEqual(cannot);
  const standby = { state: "standing by", holder: "cd" } as const;
  expect(told(standby)).toEqual({
    level: "waiting",
    code: "UNRESERVED",
    detail: "machine cd reserves",
  });
  const failure = new PersisterError("UNRESERVED", "taken over");
  expect(told({ ...standby, failure })).toMatchObject({ level: "warning", detail: "taken over" });
});

test("an archive in trouble is told: two truths first, then refused blocks, age, fullness and gaps", () => {
  const archive: NonNullable<Status["archive"]> = {
    bucket: "file:///archive",
    gate: "strict",
    through: { lanes: new Map(), road: 0n },
    pendingRecords: 0n,
    oldestPendingMs: 0,
    heldSegments: 0,
    heldBytes: 0,
    heldBytesMax: 100,
    isBehind: false,
    counts: { objects: 1, bytes: 1, found: 0, failures: 0, missed: 0n },
    failing: undefined,
    refused: new Map(),
  };
  const told = (change: Partial<typeof archive>) => {
    const [{ level, code, detail }] = findingsOf(facts({ archive: { ...archive, ...change } }));
    return { level, code, detail };
  };
  expect(told({}).level).toBe("safe");
  const error = new PersisterError("ARCHIVE_CONFLICT", "another block is there");
  expect(told({ refused: new Map([[lane, error]]) })).toEqual({
    level: "danger",
    code: "ARCHIVE_CONFLICT",
    detail: "another block is there",
  });
  const failing = new PersisterError("BUCKET_FAILED", "no answer");
  expect(told({ isBehind: true, heldBytes: 100, failing })).toEqual({
    level: "danger",
    code: "ARCHIVE_BEHIND",
    detail: "no answer",
  });
  const { pendingMs, heldShare } = archiveLimits;
  expect(told({ oldestPendingMs: pendingMs + 1 })).toMatchObject({ level: "warning" });
  expect(told({ oldestPendingMs: pendingMs }).level).toBe("safe");
  expect(told({ heldBytes: 100 * heldShare + 1 })).toMatchObject({ level: "warning" });
  expect(told({ heldBytes: 100 * heldShare }).level).toBe("safe");
  expect(told({ counts: { ...archive.counts, missed: 3n } })).toMatchObject({ level: "warning" });
});
