/** The traffic that a killed validator writes, and that its reader compares with. */
import type { OpenChoices } from "../../../src/node/options.js";
import { SoloChain } from "../history/chain.js";

export const killChain = new SoloChain({ lanes: 3, payloadBytes: () => 1500 });

/** Segments that take a few blocks each: the store rotates with every second round. */
export const killChoices: OpenChoices = {
  chainId: "killed",
  segmentBytes: 48 * 1024,
  epochOf: killChain.epochOf,
  retainBytes: 0,
};

/** Any message will do: field 1, 24 bytes. */
export function voteBytes(roadIndex: bigint): Uint8Array {
  return Buffer.concat([Buffer.from([0x7a, 24]), Buffer.alloc(24, `vote ${roadIndex} `)]);
}
