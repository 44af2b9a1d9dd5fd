/** The own lane of a validator whose store does not take a block of it. */
import { expect, test } from "vitest";
import { Engine } from "../../../src/devnet/protocol/engine.js";
import type { Output } from "../../../src/devnet/protocol/step.js";
import { epochOfKeys } from "../../../src/devnet/validator/orders.js";
import { hex } from "../../../src/codec/hex.js";
import { buildBlock, signBlock } from "../../../src/wire/build.js";
import { encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import { headerHash } from "../../../src/wire/hash.js";
import type { BlockHeader } from "../../../src/wire/messages.js";
import { keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { nothing } from "./start.js";

const all = [1, 2, 3, 4].map((at) => keyPairFromSeed(Buffer.alloc(32, at)));
const keys = all[0]!;
const epoch = epochOfKeys(all.map(({ publicKey }) => hex(publicKey)));
const lane = epoch.committee.memberOf(keys.publicKey)!.lane;

function blockOf(blockNumber: bigint, parentHash: Uint8Array, seconds = 1n) {
  const payload = {
    createdAt: { seconds, nanos: 0 },
    txs: [],
    totalGasWanted: 0n,
    totalGasEstimated: 0n,
  };
  const block = buildBlock({ lane, blockNumber, parentHash, payload });
  return { header: block.header, bytes: encodeSignedBlock(signBlock(block, keys)) };
}

const isProduce = (output: Output) => output.kind === "produce";

/** A validator whose block 0 is durable. It has asked for block 1. */
function engineAtOne(): { engine: Engine; first: BlockHeader } {
  const engine = new Engine({ keys, epoch }, nothing, () => ({ seconds: 1n, nanos: 0 }));
  const begun = engine.begin(nothing).find(isProduce)!;
  expect(begun).toMatchObject({ number: 0n });
  const { header: first } = blockOf(0n, new Uint8Array(32));
  const out = engine.handle({ kind: "produced", header: first, headerHash: headerHash(first) });
  expect(out.filter(isProduce)).toMatchObject([{ number: 1n, parentHash: headerHash(first) }]);
  engine.handle({ kind: "blockDurable", header: first, mayVote: true });
  return { engine, first };
}

const served = { road: { first: 0n, next: 0n }, lanes: [], isWhole: false };
const tick = { kind: "tick", served, isGuarded: false } as const;

test("a block that the store did not take is made again behind the next tick, on the last one that it holds", () => {
  const { engine, first } = engineAtOne();
  const { header } = blockOf(1n, headerHash(first));
  engine.handle({ kind: "produced", header, headerHash: headerHash(header) });
  // At once it would be made for ever: a refusal comes back in the same turn of the event loop.
  expect(engine.handle({ kind: "blockRefused", lane, number: 1n }).filter(isProduce)).toEqual([]);
  // Block 2 was asked for before that: it comes, and is refused, too.
  const { header: next } = blockOf(2n, headerHash(header));
  engine.handle({ kind: "produced", header: next, headerHash: headerHash(next) });
  engine.handle({ kind: "blockRefused", lane, number: 2n });
  expect(engine.handle(tick).filter(isProduce)).toEqual([
    { kind: "produce", number: 1n, parentHash: headerHash(first) },
  ]);
});

test("a block of the own lane that came from a peer, and that the store dropped, is nobody's parent", () => {
  const { engine, first } = engineAtOne();
  engine.handle({ kind: "notProduced" });
  // Another machine with our key has made another block 0, and this one on top of it.
  const other = blockOf(0n, new Uint8Array(32), 2n);
  const { header, bytes } = blockOf(1n, headerHash(other.header));
  const peer = epoch.committee.members[1]!.lane;
  const out = engine.handle({
    kind: "message",
    from: peer,
    message: { kind: "block", header, bytes },
  });
  expect(out.map(({ kind }) => kind)).toContain("storeBlock");
  engine.handle({ kind: "blockRefused", lane, number: 1n });
  expect(engine.handle(tick).filter(isProduce)).toEqual([
    { kind: "produce", number: 1n, parentHash: headerHash(first) },
  ]);
});
