/** Batches: two sides take from the front, and the first bad signature in order decides. */
import { describe, expect, it } from "vitest";
import { Batch, firstBadHere, type Taken } from "../../../src/wire/signatures/batch.js";
import { certificateClaim } from "../../../src/wire/signatures/claim.js";
import { commitVoteDigest } from "../../../src/wire/hash.js";
import { KnownClaims } from "../../../src/wire/signatures/known-claims.js";
import type { CommitQC } from "../../../src/wire/messages.js";
import { firstBadOf, packChecks } from "../../../src/wire/signatures/packed-checks.js";
import * as kit from "./verifier-kit.js";

function claimOf(qc: CommitQC) {
  return certificateClaim(commitVoteDigest(qc.vote), qc.sigs, kit.committee, 67n);
}

const { checks } = claimOf(kit.commitQC(1n, 10));
const taken = (batch: Batch, count: number): Taken => {
  const range = batch.take(count);
  if (range === undefined) throw new Error("nothing is left to take");
  return range;
};

describe("a batch", () => {
  it("hands out every check once, in order", () => {
    const batch = new Batch(checks);
    expect(taken(batch, 4)).toEqual({ first: 0, next: 4 });
    expect(taken(batch, 1)).toEqual({ first: 4, next: 5 });
    expect(taken(batch, 16)).toEqual({ first: 5, next: 10 });
    expect(batch.take(1)).toBeUndefined();
  });

  it("waits for what is still out below a bad check, and takes the lower one", async () => {
    const batch = new Batch(checks);
    const [low, high] = [taken(batch, 4), taken(batch, 4)];
    batch.report(high, 6);
    expect(batch.take(1)).toBeUndefined();
    const found = batch.firstBad();
    batch.report(low, 2);
    expect(await found).toBe(checks[2]);
  });

  it("keeps the lower one when a later bad check is reported after it", async () => {
    const batch = new Batch(checks);
    const [low, high] = [taken(batch, 4), taken(batch, 6)];
    batch.report(low, 3);
    batch.report(high, 4);
    expect(await batch.firstBad()).toBe(checks[3]);
  });

  it("ends with the first failure, also while something is out", async () => {
    const batch = new Batch(checks);
    const out = taken(batch, 4);
    batch.fail(new Error("first"));
    batch.fail(new Error("second"));
    expect(batch.left).toBe(0);
    await expect(batch.firstBad()).rejects.toThrow("first");
    batch.report(out, undefined);
    await expect(batch.firstBad()).rejects.toThrow("first");
  });

  it("is verified here beside whoever has taken a part of it", async () => {
    const batch = new Batch(claimOf(kit.withBadSignature(kit.commitQC(1n, 10), 7)).checks);
    const out = taken(batch, 2);
    const found = firstBadHere(batch);
    batch.report(out, undefined);
    expect(await found).toBe(batch.checks[7]);
  });
});

it("a worker finds the same first bad check in the packed form", () => {
  const bad = claimOf(kit.withBadSignature(kit.commitQC(1n, 10), 7)).checks;
  expect(firstBadOf(packChecks(bad))).toBe(7);
  expect(firstBadOf(packChecks(bad, 5))).toBe(2);
  expect(firstBadOf(packChecks(bad, 0, 7))).toBeUndefined();
});

describe("the event loop has its turns", () => {
  const all = [1n, 2n, 3n].flatMap((road) => claimOf(kit.commitQC(road)).checks);

  it("while a long batch is verified", async () => {
    expect(await turnsDuring(() => firstBadHere(new Batch(all)))).toBeGreaterThan(5);
  });

  it("while many short ones are", async () => {
    const verifyEach = () => Promise.all(all.map((check) => firstBadHere(new Batch([check]))));
    expect(await turnsDuring(verifyEach)).toBeGreaterThan(5);
  });
});

/** How often the event loop came round until `work` was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

describe("known claims", () => {
  const claims = [1n, 2n, 3n].map((road) => claimOf(kit.commitQC(road, 2)));
  const [one, two, three] = claims as [(typeof claims)[0], (typeof claims)[0], (typeof claims)[0]];

  it("are as many as allowed, those that were asked for last", () => {
    const known = new KnownClaims(2);
    known.add(one);
    known.add(two);
    expect(known.has(one)).toBe(true);
    known.add(three);
    expect([one, two, three].map((claim) => known.has(claim))).toEqual([true, false, true]);
  });

  it("differ by quorum", () => {
    const known = new KnownClaims(2);
    known.add(one);
    expect(known.has({ ...one, quorum: 68n })).toBe(false);
  });

  it("may be none", () => {
    const known = new KnownClaims(0);
    known.add(one);
    expect(known.has(one)).toBe(false);
  });
});
