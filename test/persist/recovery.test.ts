/** Open refuses stores whose parts contradict each other, each case by name, or keeps them. */
import { describe, expect, test } from "vitest";
import { encodeSlot, SLOT_BYTES_DEFAULT } from "../../src/disk/slots/form.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { recordType } from "../../src/journal/form/records.js";
import { contradictions } from "../../src/persist/anchor.js";
import type { LaneId } from "../../src/types/lane.js";
import { encodePruneAnchor } from "../../src/wire/codec/encode.js";
import { forge, type Forged } from "../journal/kit.js";
import { TestChain } from "../model/chain.js";
import {
  born,
  contents,
  fresh,
  laneAt,
  laneOf,
  openRefused,
  opened,
  pushAnchor,
  pushBlocks,
  roadOf,
} from "../node/kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const ANCHOR_A = "store/prune_anchor_a.pb";

function blocks(of: LaneId, from: bigint, to: bigint): Forged[] {
  const made: Forged[] = [];
  for (let number = from; number < to; number++) {
    made.push({ name: of, number, first: from, payload: chain.block(of, number).bytes });
  }
  return made;
}

function qcs(...indexes: readonly bigint[]): Forged[] {
  const first = indexes[0] ?? 0n;
  return indexes.map((number) => ({
    name: "road",
    number,
    first,
    payload: chain.qc(number).bytes,
  }));
}

/** A store that holds the forged records, and the anchor where one is given. */
async function holding(records: readonly Forged[], anchor?: bigint): Promise<SimulatedDisk> {
  const disk = await born();
  forge(disk, records);
  if (anchor !== undefined) putAnchor(disk, encodePruneAnchor(chain.qc(anchor).anchor));
  return disk;
}

function putAnchor(disk: SimulatedDisk, message: Uint8Array): void {
  disk.damage(ANCHOR_A, 0, encodeSlot(1n, message, SLOT_BYTES_DEFAULT));
}

async function found(disk: SimulatedDisk): Promise<unknown> {
  const keeper = await opened(disk, chain);
  const what = await contents(keeper);
  await keeper.close();
  return what;
}

describe("what is stored is what is recovered", () => {
  test("I9 QCs 0..2 without an anchor: the road is 0..2", async () => {
    const disk = await holding(qcs(0n, 1n, 2n));
    expect(await found(disk)).toMatchObject({ road: roadOf(chain, 0n, 3n), anchor: undefined });
  });

  test("I10 anchor 2 with QCs 2, 3, 4: first 2, next 5", async () => {
    const disk = await holding(qcs(2n, 3n, 4n), 2n);
    expect(await found(disk)).toMatchObject({ road: roadOf(chain, 2n, 5n), anchor: 2n });
  });

  test("I13 I14 I23 anchor 5 with nothing stored: its QC alone, lanes start at the anchor's", async () => {
    const disk = await holding([], 5n);
    const keeper = await opened(disk, chain);
    expect(await contents(keeper)).toMatchObject({ road: roadOf(chain, 5n, 6n), anchor: 5n });
    for (const each of chain.lanes) {
      expect(keeper.status().lanes.get(each)).toMatchObject({ first: 5n, next: 5n, durable: 5n });
    }
    await pushBlocks(keeper, chain, lane, { from: 5n, to: 6n });
    await keeper.close();
  });

  test("I17 anchor 10 with only 10 stored is fine", async () => {
    const disk = await holding(qcs(10n), 10n);
    expect(await found(disk)).toMatchObject({ road: roadOf(chain, 10n, 11n) });
  });

  test("I18 QCs 1..5 with anchor 3: 3, 4, 5 are kept", async () => {
    const disk = await holding(qcs(1n, 2n, 3n, 4n, 5n), 3n);
    expect(await found(disk)).toMatchObject({ road: roadOf(chain, 3n, 6n) });
  });

  test("I11 anchor, QCs and blocks forged together are recovered together", async () => {
    const disk = await holding([...qcs(1n, 2n), ...blocks(lane, 1n, 4n)], 2n);
    expect(await found(disk)).toMatchObject({
      lanes: { [lane]: laneOf(chain, lane, 2n, 4n) },
      road: roadOf(chain, 2n, 3n),
    });
  });
});

