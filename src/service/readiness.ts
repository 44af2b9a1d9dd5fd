/** Whether the store takes work: the one answer for `/readyz`, health and metrics. */
import { KeeperService } from "../rpc/api/keeper.js";
import { OperatorService } from "../rpc/api/operator.js";
import type { ErrorCode } from "../types/error-codes.js";
import type { Observed, StoreState } from "./observed.js";

export type Readiness =
  | { readonly isReady: true }
  /** `code` is that of the error that keeps the store from being ready, if it is an error. */
  | { readonly isReady: false; readonly why: string; readonly code?: ErrorCode };

/** Ready: recovered, not poisoned, not stalled, and not about to end. */
export function readinessOf({
  store,
  isDraining,
}: Pick<Observed, "store" | "isDraining">): Readiness {
  const state = store();
  if (state.kind === "open" && isDraining())
    return { isReady: false, why: "the service is ending" };
  return readinessOfStore(state);
}

function readinessOfStore(state: StoreState): Readiness {
  switch (state.kind) {
    case "opening":
      return { isReady: false, why: "the store is being recovered" };
    case "refused":
      return { isReady: false, why: state.error.message, code: state.error.code };
    case "closed":
      return { isReady: false, why: "the store is closed", code: "CLOSED" };
    case "open": {
      const { poison, stalled } = state.keeper.status();
      const error = poison ?? stalled;
      if (!error) return { isReady: true };
      return { isReady: false, why: error.message, code: error.code };
    }
  }
}

/** A service of another store, and whether that one takes work. */
interface Other {
  readonly served: { readonly service: { readonly name: string } };
  readonly isServing: () => boolean;
}

/**
 * Whether each service serves, by its full name. The validator's store answers for itself and for "", as
 * `/readyz` does. An operator is served as long as the process is not about to end: a store that was refused
 * has the most need of one.
 */
export function healthOf(
  observed: Pick<Observed, "store" | "isDraining">,
  others: readonly Other[],
): ReadonlyMap<string, boolean> {
  const { isReady } = readinessOf(observed);
  const isStaying = !observed.isDraining();
  return new Map([
    ["", isReady],
    [KeeperService.name, isReady],
    [OperatorService.name, isStaying],
    ...others.map(({ served, isServing }): [string, boolean] => {
      return [served.service.name, isStaying && isServing()];
    }),
  ]);
}
