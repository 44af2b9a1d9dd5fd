/** Histories of a store with keys: rotations begin, go on in the background, and are crashed at every step. */
import { SoloChain } from "./chain.js";
import { keyBytes } from "../../journal/seal/kit.js";
import { type Stand, standard } from "./session.js";
import type { Workload } from "./workloads.js";

/** Blocks that fill a segment in a few rounds, so that there is something to be moved. */
const PAYLOAD_BYTES = 1500;

/** A rotation to another key and, with the next open, back: both while blocks, QCs and anchors come. */
const rekeyedWork: Workload = async ({ open }) => {
  let session = await open();
  for (let round = 0n; round < 2n; round++) {
    await session.pushAll(round);
    await session.qc(round);
  }
  await session.settled();
  await session.keeper.rotateKey(keyBytes("b"));
  await session.anchor(0n);
  for (let round = 2n; round < 4n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    session.vote(round);
  }
  await session.settled();
  await session.close();
  session = await open();

  for (let round = 4n; round < 6n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    if (round % 2n === 1n) await session.anchor(round - 2n);
  }
  await session.settled();
  await session.close();
};

const sealed: Stand = {
  ...standard,
  chain: new SoloChain({ lanes: 3, payloadBytes: () => PAYLOAD_BYTES }),
  keys: { write: keyBytes("a"), read: [keyBytes("b")] },
};

export const sealedWorkloads = { rekeyedWork: { workload: rekeyedWork, stand: sealed } } as const;
