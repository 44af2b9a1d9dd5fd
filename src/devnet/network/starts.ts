/** The start order of each validator of a devnet: keys and names follow from the seed. */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { SOCKET_FILE } from "../../journal/form/store.js";
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { keyPairFromSeed } from "../../wire/signatures/signer.js";
import { epochOfKeys, type StartOrder } from "../validator/orders.js";
import type { NetworkOptions } from "./options.js";
import { saboteurOf } from "./strikes.js";

/** By hand nobody is in a hurry: the machine is the person's, who works beside the devnet. */
const BY_HAND_PACE_MS = 1000;
/** Bytes of pruned blocks that each store keeps for peers that catch up. */
const RETAIN_BYTES = 64 * 1024 * 1024;
/**
 * With an archive: some segments, and small ones, so that a peer that was away has missed them as a rule. A segment
 * takes several blocks.
 */
const RETAIN_BYTES_ARCHIVED = 512 * 1024;
const SEGMENT_BYTES_ARCHIVED = 256 * 1024;
const SEGMENT_BLOCKS = 8;

export interface Start {
  readonly lane: LaneId;
  readonly machine: number;
  readonly order: StartOrder;
}

/**
 * One for each validator; their stores lie in `directory`. With standbys the second machines follow behind
 * all first ones.
 */
export function startsOf(options: NetworkOptions, directory: string): Start[] {
  const { validators, seed: networkSeed, payload, powerCuts, sabotage, service } = options;
  const { standby, archive, byHand } = options;
  const pairs = Array.from({ length: validators }, (_, index) => {
    const seed = createHash("sha256").update(`devnet ${networkSeed} ${index}`).digest();
    return { seed, publicKey: keyPairFromSeed(seed).publicKey };
  });
  const keys = pairs.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"));
  const { committee } = epochOfKeys(keys);
  const machines = standby === true ? [0, 1] : [0];
  const all = machines.flatMap((machine) =>
    pairs.map((pair, index) => ({ ...pair, index, machine })),
  );
  return all.map(({ seed, publicKey, index, machine }) => {
    const lane = committee.memberOf(publicKey)?.lane;
    assert(lane !== undefined, "every key is a member's");
    const store = join(directory, `validator-${index}${machine === 0 ? "" : "-standby"}`);
    const order = {
      kind: "start",
      directory: store,
      chainId: `devnet-${networkSeed}`,
      seed: seed.toString("hex"),
      keys,
      payloadBytes: payload,
      paceMs: byHand === true ? BY_HAND_PACE_MS : undefined,
      retainBytes: archive === undefined ? RETAIN_BYTES : RETAIN_BYTES_ARCHIVED,
      segmentBytes:
        archive === undefined
          ? undefined
          : Math.max(SEGMENT_BYTES_ARCHIVED, SEGMENT_BLOCKS * payload),
      archive,
      undoDirectory: powerCuts > 0 ? `${store}-undo` : undefined,
      socket: socketOf(store, { service, byHand }),
      isFirst: machine === 0,
      reserve: standby === true ? `file://${resolve(directory, "reservations")}` : undefined,
      sabotage: index === saboteurOf(options) ? sabotage : undefined,
    } as const;
    return { lane, machine, order };
  });
}

/** By hand it is in the store's directory, where every command finds it. */
function socketOf(
  store: string,
  { service, byHand }: Pick<NetworkOptions, "service" | "byHand">,
): string | undefined {
  if (byHand === true) return join(store, SOCKET_FILE);
  return service === true ? `${store}.sock` : undefined;
}
