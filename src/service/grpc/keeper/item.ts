/** One item of a writer's stream: how it is put into the store, and what its client is told. */
import type { Lanekeeper } from "../../../node/lanekeeper.js";
import {
  type PersistRequestItem,
  type PersistResponseVerdict,
  PersistResponseOutcome as Outcome,
} from "../../../rpc/api/keeper.js";
import { failureOf } from "../../../rpc/failures.js";
import type { Encodable } from "../../../rpc/message.js";
import { assertNever } from "../../../types/assert.js";
import { PersisterError } from "../../../types/errors.js";
import type { LanekeeperError } from "../../../types/lanekeeper-error.js";
import type { RefusedKind } from "../../metrics/refusals.js";
import { endOfWait, toldError } from "../status.js";
import { anchorArgument, bytesArgument, laneQCArgument } from "./arguments.js";

export type Item = NonNullable<PersistRequestItem["item"]>;
export type Verdict = Encodable<typeof PersistResponseVerdict>;

/** The words of metrics for each kind of item. */
export const refusedKinds = {
  block: "block",
  commitQc: "commit_qc",
  anchor: "anchor",
  laneQc: "lane_qc",
  voteState: "vote",
} as const satisfies Readonly<Record<Item["case"], RefusedKind>>;

/** The bytes of an item. */
export function bytesOf(item: Item): number {
  return item.case === "voteState" ? item.value.votes.length : item.value.length;
}

/** Puts an item into the store. `signal` ends the wait for room. */
export async function put(
  keeper: Lanekeeper,
  item: Item,
  signal: AbortSignal,
): Promise<Omit<Verdict, "id">> {
  switch (item.case) {
    case "block": {
      const block = ownBytes(bytesArgument("block", item.value));
      const result = await keeper.pushOwnBlock(block, { signal });
      if (result.status === "admitted") return { outcome: Outcome.ADMITTED };
      return { outcome: Outcome.DROPPED, failure: { code: "INVALID", message: result.reason } };
    }
    case "commitQc":
      await keeper.pushCommitQC(bytesArgument("commit_qc", item.value), { signal });
      return { outcome: Outcome.ADMITTED };
    case "anchor":
      await keeper.pushAnchor(anchorArgument(item.value));
      return { outcome: Outcome.ADMITTED };
    case "laneQc":
      await keeper.pushLaneQC(laneQCArgument(item.value));
      return { outcome: Outcome.DURABLE };
    case "voteState":
      await keeper.writeVoteState(bytesArgument("votes", item.value.votes), item.value.roadIndex);
      return { outcome: Outcome.DURABLE };
    default:
      return assertNever(item);
  }
}

/**
 * The bytes of an item, which are a view of its message: nobody else has that. A large item takes it along. A copy is
 * made of a small one, which would keep its whole message in memory as long as the block is held.
 */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length >= bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** The verdict on an item that was refused with `error`. */
export function refusal(error: LanekeeperError): Omit<Verdict, "id"> {
  const outcome = error.code === "DUPLICATE" ? Outcome.DUPLICATE : Outcome.REFUSED;
  return { outcome, ...(outcome === Outcome.REFUSED ? { failure: failureOf(error) } : {}) };
}

/** The reason for which the waits of blocks are ended that have taken the window. */
export function laneFull(): PersisterError {
  return new PersisterError(
    "LANE_FULL",
    "the lane has its 30 blocks above the durable anchor, and too many wait: push an anchor, then this block again",
  );
}

/** The error that an item met; the reason of its signal, where that ended a wait. */
export function metError(cause: unknown): LanekeeperError {
  return toldError(endOfWait(cause));
}
