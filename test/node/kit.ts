/** The tools of most tests of a whole store: birth, opening, reading it back, and refusals. */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { Keeper } from "../../src/node/keeper.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { OpenChoices } from "../../src/node/options.js";
import type { LaneId } from "../../src/types/lane.js";
import { PersisterError, type ErrorCode } from "../../src/types/errors.js";
import { laneRangeOf } from "../../src/wire/build.js";
import { buildAppQC, buildCommitQC } from "../../src/testing/certificates.js";
import type { PruneAnchor } from "../../src/wire/messages.js";
import { globalRange } from "../../src/wire/rules/proposal.js";
import { CHAIN_ID, type TestChain } from "../model/chain.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "./surroundings.js";

let seeds = 0;

/** A store on `disk`, made and closed. */
export async function born(disk = new SimulatedDisk()): Promise<SimulatedDisk> {
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.initOn(simulatedSurroundings(disk, ++seeds), DIRECTORY, choices);
  return disk;
}

/** The choices of a test for an opening. */
export type MoreChoices = Pick<OpenChoices, "retainBytes" | "moved" | "keys">;

/** Opens the store on `disk`; every opening draws other bytes. */
export async function opened(
  disk: SimulatedDisk,
  chain: TestChain,
  more: MoreChoices = {},
): Promise<Lanekeeper> {
  const { epochOf } = chain;
  const retainBytes = 0;
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf, retainBytes, ...more };
  return await Lanekeeper.openOn(simulatedSurroundings(disk, ++seeds), DIRECTORY, choices);
}

/** A fresh store, open. */
export async function fresh(
  chain: TestChain,
  more: MoreChoices = {},
): Promise<{ readonly disk: SimulatedDisk; readonly keeper: Lanekeeper }> {
  const disk = await born();
  return { disk, keeper: await opened(disk, chain, more) };
}

/** Closes, and opens the same directory in a fresh instance. */
export async function reopened(
  keeper: Lanekeeper,
  disk: SimulatedDisk,
  chain: TestChain,
  more: MoreChoices = {},
): Promise<Lanekeeper> {
  await keeper.close();
  return await opened(disk, chain, more);
}

export function laneAt(chain: TestChain, index: number): LaneId {
  const lane = chain.lanes[index];
  if (!lane) throw new Error(`the committee has no lane ${index}`);
  return lane;
}

/** Pushes blocks [from, to) of the lane and waits until they are durable. */
export async function pushBlocks(
  keeper: Keeper,
  chain: TestChain,
  lane: LaneId,
  range: { readonly from?: bigint; readonly to: bigint },
): Promise<void> {
  const { from = 0n, to } = range;
  for (let number = from; number < to; number++) {
    const admission = await keeper.pushBlock(chain.block(lane, number).bytes);
    expect(admission).toEqual({ status: "admitted" });
  }
  await keeper.waitForBlock(lane, to - 1n);
}

/** Pushes commit QCs [from, to) and waits until they are durable. */
export async function pushQCs(
  keeper: Keeper,
  chain: TestChain,
  range: { readonly from?: bigint; readonly to: bigint },
): Promise<void> {
  const { from = 0n, to } = range;
  for (let index = from; index < to; index++) await keeper.pushCommitQC(chain.qc(index).bytes);
  await keeper.waitForCommitQC(to - 1n);
}

export async function pushAnchor(keeper: Keeper, anchor: PruneAnchor): Promise<void> {
  await keeper.pushAnchor(anchor);
  await keeper.waitForAnchor(anchor.commitQC.vote.view.index);
}

