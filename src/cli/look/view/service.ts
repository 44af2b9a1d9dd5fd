/** A look at a running service, by its status. */
import { hex } from "../../../codec/hex.js";
import {
  KeeperService,
  type ServiceStatus,
  ServiceStatusState as State,
} from "../../../rpc/api/keeper.js";
import type { Failure, Range, StoreStatus } from "../../../rpc/api/types.js";
import { errorOf } from "../../../rpc/failures.js";
import { toMs } from "../../../rpc/times.js";
import { ROAD } from "../../../persist/kinds.js";
import { PersisterError } from "../../../types/errors.js";
import { archiveOfService } from "./archive.js";
import { reservationsOfService } from "./reservations.js";
import type { AskedService } from "./asked.js";
import { guardsOfService } from "./guards.js";
import type { LogView, Span, StoreView } from "./view.js";

const words: ReadonlyMap<number, string> = new Map([
  [State.OPENING, "the store is being opened"],
  [State.SERVING, "serving"],
  [State.REFUSED, "the store was refused"],
  [State.STALLED, "the disk is full: what is queued waits"],
  [State.POISONED, "poisoned: nothing is acknowledged any more"],
  [State.DRAINING, "ending: no new work is taken"],
]);

/** @throws {PersisterError} as `AskedService.ask`. */
export async function viewOfService(asked: AskedService): Promise<StoreView> {
  const { status } = await asked.ask(KeeperService, "getStatus", {});
  if (!status) throw new PersisterError("UNREACHABLE", `${asked.address}: it told no status`);
  const { store } = status;
  const failure = status.refusal ?? store?.poison ?? store?.stalled;
  const error = failure && errorOf(failure);
  const state = words.get(status.state) ?? "a state that this version does not know";
  return {
    directory: store?.directory ?? "",
    chainId: store?.chainId,
    storeId: status.storeId || undefined,
    state: error ? `${state}: ${error.code}: ${error.message}` : state,
    code: error?.code ?? (status.state === State.SERVING ? undefined : "NOT_READY"),
    logs: store ? logsOf(store) : [],
    anchorRoadIndex: store?.anchorRoadIndex,
    pins: (store?.pins ?? []).map(({ lane, blockNumber, headerHash }) => {
      return { lane: hex(lane), number: blockNumber, headerHash: hex(headerHash) };
    }),
    guards: store?.guards && guardsOfService(store.guards),
    archive: store?.archive && archiveOfService(store.archive),
    reservations: store?.reservations && reservationsOfService(store.reservations),
    segments: (store?.usage?.segments ?? []).map(({ state: of, slots, bytes }) => {
      return { state: of, slots: Number(slots), bytes: Number(bytes) };
    }),
    unread: [],
    service: serviceOf(asked.address, status),
  };
}

function serviceOf(address: string, status: ServiceStatus): StoreView["service"] {
  const { version, startedAt, writer, writerPresent, fence } = status;
  const startedMs = startedAt ? toMs(startedAt) : 0;
  return { address, version, startedMs, writer, writerPresent, fence };
}

function logsOf({ lanes, road }: StoreStatus): readonly LogView[] {
  const all = lanes.map((each) => {
    return logOf(hex(each.lane), each, each.refused);
  });
  return road ? [...all, logOf(ROAD, road)] : all;
}

interface Told {
  readonly first: bigint;
  readonly next: bigint;
  readonly durableNext: bigint;
  readonly retained?: Range | undefined;
}

function logOf(name: string, told: Told, refused?: Failure): LogView {
  const { first, next, durableNext: durable } = told;
  const retained = spanOf(told.retained);
  return {
    name,
    first,
    next,
    durable,
    ...(retained ? { retained } : {}),
    ...(refused ? { refused: `${refused.code}: ${refused.message}` } : {}),
  };
}

function spanOf(range: Range | undefined): Span | undefined {
  return range && range.first < range.next ? { first: range.first, next: range.next } : undefined;
}
