/** A service as its operator sees it, without a server: a store, and everything that is told of it. */
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { Meters } from "../../src/service/metrics/meters.js";
import type { Observed, StoreState } from "../../src/service/observed.js";
import type { TestChain } from "../model/chain.js";
import { CHAIN_ID } from "../model/chain.js";

/** A service that observes the store in `state`. */
export function observedOf(
  chain: TestChain,
  state: StoreState,
  more: Partial<Observed> = {},
): Observed {
  return {
    version: "0.0.0",
    directory: "/var/lib/lanekeeper",
    store: () => state,
    isDraining: () => false,
    writer: () => undefined,
    laneIndex: (lane) => {
      const index = chain.lanes.indexOf(lane);
      return index < 0 ? undefined : index;
    },
    certificates: () => [],
    ...more,
  };
}

export interface MeasuredStore extends AsyncDisposable {
  readonly keeper: Lanekeeper;
  readonly meters: Meters;
  readonly observed: Observed;
}

/** A store in memory that is measured. */
export async function measuredStore(chain: TestChain): Promise<MeasuredStore> {
  const meters = new Meters();
  const { epochOf } = chain;
  const keeper = await Lanekeeper.openMemory({
    chainId: CHAIN_ID,
    epochOf,
    observe: meters.store.observe,
  });
  return {
    keeper,
    meters,
    observed: observedOf(chain, { kind: "open", keeper }),
    [Symbol.asyncDispose]: () => keeper.close(),
  };
}
