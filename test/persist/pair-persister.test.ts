/** The A/B pairs of a store, with the mark's side: what counts, what falls back, what is refused. */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { Lanekeeper } from "../../src/node/lanekeeper.js";
import { pairCases } from "../../src/persist/pair-persister.js";
import { TestChain } from "../model/chain.js";
import { fresh, openRefused, opened, pushAnchor, refusal, reopened, turns } from "../node/kit.js";

const chain = new TestChain();
const path = (slot: string): string => `store/prune_anchor_${slot}.pb`;
const garbage = Buffer.from("garbage that is no slot");

async function anchored(...indexes: bigint[]): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  for (const index of indexes) await pushAnchor(keeper, chain.qc(index).anchor);
  await keeper.close();
  return disk;
}

/** A store whose last anchor write was torn: it was in flight, and nothing of it was acknowledged. */
async function torn(...indexes: bigint[]): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  const last = indexes.pop() ?? 0n;
  for (const index of indexes) await pushAnchor(keeper, chain.qc(index).anchor);
  const slot = indexes.length % 2 === 0 ? "a" : "b";
  disk.fail({ operation: "write", path: path(slot), effect: "nothing" });
  await keeper.pushAnchor(chain.qc(last).anchor);
  await refusal(keeper.waitForAnchor(last), "POISONED");
  await refusal(keeper.close(), "POISONED");
  disk.heal();
  disk.damage(path(slot), 0, garbage);
  return disk;
}

function anchorOf(keeper: Lanekeeper): bigint | undefined {
  return keeper.recovery.anchor?.commitQC.vote.view.index;
}

