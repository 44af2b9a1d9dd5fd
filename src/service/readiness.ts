/** Whether the store takes work: the one answer for `/readyz`, health and metrics. */
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
