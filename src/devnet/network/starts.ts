/** The start order of each validator of a devnet: keys and names follow from the seed. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { keyPairFromSeed } from "../../wire/signatures/signer.js";
import { epochOfKeys, type StartOrder } from "../validator/orders.js";
import type { NetworkOptions } from "./options.js";
import { saboteurOf } from "./strikes.js";

/** Bytes of pruned blocks that each store keeps for peers that catch up. */
const RETAIN_BYTES = 64 * 1024 * 1024;

export interface Start {
  readonly lane: LaneId;
  readonly order: StartOrder;
}

/** One for each validator; their stores lie in `directory`. */
export function startsOf(options: NetworkOptions, directory: string): Start[] {
  const { validators, seed: networkSeed, payload, powerCuts, sabotage, service } = options;
  const pairs = Array.from({ length: validators }, (_, index) => {
    const seed = createHash("sha256").update(`devnet ${networkSeed} ${index}`).digest();
    return { seed, publicKey: keyPairFromSeed(seed).publicKey };
  });
  const keys = pairs.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"));
  const { committee } = epochOfKeys(keys);
  return pairs.map(({ seed, publicKey }, index) => {
    const lane = committee.memberOf(publicKey)?.lane;
    assert(lane !== undefined, "every key is a member's");
    const store = join(directory, `validator-${index}`);
    const order = {
      kind: "start",
      directory: store,
      chainId: `devnet-${networkSeed}`,
      seed: seed.toString("hex"),
      keys,
      payloadBytes: payload,
      retainBytes: RETAIN_BYTES,
      undoDirectory: powerCuts > 0 ? `${store}-undo` : undefined,
      socket: service === true ? `${store}.sock` : undefined,
      sabotage: index === saboteurOf(options) ? sabotage : undefined,
    } as const;
    return { lane, order };
  });
}