test("P1 P2 P12 P13 writes go A, B, A; the newest loads, and the sequence goes on", async () => {
  const { disk, keeper } = await fresh(chain);
  expect(disk.files().map((file) => file.path.replace(/^\//, ""))).toEqual(
    expect.arrayContaining([path("a"), path("b")]),
  );
  let each = keeper;
  const seqOf = (slot: string): bigint => {
    return Buffer.from(disk.readNow(path(slot))).readBigUInt64LE(4);
  };
  for (const [index, slot] of ["a", "b", "a", "b"].entries()) {
    await pushAnchor(each, chain.qc(BigInt(index + 1)).anchor);
    expect(seqOf(slot)).toBe(BigInt(index + 1));
    each = await reopened(each, disk, chain);
    expect(anchorOf(each)).toBe(BigInt(index + 1));
    expect(each.recovery.warnings.filter((warning) => warning.includes("anchor"))).toEqual([]);
  }
  await each.close();
});

test("P3 garbage in the newer one that the mark names as acknowledged: open fails", async () => {
  const disk = await anchored(1n, 2n);
  disk.damage(path("b"), 0, garbage);
  const error = await openRefused(disk, chain, "ANCHOR_CORRUPT");
  expect(error.message).toMatch(/leave the directory as it is/);
  // The damaged one, and not the good one beside it.
  expect(error.file).toBe(path("b"));
});

test("P3 P5 garbage in a newer one that was in flight: the older stands, its slot is kept", async () => {
  const disk = await torn(1n, 2n);
  const keeper = await opened(disk, chain);
  expect(anchorOf(keeper)).toBe(1n);
  const before = disk.readNow(path("a"));
  await pushAnchor(keeper, chain.qc(3n).anchor);
  expect(disk.readNow(path("a"))).toEqual(before);
  const again = await reopened(keeper, disk, chain);
  expect(anchorOf(again)).toBe(3n);
  await again.close();
});

test("P4 the only valid one corrupted: open fails", async () => {
  const disk = await anchored(1n);
  disk.damage(path("a"), 20, garbage);
  await openRefused(disk, chain, "ANCHOR_CORRUPT");
});

test.each(["a", "b"])("P10 a read error of slot %s is an error, never a fallback", async (slot) => {
  const disk = await anchored(1n, 2n);
  disk.fail({ operation: "read", path: path(slot), mode: "from-then-on" });
  const error = await openRefused(disk, chain, "IO");
  expect(error.file).toContain(`_${slot}.pb`);
  disk.heal();
  const keeper = await opened(disk, chain);
  expect(anchorOf(keeper)).toBe(2n);
  await keeper.close();
});

test("a vote state in flight and lost: the older stands, and the node abstains through its road", async () => {
  const { disk, keeper } = await fresh(chain);
  await keeper.writeVoteState(Buffer.from([0x78, 1]), 4n);
  disk.fail({ operation: "write", path: "consensus_b.pb", effect: "nothing" });
  await refusal(keeper.writeVoteState(Buffer.from([0x78, 2]), 5n), "POISONED");
  await refusal(keeper.close(), "POISONED");
  disk.heal();
  const again = await opened(disk, chain);
  expect(again.recovery.voteState).toEqual(Uint8Array.of(0x78, 1));
  expect(again.recovery.abstainThrough).toBe(5n);
  await again.close();
});

interface PairStore {
  readonly make: () => Promise<SimulatedDisk>;
  /** The anchor that counts; "refused" where open refuses. */
  readonly anchor: bigint | undefined | "refused";
}

const stores: Readonly<Record<string, PairStore>> = {
  "slots-contradict": {
    make: async () => {
      const disk = await anchored(1n, 2n);
      await disk.remove(path("a"));
      return disk;
    },
    anchor: "refused",
  },
  // The journal and the mark of a backup, put back beside newer slots.
  "mark-left-behind": {
    make: async () => {
      const { disk, keeper } = await fresh(chain);
      await pushAnchor(keeper, chain.qc(1n).anchor);
      await turns();
      const backup = disk.kill();
      for (const index of [2n, 3n, 4n, 5n, 6n]) await pushAnchor(keeper, chain.qc(index).anchor);
      await keeper.close();
      for (const file of backup.files()) {
        if (!file.path.endsWith(".pb")) disk.damage(file.path, 0, backup.readNow(file.path));
      }
      return disk;
    },
    anchor: "refused",
  },
  "acknowledged-lost": {
    make: async () => {
      const disk = await anchored(1n, 2n);
      disk.damage(path("b"), 0, garbage);
      return disk;
    },
    anchor: "refused",
  },
  "in-flight-lost": { make: () => torn(1n, 2n), anchor: 1n },
  "first-in-flight-lost": { make: () => torn(1n), anchor: undefined },
  "damaged-other": {
    make: async () => {
      const disk = await anchored(1n, 2n, 3n);
      disk.damage(path("b"), 0, garbage);
      return disk;
    },
    anchor: 3n,
  },
  "torn-first": {
    make: async () => {
      const disk = await anchored();
      disk.damage(path("a"), 0, garbage);
      return disk;
    },
    anchor: undefined,
  },
  "never-written": { make: () => anchored(), anchor: undefined },
  newest: { make: () => anchored(1n, 2n, 3n), anchor: 3n },
};

describe("the table of pair cases", () => {
  test.each(pairCases.map((row) => ({ ...row, ...stores[row.label] })))(
    "$label: $report",
    async ({ label, report, make, anchor, action }) => {
      if (!make) throw new Error(`no store shows ${label}`);
      const disk = await make();
      expect(action === "refuse").toBe(anchor === "refused");
      if (anchor === "refused") {
        const error = await openRefused(disk, chain, "ANCHOR_CORRUPT");
        expect(error.message).toContain(`[${label}]`);
        expect(error.file).toMatch(/prune_anchor_[ab]\.pb$/);
        return;
      }
      const keeper = await opened(disk, chain);
      expect(anchorOf(keeper)).toBe(anchor);
      const said = keeper.recovery.warnings.join("\n");
      if (report === undefined) expect(said).not.toContain("prune_anchor");
      else expect(said).toContain(`[${label}]`);
      await pushAnchor(keeper, chain.qc(7n).anchor);
      const again = await reopened(keeper, disk, chain);
      expect(anchorOf(again)).toBe(7n);
      await again.close();
    },
  );
});