describe("what contradicts itself is refused", () => {
  test.each(["its commit QC", "its app QC"])("I3 an anchor without %s", async (missing) => {
    const disk = await born();
    const whole = encodePruneAnchor(chain.qc(2n).anchor);
    const [appQC, commitQC] = fieldsOf(whole);
    putAnchor(disk, (missing === "its commit QC" ? appQC : commitQC) ?? new Uint8Array(0));
    const error = await openRefused(disk, chain, "ANCHOR_CORRUPT");
    expect(error.file).toBe(ANCHOR_A);
  });

  test("P20 a valid slot around a payload that does not decode", async () => {
    const disk = await born();
    putAnchor(disk, Buffer.from("not a message at all"));
    const error = await openRefused(disk, chain, "ANCHOR_CORRUPT");
    expect(error.message).toMatch(/cannot be trusted/);
  });

  test("I1 a stored anchor whose halves are of different roads, or of a foreign committee", async () => {
    const disk = await born();
    const { appQC } = chain.qc(1n).anchor;
    putAnchor(disk, encodePruneAnchor({ appQC, commitQC: chain.qc(2n).qc }));
    await openRefused(disk, chain, "ANCHOR_CORRUPT");
    const foreign = await holding([], 2n);
    await openRefused(foreign, new TestChain(1), "WRONG_COMMITTEE");
  });

  test("I15 a gap in the QCs names the road and the index", async () => {
    const disk = await holding(qcs(0n, 2n));
    expect((await openRefused(disk, chain, "JOURNAL_CORRUPT")).message).toMatch(/road.* 2/);
  });

  test("I19 a gap in the QCs after an anchor", async () => {
    const disk = await holding(qcs(2n, 3n, 5n), 2n);
    expect((await openRefused(disk, chain, "JOURNAL_CORRUPT")).message).toMatch(/road.* 5/);
  });

  test("I21 a wrong parent hash inside a loaded lane", async () => {
    const orphan = { name: lane, number: 2n, payload: chain.orphan(lane, 2n).bytes };
    const disk = await holding([...blocks(lane, 0n, 2n), orphan]);
    const error = await openRefused(disk, chain, "RECOVERY_MISMATCH");
    expect([error.lane, error.blockNumber]).toEqual([lane, 2n]);
    expect(error.file).toMatch(/\.seg$/);
  });

  test("a record in another lane, at another number, or that does not decode", async () => {
    const other = laneAt(chain, 1);
    const payloads = [
      chain.block(other, 0n).bytes,
      chain.block(lane, 1n).bytes,
      Buffer.from("nonsense"),
    ];
    for (const payload of payloads) {
      const disk = await holding([{ name: lane, number: 0n, payload }]);
      const error = await openRefused(disk, chain, "RECOVERY_MISMATCH");
      expect([error.lane, error.blockNumber]).toEqual([lane, 0n]);
    }
    const road = await holding([{ name: "road", number: 0n, payload: chain.qc(1n).bytes }]);
    expect((await openRefused(road, chain, "RECOVERY_MISMATCH")).roadIndex).toBe(0n);
    const nobody = await holding([{ name: "nobody", number: 0n }]);
    await openRefused(nobody, chain, "RECOVERY_MISMATCH");
  });

  test("the road holds a QC of another proposal than the anchor's", async () => {
    const disk = await holding([{ name: "road", number: 0n, payload: chain.qc(0n, 1).bytes }], 0n);
    expect((await openRefused(disk, chain, "RECOVERY_MISMATCH")).roadIndex).toBe(0n);
  });
});

interface Contradiction {
  readonly what: string;
  readonly store: () => Promise<SimulatedDisk>;
}

const stores: Readonly<Record<string, Contradiction>> = {
  "first-without-anchor": {
    what: "I20 without an anchor, a first block 3 fails",
    store: () => holding(blocks(lane, 3n, 5n)),
  },
  "first-above-anchor": {
    what: "a lane that starts above where the anchor lets it",
    store: async () => {
      const { disk, keeper } = await fresh(chain);
      await pushBlocks(keeper, chain, lane, { to: 6n });
      await pushAnchor(keeper, chain.qc(2n).anchor);
      await keeper.close();
      forge(disk, [{ name: lane, number: 4n, type: recordType.truncate }]);
      return disk;
    },
  },
  "over-capacity": {
    what: "I22 35 blocks fail: exceeds capacity 30",
    store: () => holding(blocks(lane, 0n, 35n)),
  },
};

describe("the table of contradictions", () => {
  test.each(contradictions.map(({ label }) => ({ label, ...stores[label] })))(
    "$label: $what",
    async ({ label, store }) => {
      if (!store) throw new Error(`no store shows ${label}`);
      const disk = await store();
      const error = await openRefused(disk, chain, "RECOVERY_MISMATCH");
      expect(error.message).toContain(`[${label}]`);
      expect(error.message).toMatch(/leave the directory as it is/);
      expect(error.lane).toBe(lane);
      if (label === "over-capacity") expect(error.message).toMatch(/exceeds capacity.*30/);
    },
  );
});

/** The fields of a message of two length-delimited fields, each with its tag. */
function fieldsOf(message: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (let at = 0; at < message.length; ) {
    let [length, shift, next] = [0, 0, at + 1];
    for (;;) {
      const byte = message[next++] ?? 0;
      length |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    fields.push(message.subarray(at, next + length));
    at = next + length;
  }
  return fields;
}

test.each([1n, 2n, 10n])(
  "an old mark with the vote slots of its time is refused beside a journal that went on: %i votes",
  async (votes) => {
    const { disk, keeper } = await fresh(chain);
    const vote = async (index: bigint): Promise<void> => {
      await keeper.writeVoteState(Uint8Array.of(), index);
      await pushBlocks(keeper, chain, lane, { from: index, to: index + 1n });
    };
    const names = ["store/mark", "store/consensus_a.pb", "store/consensus_b.pb"];
    await vote(0n);
    const old = names.map((name) => Uint8Array.from(disk.readNow(name)));
    for (let index = 1n; index <= votes; index++) await vote(index);
    await keeper.close();
    for (const [at, name] of names.entries()) disk.damage(name, 0, old[at] ?? new Uint8Array(0));
    const error = await openRefused(disk, chain, "MARK_CORRUPT");
    expect(error.message).toContain("[mark-left-behind]");
  },
);
