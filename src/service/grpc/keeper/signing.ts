/** Whether a message may be signed, asked by a validator or by its signer. */
import { type KeeperService, MaySignRequestKind as Kind } from "../../../rpc/api/keeper.js";
import type { MaySignRequest } from "../../../rpc/api/keeper.js";
import { failureOf } from "../../../rpc/failures.js";
import type { Place } from "../../../persist/guards/may-sign.js";
import { PersisterError } from "../../../types/errors.js";
import type { Handlers } from "../call.js";
import type { Home } from "../home.js";
import { laneArgument } from "./arguments.js";
import { readerSignal } from "./reads.js";

export function signingHandlers(
  home: Home,
): Pick<Handlers<typeof KeeperService.methods>, "maySign" | "waitForReservation"> {
  return {
    maySign: async (request) => {
      const { keeper, fence } = home.open();
      // A writer that was taken over is told so: another one may sign by now.
      if (request.fence !== 0n) fence.signalOf(request.fence).throwIfAborted();
      const verdict = keeper.maySign(placeOf(request));
      if (verdict.may) return { may: true };
      const { code, text, rule } = verdict;
      return { may: false, refusal: failureOf(new PersisterError(code, text)), rule };
    },
    waitForReservation: async ({ place }, call) => {
      if (!place) throw new PersisterError("USAGE", "the place is missing");
      const store = home.open();
      await store.keeper.reserved(placeOf(place), {
        signal: readerSignal(store, place.fence, call),
      });
      return {};
    },
  };
}

function placeOf({ kind, lane, blockNumber, headerHash, roadIndex }: MaySignRequest): Place {
  switch (kind) {
    case Kind.BLOCK: {
      const hash = headerHash.length === 0 ? {} : { headerHash };
      return { kind: "block", lane: laneArgument(lane), number: blockNumber, ...hash };
    }
    case Kind.LANE_VOTE:
      return { kind: "laneVote", lane: laneArgument(lane), number: blockNumber, headerHash };
    case Kind.VOTE:
      return { kind: "vote", roadIndex };
    case Kind.APP_VOTE:
      return { kind: "appVote", roadIndex };
    default:
      throw new PersisterError("USAGE", "kind says which message is to be signed");
  }
}
