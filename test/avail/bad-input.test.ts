/** Negative space of pushing: each bad message is refused by name, and the store is as it was. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { laneIdOf, type LaneId } from "../../src/types/lane.js";
import { buildBlock, signBlock } from "../../src/wire/build.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { laneProposalDigest, payloadHash } from "../../src/wire/hash.js";
import type { Block, SignedBlock } from "../../src/wire/messages.js";
import { TXS_BYTES_MAX } from "../../src/wire/messages.js";
import { TestChain } from "../model/chain.js";
import {
  contents,
  fresh,
  laneAt,
  laneOf,
  pushBlocks,
  refusal,
  reopened,
  roadOf,
  turns,
} from "../node/kit.js";
import { pushQCs } from "../node/kit.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
const other = laneAt(chain, 1);
const stranger = keyPairFromSeed(createHash("sha256").update("stranger").digest());

const good = (): SignedBlock => chain.block(lane, 2n).signed;
const owner = chain.keysOf(lane);

function withPayload(in_: LaneId, txs: readonly Uint8Array[]): Block {
  const payload = { ...good().msg.payload, txs };
  const header = { ...good().msg.header, lane: in_, payloadHash: payloadHash(payload) };
  return { header, payload };
}

function signed(block: Block, keys = owner): SignedBlock {
  return { msg: block, sig: keys.sign(laneProposalDigest(block)) };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[10] = (copy[10] ?? 0) ^ 1;
  return copy;
}

const unknownLane = laneIdOf(stranger.publicKey, 0n);

interface BadBlock {
  readonly what: string;
  readonly block: () => SignedBlock;
  readonly code: "INVALID" | "OUT_OF_SEQUENCE";
  readonly lane?: LaneId;
  readonly number?: bigint;
}

const badBlocks: readonly BadBlock[] = [
  {
    what: "S6 a wrong signer",
    block: () => signBlock(good().msg, chain.keysOf(other)),
    code: "INVALID",
  },
  {
    what: "a wrong signature",
    block: () => ({ ...good(), sig: { ...good().sig, bytes: flipped(good().sig.bytes) } }),
    code: "INVALID",
  },
  {
    what: "a wrong payload hash",
    block: () => {
      const { header, payload } = good().msg;
      return signed({ header: { ...header, payloadHash: flipped(header.payloadHash) }, payload });
    },
    code: "INVALID",
  },
  {
    what: "an unknown lane",
    block: () => signed(withPayload(unknownLane, [Buffer.from("x")]), stranger),
    code: "INVALID",
    lane: unknownLane,
  },
  {
    what: "a number above the next",
    block: () => chain.block(lane, 4n).signed,
    code: "OUT_OF_SEQUENCE",
    number: 4n,
  },
  {
    what: "a payload above the limit",
    block: () => signed(withPayload(lane, [Buffer.alloc(TXS_BYTES_MAX + 1)])),
    code: "INVALID",
  },
  {
    what: "a block larger than a segment holds",
    block: () => signed(withPayload(lane, [Buffer.alloc(60 * 1024)])),
    code: "INVALID",
  },
];

const forms = ["value", "bytes"] as const;
const cases = badBlocks.flatMap((bad) => forms.map((form) => ({ ...bad, form })));

test.each(cases)("$what is refused as $code, naming lane and number ($form)", async (bad) => {
  const { disk, keeper } = await fresh(chain);
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const block = bad.block();
  const offered = bad.form === "bytes" ? encodeSignedBlock(block) : block;
  const error = await refusal(keeper.pushBlock(offered), bad.code);
  expect(error.lane).toBe(bad.lane ?? lane);
  expect(error.blockNumber).toBe(bad.number ?? 2n);
  await turns();
  expect(keeper.status().poison).toBeUndefined();
  await pushBlocks(keeper, chain, lane, { from: 2n, to: 3n });
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ lanes: { [lane]: laneOf(chain, lane, 0n, 3n) } });
  await again.close();
});

test("S6 bytes that are no block, no QC, are refused as INVALID", async () => {
  const { keeper } = await fresh(chain);
  await refusal(keeper.pushBlock(Buffer.from("nonsense")), "INVALID");
  await refusal(keeper.pushCommitQC(Buffer.from("nonsense")), "INVALID");
  await refusal(keeper.pushBlock(new Uint8Array(0)), "INVALID");
  await keeper.close();
});

test("a commit QC without its quorum, or with a wrong signature, is refused by road index", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 1n });
  const { qc } = chain.qc(1n);
  const [first, ...rest] = qc.sigs;
  if (!first) throw new Error("a QC has signatures");
  const bad = [
    { ...qc, sigs: [first] },
    { ...qc, sigs: [{ ...first, bytes: flipped(first.bytes) }, ...rest] },
    { ...qc, sigs: [first, first, ...rest] },
    { ...qc, vote: { ...qc.vote, view: { ...qc.vote.view, epochIndex: 9n } } },
  ];
  for (const each of bad) {
    const error = await refusal(keeper.pushCommitQC(each), "INVALID");
    expect(error.roadIndex).toBe(1n);
  }
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 1n) });
  await again.close();
});

test("an anchor that contradicts the road, or does not verify, is refused by road index", async () => {
  const { disk, keeper } = await fresh(chain);
  await pushQCs(keeper, chain, { to: 3n });
  const { anchor } = chain.qc(1n);
  const unsigned = { ...anchor, appQC: { ...anchor.appQC, sigs: [] } };
  expect((await refusal(keeper.pushAnchor(unsigned), "INVALID")).roadIndex).toBe(1n);
  const fork = chain.qc(1n, 1).anchor;
  expect((await refusal(keeper.pushAnchor(fork), "CONFLICT")).roadIndex).toBe(1n);
  const again = await reopened(keeper, disk, chain);
  expect(await contents(again)).toMatchObject({ road: roadOf(chain, 0n, 3n), anchor: undefined });
  await again.close();
});

test("a block of exactly the bytes that a segment holds is taken; one of a byte more is not", async () => {
  const { disk, keeper } = await fresh(chain);
  const sized = (bytes: number): Uint8Array => {
    const { header } = chain.block(lane, 0n).signed.msg;
    const made = (txBytes: number): Uint8Array => {
      const payload = { ...good().msg.payload, txs: [Buffer.alloc(txBytes, 5)] };
      return encodeSignedBlock(signBlock(buildBlock({ ...header, payload }), owner));
    };
    // Beside its transaction a block takes the same bytes, but for those of lengths.
    const found = made(bytes - (made(bytes).length - bytes));
    expect(found).toHaveLength(bytes);
    return found;
  };
  const huge = await refusal(keeper.pushBlock(sized(100_000)), "INVALID");
  const most = Number(/more than a segment .*\((\d+)\)/.exec(huge.message)?.[1]);
  const above = await refusal(keeper.pushBlock(sized(most + 1)), "INVALID");
  expect([above.lane, above.blockNumber]).toEqual([lane, 0n]);
  const largest = sized(most);
  expect(await keeper.pushBlock(largest)).toEqual({ status: "admitted" });
  expect(await keeper.waitForBlock(lane, 0n)).toBe("durable");
  const again = await reopened(keeper, disk, chain);
  expect(Buffer.from(await again.readBlock(lane, 0n)).equals(largest)).toBe(true);
  await again.close();
});

test("a block is built within the limits only", () => {
  const place = { lane, blockNumber: 0n, parentHash: new Uint8Array(32) };
  const payload = { ...good().msg.payload, txs: [Buffer.alloc(TXS_BYTES_MAX + 1)] };
  expect(() => buildBlock({ ...place, payload })).toThrow();
});
