/** Any byte is turned over: inspection and open agree, and nothing ever throws. */
import { beforeAll, describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { BLOCK_BYTES, RECORD_HEADER_BYTES } from "../../src/journal/form/records.js";
import { claimedHeadBytes } from "../../src/journal/form/head.js";
import { PersisterError } from "../../src/types/errors.js";
import { TestChain } from "../model/chain.js";
import { contents, fingerprints, opened } from "../node/kit.js";
import {
  flip,
  FULL_PAYLOAD,
  inspected,
  liveSegments,
  recordsIn,
  smallStore,
  usedBytes,
} from "./kit.js";
import { sampled } from "../scale.js";

const chain = new TestChain(2, FULL_PAYLOAD);
let disk: SimulatedDisk;
let whole: unknown;

beforeAll(async () => {
  disk = await smallStore(chain);
  whole = await found(disk.kill());
});

async function found(on: SimulatedDisk): Promise<unknown> {
  const keeper = await opened(on, chain);
  const what = await contents(keeper);
  await keeper.close();
  return what;
}

/** The outcome of an open of a copy: the same contents as before, or its refusal. */
async function opening(damaged: SimulatedDisk): Promise<PersisterError | "same"> {
  try {
    expect(await found(damaged.kill())).toEqual(whole);
    return "same";
  } catch (error) {
    if (!(error instanceof PersisterError)) throw error;
    return error;
  }
}

/**
 * Turns one byte over and compares. A place that is named must be found there: the finding of an
 * error carries `offset`.
 */
async function compare(file: string, at: number, offset?: number): Promise<"same" | "refused"> {
  const damaged = disk.kill();
  flip(damaged, file, at);
  const before = fingerprints(damaged);
  const { errors, findings, summary } = await inspected(damaged);
  expect(fingerprints(damaged)).toEqual(before);
  const end = await opening(damaged);
  const label = `${file} byte ${at}: ${JSON.stringify(findings, plain)}`;
  if (end === "same") {
    expect(errors, label).toEqual([]);
    expect(summary.verdict, label).toEqual({ opens: true });
    return "same";
  }
  expect(summary.verdict, label).toMatchObject({ opens: false, class: end.code });
  const told = errors.filter((each) => each.class === end.code && each.file === end.file);
  expect(told.length, label).toBeGreaterThan(0);
  const here = errors.filter((each) => each.file === file);
  if (offset !== undefined) expect(here.map((each) => each.offset)).toContain(offset);
  return "refused";
}

/** Every `step`th number of [from, to), as far as this run tries them. */
function range(from: number, to: number, step = 1): number[] {
  const length = Math.ceil((to - from) / step);
  return sampled(Array.from({ length }, (_, index) => from + index * step));
}

const plain = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? `${value}` : value;

test("an intact store: nothing is found", async () => {
  const { findings, summary } = await inspected(disk.kill());
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ errors: 0, warnings: 0, verdict: { opens: true } });
});

describe("a byte of a segment that must be there", () => {
  test("in its head: refused, and found at the head", async () => {
    const files = liveSegments(disk);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const headBytes = claimedHeadBytes(disk.readNow(file)) ?? 0;
      for (const at of range(0, headBytes, 11)) {
        expect(await compare(file, at, 0)).toBe("refused");
      }
    }
  });

  test("in a record's header: refused, and found at that record", async () => {
    for (const file of liveSegments(disk)) {
      const records = recordsIn(disk, file);
      for (const { record } of [records[0]!, records[4]!, records.at(-1)!]) {
        for (const at of range(0, RECORD_HEADER_BYTES, 3)) {
          expect(await compare(file, record.offset + at, record.offset)).toBe("refused");
        }
      }
    }
  });

  test("in a record's payload: refused, and found at that record", async () => {
    for (const file of liveSegments(disk)) {
      for (const { record } of recordsIn(disk, file)) {
        const end = RECORD_HEADER_BYTES + record.payloadLength;
        for (const at of range(RECORD_HEADER_BYTES, end, 997)) {
          expect(await compare(file, record.offset + at, record.offset)).toBe("refused");
        }
      }
    }
  });

  test("behind its last record: nobody minds", async () => {
    for (const file of liveSegments(disk)) {
      // The footer of its last group goes to the end of its block.
      const end = Math.ceil(usedBytes(disk, file) / BLOCK_BYTES) * BLOCK_BYTES + 100;
      expect(await compare(file, end)).toBe("same");
    }
  });
});

test("a byte of STORE: refused, and found", async () => {
  for (const at of range(0, usedBytes(disk, "store/STORE"))) {
    expect(await compare("store/STORE", at)).toBe("refused");
  }
});

test("a byte of the mark: one slot is bad, which is legal, and told", async () => {
  for (const slot of [0, 256 * 1024]) {
    for (const at of range(slot, slot + 300, 17)) {
      expect(await compare("store/mark", at)).toBe("same");
    }
  }
});

test("a byte of an A/B slot: refused where it was acknowledged, told where it was not", async () => {
  const outcomes = new Set<string>();
  for (const name of ["prune_anchor_a", "prune_anchor_b", "consensus_a", "consensus_b"]) {
    for (const at of range(0, 600, 41)) {
      outcomes.add(`${name} ${await compare(`store/${name}.pb`, at)}`);
    }
  }
  expect([...outcomes].sort()).toEqual([
    "consensus_a same",
    "consensus_b same",
    "prune_anchor_a refused",
    "prune_anchor_b same",
  ]);
});

test("a byte of a spare slot: nobody minds", async () => {
  const live = new Set(liveSegments(disk));
  const spares = disk
    .files()
    .filter(({ path }) => path.endsWith(".seg") && !live.has(path.slice(1)));
  expect(spares.length).toBeGreaterThan(0);
  for (const { path } of spares) {
    for (const at of range(0, 5000, 601)) expect(await compare(path.slice(1), at)).toBe("same");
  }
});
