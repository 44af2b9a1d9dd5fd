/** The functions that a caller gives: whatever they do, the store answers with a typed error, and lives. */
import { expect, test } from "vitest";
import type { OpenChoices } from "../../src/node/options.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { ErrorCode } from "../../src/types/errors.js";
import type { Epoch } from "../../src/wire/committee.js";
import { Verifier } from "../../src/wire/verifier.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { fingerprints, fresh, laneAt, opened, pushAnchor, pushBlocks, refusal } from "./kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
let seeds = 500;

/** A closed store with blocks, and an anchor if one is asked for. */
async function closed(anchored: boolean): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  if (anchored) await pushAnchor(keeper, chain.qc(1n).anchor);
  await keeper.close();
  return disk;
}

async function openWith(disk: SimulatedDisk, more: Partial<OpenChoices>): Promise<Lanekeeper> {
  const choices = {
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    epochOf: chain.epochOf,
    ...more,
  };
  return await Lanekeeper.openOn(simulatedSurroundings(disk, ++seeds), DIRECTORY, choices);
}

const thrower = (): never => {
  throw new Error("committees are not loaded yet");
};

const wrongEpochs: readonly {
  readonly what: string;
  readonly epochOf: (index: bigint) => unknown;
  readonly code: ErrorCode;
}[] = [
  { what: "throws", epochOf: thrower, code: "CALLBACK_FAILED" },
  {
    what: "returns a promise",
    epochOf: (index) => Promise.resolve(chain.epochOf(index)),
    code: "USAGE",
  },
  {
    what: "returns a rejected promise",
    epochOf: () => Promise.reject(new Error("x")),
    code: "USAGE",
  },
  { what: "returns null", epochOf: () => null, code: "USAGE" },
  {
    what: "has a number for an index",
    epochOf: () => ({ ...chain.epoch, index: 0 }),
    code: "USAGE",
  },
  { what: "has no committee", epochOf: () => ({ ...chain.epoch, committee: {} }), code: "USAGE" },
];

test.each(wrongEpochs.flatMap((each) => [true, false].map((anchored) => ({ ...each, anchored }))))(
  "epochOf $what: the open is $code, leaves nothing open and changes nothing (anchor: $anchored)",
  async ({ epochOf, code, anchored }) => {
    const disk = await closed(anchored);
    const before = fingerprints(disk);
    await refusal(openWith(disk, { epochOf: epochOf as OpenChoices["epochOf"] }), code);
    if (anchored) expect(fingerprints(disk)).toEqual(before);
    const again = await opened(disk, chain);
    expect(again.recovery.lanes.get(lane)?.next).toBe(3n);
    await again.close();
  },
);

test("a committee that did not sign the anchor is WRONG_COMMITTEE, and never told as damage", async () => {
  const disk = await closed(true);
  const strangers = new TestChain(1);
  const unknown = (): undefined => undefined;
  for (const epochOf of [unknown, strangers.epochOf]) {
    const error = await refusal(openWith(disk, { epochOf }), "WRONG_COMMITTEE");
    expect(error.message).toMatch(/committee.*sound/);
    expect(error.message).not.toMatch(/restore|damage|corrupt/i);
  }
  await (await opened(disk, chain)).close();
});

test("a verifier that fails at open, or at a push, is CALLBACK_FAILED", async () => {
  const disk = await closed(true);
  const broken = new Verifier({ worker: "none" });
  let isBroken = true;
  const fail = async (): Promise<void> => {
    if (isBroken) throw new Error("the module of the verifier is gone");
  };
  Object.assign(broken, { verifyAnchor: fail, verifyCommitQC: fail });
  const error = await refusal(openWith(disk, { verifier: broken }), "CALLBACK_FAILED");
  expect(error.cause).toMatchObject({ message: "the module of the verifier is gone" });
  isBroken = false;
  const keeper = await openWith(disk, { verifier: broken });
  isBroken = true;
  await refusal(keeper.pushCommitQC(chain.qc(2n).bytes), "CALLBACK_FAILED");
  expect(keeper.status().poison).toBeUndefined();
  await keeper.close();
  await broken.close();
});

test("epochOf that calls the store while it is asked gets a typed error; the push goes on", async () => {
  const calls: Promise<unknown>[] = [];
  let reenter: (() => void) | undefined;
  const epochOf = (index: bigint): Epoch | undefined => {
    reenter?.();
    return chain.epochOf(index);
  };
  const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
  const { bytes } = chain.block(lane, 0n);
  reenter = () => {
    reenter = undefined;
    calls.push(refusal(keeper.pushBlock(bytes), "USAGE"));
  };
  expect(await keeper.pushBlock(bytes)).toEqual({ status: "admitted" });
  expect(calls).toHaveLength(1);
  await Promise.all(calls);
  await keeper.close();
});
