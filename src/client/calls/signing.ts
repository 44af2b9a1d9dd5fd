/** Questions and decisions about what may be signed. */
import type { WaitOptions } from "../../async/signal.js";
import type { TakeReason } from "../../node/keeper.js";
import type { RaiseReason } from "../../persist/guards/guards.js";
import type { Raise } from "../../persist/guards/heights.js";
import type { MaySign, Place } from "../../persist/guards/may-sign.js";
import { KeeperService, MaySignRequestKind as Kind } from "../../rpc/api/keeper.js";
import { OperatorService } from "../../rpc/api/operator.js";
import { errorOf, laneBytes } from "../../rpc/failures.js";
import type { LaneId } from "../../types/lane.js";
import type { Connection } from "../connection.js";
import type { Session } from "../session.js";

const kinds = {
  block: Kind.BLOCK,
  laneVote: Kind.LANE_VOTE,
  vote: Kind.VOTE,
  appVote: Kind.APP_VOTE,
} as const;

/** An answer without a reason allows nothing, whatever service gave it. */
const UNSAID = {
  code: "GUARDED",
  message: "the service does not allow it, and says not why",
} as const;

export async function maySign(
  connection: Pick<Connection, "call">,
  place: Place,
): Promise<MaySign> {
  const asked = { kind: kinds[place.kind], ...formOf(place) };
  const { may, refusal, rule } = await connection.call(({ link, fence }) =>
    link.unary(KeeperService, "maySign", { ...asked, fence }),
  );
  if (may) return { may: true };
  const { code, message: text } = refusal ? errorOf(refusal) : UNSAID;
  return { may: false, code, rule, text };
}

export async function reserved(
  connection: Pick<Connection, "call">,
  place: Place,
  options: WaitOptions = {},
): Promise<void> {
  const asked = { kind: kinds[place.kind], ...formOf(place) };
  await connection.call(
    ({ link, fence }) =>
      link.unary(KeeperService, "waitForReservation", { place: { ...asked, fence } }, options),
    options,
  );
}

export async function takeReservations(
  connection: Connection,
  { reason, first, ended, who }: TakeReason & { readonly who: string },
  options: WaitOptions = {},
): Promise<void> {
  const request = { reason: { who, why: reason }, first, ended };
  const take = ({ link }: Session): Promise<unknown> =>
    link.unary(OperatorService, "takeReservations", request, options);
  await connection.call(take, options);
}

export async function raiseGuard(
  connection: Connection,
  { lanes, byLane = new Map<LaneId, bigint>(), votes }: Raise,
  { who, by, reason }: Omit<RaiseReason, "atMs"> & { readonly who: string },
): Promise<void> {
  const request = {
    reason: { who, why: reason },
    by,
    ...(lanes === undefined ? {} : { lanes }),
    byLane: [...byLane].map(([lane, height]) => ({ lane: laneBytes(lane), height })),
    ...(votes === undefined ? {} : { votes }),
  };
  await connection.call(({ link }) => link.unary(OperatorService, "raiseGuard", request));
}

function formOf(place: Place): object {
  if (place.kind === "vote" || place.kind === "appVote") return { roadIndex: place.roadIndex };
  const { lane, number, headerHash } = place;
  return {
    lane: laneBytes(lane),
    blockNumber: number,
    ...(headerHash === undefined ? {} : { headerHash }),
  };
}
