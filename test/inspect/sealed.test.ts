/** Sealed payloads: shown as sealed without their key, and proven with it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Depth } from "../../src/inspect/walk/proof.js";
import { WRONG_TAG } from "../../src/inspect/walk/sealed.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { key, keyBytes } from "../journal/seal/kit.js";
import { forge, forgeHead, forgeSegment, retainedPaths } from "../journal/kit.js";
import { TestChain } from "../model/chain.js";
import { laneAt, opened, pushAnchor, pushBlocks } from "../node/kit.js";
import { DIRECTORY } from "../node/surroundings.js";
import {
  flip,
  FULL_PAYLOAD,
  inspected as inspectedAt,
  liveSegments,
  recordsIn,
  smallStore,
} from "./kit.js";

const chain = new TestChain(2, FULL_PAYLOAD);
const lane = laneAt(chain, 0);
const FORMS: Depth = { kind: "forms" };
const SIGNATURES: Depth = { kind: "signatures" };
let plain: SimulatedDisk;
let whole: SimulatedDisk;

beforeAll(async () => {
  plain = await smallStore(chain);
  whole = await smallStore(chain, { keys: { write: keyBytes("a") } });
});

/** Inspects with the keys of these letters. */
async function inspected(disk: SimulatedDisk, letters: string, depth = FORMS) {
  return await inspectedAt(disk, depth, DIRECTORY, letters.split("").map(keyBytes));
}

describe("without its key", () => {
  test.each([FORMS, SIGNATURES])("E12 all but the payloads is shown: $kind", async (depth) => {
    const { findings, summary } = await inspected(whole.kill(), "", depth);
    expect(findings).toMatchObject([{ class: "KEY_MISSING", severity: "error" }]);
    expect(findings[0]?.message).toContain(`is sealed with key ${key("a").id}`);
    const { summary: asPlain } = await inspected(plain.kill(), "");
    expect(summary.logs).toEqual(asPlain.logs);
    expect(summary.anchor).toEqual(asPlain.anchor);
    expect(summary.recordsSealed).toBe(asPlain.recordsRead);
    expect(summary.proven).toEqual({ blocks: 0, commitQCs: 0 });
    expect(summary.verdict).toMatchObject({ opens: false, class: "KEY_MISSING" });
  });

  test("damage is found all the same, and told beside it", async () => {
    const disk = whole.kill();
    const [path = ""] = liveSegments(disk);
    const placed = recordsIn(disk, path).find(({ record }) => record.payloadLength > FULL_PAYLOAD);
    flip(disk, path, (placed?.record.offset ?? 0) + 200);
    const { errors } = await inspected(disk, "");
    expect(errors.map((each) => each.class).sort()).toEqual(["JOURNAL_CORRUPT", "KEY_MISSING"]);
  });
});

describe("with its key", () => {
  test("a sealed store is as whole as a plain one, and every record is proven", async () => {
    const { findings, summary } = await inspected(whole.kill(), "ba", SIGNATURES);
    expect(findings).toEqual([]);
    expect(summary.verdict).toEqual({ opens: true });
    expect(summary.recordsSealed).toBe(0);
    expect(summary.proven.blocks + summary.proven.commitQCs).toBe(summary.recordsRead);
  });

  test("E12 a payload that has the right checksums and the wrong tag is damage", async () => {
    const disk = whole.kill();
    const { next = 0n } =
      (await inspected(disk, "a")).summary.logs.find(({ name }) => name === lane) ?? {};
    forge(disk, [{ name: lane, number: next, payload: Buffer.alloc(300, "forged") }]);
    const { errors, summary } = await inspected(disk, "a");
    expect(errors).toMatchObject([{ class: "JOURNAL_CORRUPT", lane, number: next }]);
    // In the words of the inspection: the open that it rehearses refuses the record, too.
    expect(errors[0]?.message).toBe(WRONG_TAG);
    expect(summary.recordsSealed).toBe(0);
  });

  test("another key under its id is told from damage", async () => {
    const disk = whole.kill();
    forgeHead(disk, (head) => ({
      ...head,
      seal: head.seal && { ...head.seal, check: new Uint8Array(16) },
    }));
    const { errors } = await inspected(disk, "a");
    expect(errors).toMatchObject([{ class: "KEY_WRONG", severity: "error" }]);
  });
});

test("E12 a wrong tag in a retained segment is a warning at its record: nothing depends on it", async () => {
  const disk = whole.kill();
  const choices = { keys: { write: keyBytes("a") }, retainBytes: 400_000 };
  const keeper = await opened(disk, chain, choices);
  await pushAnchor(keeper, chain.qc(8n).anchor);
  await keeper.close();
  // Its head lists what was released.
  await (await opened(disk, chain, choices)).close();
  const [path = ""] = retainedPaths(disk);
  expect((await inspected(disk, "a", SIGNATURES)).findings).toEqual([]);
  const target = recordsIn(disk, path).find(({ record }) => record.payloadLength > FULL_PAYLOAD);
  forgeSegment(disk, path, ({ offset, payload }) => {
    return offset === target?.record.offset ? Buffer.alloc(payload.length, "forged") : undefined;
  });
  const { findings, errors, summary } = await inspected(disk, "a");
  expect(errors).toEqual([]);
  expect(summary.verdict).toEqual({ opens: true });
  expect(findings).toContainEqual(
    expect.objectContaining({
      severity: "warning",
      offset: target?.record.offset,
      message: WRONG_TAG,
    }),
  );
  // The chain of its checksums ends elsewhere now; without the key that alone is seen.
  const blind = await inspected(disk, "");
  expect(blind.findings.map(({ message }) => message)).not.toContain(WRONG_TAG);
});

test("of two keys the missing one is named, and the records under the other are proven", async () => {
  const disk = whole.kill();
  const keys = { write: keyBytes("b"), read: [keyBytes("a")] };
  const keeper = await opened(disk, chain, { keys });
  await pushBlocks(keeper, chain, lane, { from: 9n, to: 10n });
  // The power goes before anything was moved.
  const left = disk.kill();
  await keeper.close();
  const { errors, summary } = await inspected(left, "b");
  expect(errors).toMatchObject([{ class: "KEY_MISSING" }]);
  expect(errors[0]?.message).toContain(key("a").id);
  expect(summary.recordsSealed).toBeGreaterThan(0);
  expect(summary.recordsSealed).toBeLessThan(summary.recordsRead);
  expect((await inspected(left, "ab", SIGNATURES)).findings).toEqual([]);
});

test("a key that cannot be used is refused before anything is read", async () => {
  const looking = inspectedAt(whole.kill(), FORMS, DIRECTORY, [new Uint8Array(3)]);
  await expect(looking).rejects.toMatchObject({ code: "KEY_REFUSED" });
});
