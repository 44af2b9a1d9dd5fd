/** Every argument of every public method is checked before anything begins: USAGE, and nothing changed. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { methodArguments } from "../../src/node/arguments.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { fingerprints, fresh, laneAt, pushBlocks, refusal, reopened, turns } from "./kit.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const votes = Buffer.from("7a0107", "hex");

type Method = keyof typeof methodArguments;

const methods = Object.keys(methodArguments) as Method[];

/** Arguments that each method takes. */
const good: Record<Method, readonly unknown[]> = {
  pushBlock: [chain.block(lane, 3n).bytes],
  nextBlock: [lane],
  pushCommitQC: [chain.qc(0n).bytes],
  pushAnchor: [chain.qc(0n).anchor],
  pushLaneQC: [{}],
  release: [lane, 1n, "asked all peers"],
  releases: [],
  maySign: [{ kind: "block", lane, number: 3n }],
  raiseGuard: [{ lanes: 3n }, { by: "operator", reason: "told by the old machine" }],
  reserved: [{ kind: "vote", roadIndex: 3n }],
  takeReservations: [{ reason: "the other machine is away" }],
  dropLanesExcept: [new Set([lane])],
  waitForBlock: [lane, 0n],
  waitForCommitQC: [0n],
  waitForAnchor: [0n],
  sync: [],
  durableBlocks: [],
  durableCommitQCs: [],
  readBlock: [lane, 0n],
  readCommitQC: [0n],
  readRetainedBlock: [lane, 0n],
  readRetainedCommitQC: [0n],
  retainedBlocks: [lane],
  retainedCommitQCs: [],
  writeVoteState: [votes, 1n],
  rotateKey: [{ file: "a key" }],
  backup: ["/backups"],
  waitForRotation: [],
  on: ["anchor", () => {}],
  status: [],
  close: [],
};

const hostile: readonly unknown[] = [
  new Proxy(
    {},
    {
      get: () => {
        throw new Error("a getter threw");
      },
      ownKeys: () => {
        throw new Error("ownKeys threw");
      },
    },
  ),
  { signal: { aborted: "yes" }, from: new Map([["x", 1]]), dropAll: 1, next: -1n },
  Object.create(null),
  new Map([[lane, 0n]]),
  new Set([lane, "x"]),
  [lane],
  lane.toUpperCase(),
  `${lane} `,
  new Date(Number.NaN),
  new ArrayBuffer(3),
  new DataView(new ArrayBuffer(3)),
  Uint16Array.of(1, 2),
  new WeakMap(),
  Symbol("x"),
  (): never => {
    throw new Error("called");
  },
  -1n,
  U64_MAX,
  U64_MAX + 1n,
  1n << 70n,
];

const junk = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
  }),
  fc.constantFrom(...hostile),
);

/** Calls the method and waits for its answer; what a wait waits for may never come. */
async function answer(
  keeper: Lanekeeper,
  method: Method,
  given: readonly unknown[],
): Promise<unknown> {
  const call = Reflect.get(keeper, method) as (...args: readonly unknown[]) => unknown;
  const asked = (async () => {
    const result: unknown = await call.apply(keeper, [...given]);
    const isStream =
      typeof result === "object" && result !== null && Symbol.asyncIterator in result;
    if (!isStream) return result;
    const stream = result as AsyncGenerator;
    return await Promise.race([stream.next(), turns(3)]);
  })();
  asked.catch(() => {});
  return await Promise.race([asked, turns(6)]);
}

interface Kept {
  readonly disk: SimulatedDisk;
  readonly keeper: Lanekeeper;
}

async function kept(): Promise<Kept> {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushBlocks(keeper, chain, laneAt(chain, 1), { to: 2n });
  await keeper.writeVoteState(votes, 1n);
  await turns();
  return { disk, keeper };
}

test("junk of every type at every public method: typed errors only, and no change of state", async () => {
  const { disk, keeper } = await kept();
  const takers = methods.filter((method) => methodArguments[method].length > 0);
  const before = fingerprints(disk);
  const places = takers.flatMap((method) =>
    methodArguments[method].map((_, at) => ({ method, at })),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), junk, async ({ method, at }, value) => {
      const given = [...good[method]];
      given[at] = value;
      try {
        methodArguments[method][at]?.(value);
        // This value may stand there: what it does then is no matter of arguments.
        if (method !== "pushBlock" && method !== "pushCommitQC" && method !== "pushAnchor") return;
        if (at > 0) return;
      } catch (cause) {
        expect(cause).toMatchObject({ code: "USAGE" });
      }
      await expect(answer(keeper, method, given)).rejects.toBeInstanceOf(LanekeeperError);
    }),
    { seed: 20261, numRuns: 1500 },
  );
  await turns();
  expect(fingerprints(disk)).toEqual(before);
  expect(keeper.status().poison).toBeUndefined();
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 0n, next: 3n });
  expect(again.recovery.voteState).toEqual(Uint8Array.from(votes));
  await again.close();
});

test.each([
  ["an ArrayBuffer", Uint8Array.of(10, 1, 7).buffer],
  ["a string", "abc"],
  ["a Uint16Array", Uint16Array.of(1, 2)],
  ["nothing", undefined],
])("a vote state that is %s is USAGE, and the one before it stands", async (_, state) => {
  const { disk, keeper } = await kept();
  await refusal(keeper.writeVoteState(state as never, 2n), "USAGE");
  for (const road of [2, -1n, U64_MAX + 1n, undefined]) {
    await refusal(keeper.writeVoteState(votes, road as bigint), "USAGE");
  }
  expect(keeper.status().poison).toBeUndefined();
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.voteState).toEqual(Uint8Array.from(votes));
  await again.close();
});

test("a vote state that does not decode is INVALID, and was not written", async () => {
  const { disk, keeper } = await kept();
  for (const bytes of [Buffer.from("ffffff", "hex"), Buffer.alloc(20_000)]) {
    const error = await refusal(keeper.writeVoteState(bytes, 7n), "INVALID");
    expect(error.roadIndex).toBe(7n);
  }
  const again = await reopened(keeper, disk, chain);
  expect(again.recovery.voteState).toEqual(Uint8Array.from(votes));
  await again.close();
});

test("dropping all lanes has to be said", async () => {
  const { keeper } = await kept();
  const other = laneAt(new TestChain(1), 0);
  const strange = new Set([chain.lanes.includes(other) ? lane.replaceAll("0", "1") : other]);
  for (const keep of [new Set(), strange] as Set<typeof lane>[]) {
    expect((await refusal(keeper.dropLanesExcept(keep), "USAGE")).message).toMatch(/dropAll/);
  }
  for (const keep of [undefined, "x", [lane], new Map([[lane, 0n]])]) {
    await refusal(keeper.dropLanesExcept(keep as never), "USAGE");
  }
  expect(keeper.status().lanes.size).toBe(2);
  await keeper.dropLanesExcept(new Set(), { dropAll: true });
  expect(keeper.status().lanes.size).toBe(0);
  await keeper.close();
});

test("options of init and open are named where they are wrong", async () => {
  const choices = { chainId: CHAIN_ID, epochOf: chain.epochOf };
  for (const wrong of [{ cacheBytes: -1 }, { verifier: {} }, { log: 1 }, { unknown: 1 }]) {
    const opening = Lanekeeper.openMemory({ ...choices, ...wrong } as never);
    expect((await refusal(opening, "USAGE")).message).toMatch(/option/);
  }
});
