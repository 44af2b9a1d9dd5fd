/** The status of a service, as a message. */
import { type ServiceStatus, ServiceStatusState as State } from "../../rpc/api/keeper.js";
import { failureOf } from "../../rpc/failures.js";
import type { Encodable } from "../../rpc/message.js";
import { fromMs } from "../../rpc/times.js";
import type { Status } from "../../node/status.js";
import { storeStatusForm } from "./status-form.js";
import type { Observed } from "../observed.js";

export function serviceStatusForm(
  observed: Observed & { readonly startedAtMs: number },
): Encodable<typeof ServiceStatus> {
  const state = observed.store();
  const writer = observed.writer();
  const store = state.kind === "open" ? state.keeper.status() : undefined;
  return {
    version: observed.version,
    startedAt: fromMs(observed.startedAtMs),
    state: stateOf(observed, store),
    ...(state.kind === "refused" ? { refusal: failureOf(state.error) } : {}),
    ...(store ? { store: storeStatusForm(store), storeId: store.storeId } : {}),
    ...(writer
      ? { fence: writer.fence, writer: writer.name, writerPresent: writer.isConnected }
      : {}),
  };
}

function stateOf({ store, isDraining }: Observed, status: Status | undefined): number {
  const { kind } = store();
  if (kind === "refused") return State.REFUSED;
  if (isDraining() || kind === "closed") return State.DRAINING;
  if (kind === "opening") return State.OPENING;
  if (status?.poison) return State.POISONED;
  return status?.stalled ? State.STALLED : State.SERVING;
}