/** The contents of a store, read back through its interface: ranges, and every byte. */
export async function contents(keeper: Keeper): Promise<unknown> {
  const lanes: Record<string, unknown> = {};
  for (const [lane, { first, next }] of keeper.recovery.lanes) {
    const blocks: string[] = [];
    for (let number = first; number < next; number++) {
      blocks.push(hex(await keeper.readBlock(lane, number)));
    }
    lanes[lane] = { first, next, blocks };
  }
  const { first, next } = keeper.recovery.road;
  const qcs: string[] = [];
  for (let index = first; index < next; index++) qcs.push(hex(await keeper.readCommitQC(index)));
  const anchor = keeper.recovery.anchor?.commitQC.vote.view.index;
  return { lanes, road: { first, next, qcs }, anchor };
}

/** The form in `contents` of a lane that holds blocks [first, next). */
export function laneOf(chain: TestChain, lane: LaneId, first: bigint, next: bigint): unknown {
  const blocks: string[] = [];
  for (let number = first; number < next; number++) {
    blocks.push(hex(chain.block(lane, number).bytes));
  }
  return { first, next, blocks };
}

/** The form in `contents` of all lanes if each holds blocks [first, next). */
export function lanesOf(chain: TestChain, first: bigint, next: bigint): Record<string, unknown> {
  const lanes: Record<string, unknown> = {};
  for (const lane of chain.lanes) lanes[lane] = laneOf(chain, lane, first, next);
  return lanes;
}

/** The form in `contents` of a road that holds QCs [first, next). */
export function roadOf(chain: TestChain, first: bigint, next: bigint): unknown {
  const qcs: string[] = [];
  for (let index = first; index < next; index++) qcs.push(hex(chain.qc(index).bytes));
  return { first, next, qcs };
}

/** The typed error that `attempt` is refused with. */
export async function refusal(
  attempt: Promise<unknown>,
  code: ErrorCode | readonly ErrorCode[],
): Promise<PersisterError> {
  const outcome = await attempt.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(outcome instanceof PersisterError)) {
    throw new Error(`a typed refusal was due (${String(code)})`, { cause: outcome });
  }
  expect([code].flat(), outcome.message).toContain(outcome.code);
  return outcome;
}

/** A fingerprint of every file on the disk. */
export function fingerprints(disk: SimulatedDisk): Map<string, string> {
  const prints = disk.files().map(({ path }): [string, string] => {
    return [path, createHash("sha256").update(disk.readNow(path)).digest("hex")];
  });
  return new Map(prints);
}

/** Opening is refused with one of `code`, and no byte of any file changed. */
export async function openRefused(
  disk: SimulatedDisk,
  chain: TestChain,
  code: ErrorCode | readonly ErrorCode[],
): Promise<PersisterError> {
  const before = fingerprints(disk);
  const error = await refusal(opened(disk, chain), code);
  expect(fingerprints(disk)).toEqual(before);
  return error;
}

/** Gives everything that can go on its turn. */
export async function turns(count = 40): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** Whether `promise` has settled by now. */
export function watched(promise: Promise<unknown>): { settled: boolean } {
  const watch = { settled: false };
  const note = async (): Promise<void> => {
    await Promise.allSettled([promise]);
    watch.settled = true;
  };
  note().catch(() => {});
  return watch;
}

/** An anchor at `index` whose QC has one block of each lane, from `starts` on. */
export function anchorAt(
  chain: TestChain,
  index: bigint,
  starts: readonly (bigint | undefined)[],
  epochIndex = 0n,
): PruneAnchor {
  const laneRanges = chain.lanes.flatMap((lane, each) => {
    const start = starts[each];
    if (start === undefined) return [];
    return [laneRangeOf(lane, start, [chain.block(lane, start).signed.msg.header])];
  });
  const proposal = {
    view: { index, number: 0n, epochIndex },
    timestamp: { seconds: 1_700_000_000n + index, nanos: 7 },
    laneRanges,
    globalFirst: index,
  };
  const { first, next } = globalRange(proposal);
  const app = {
    roadIndex: index,
    appHash: createHash("sha256").update(`app ${index}`).digest(),
    epochIndex,
    globalFirst: first,
    globalNext: next,
  };
  return { appQC: buildAppQC(app, chain.keys), commitQC: buildCommitQC(proposal, chain.keys) };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
