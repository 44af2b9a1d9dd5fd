/**
 * The look of a client that has just connected. Blocks that its validator pushed in an earlier life may be
 * queued yet; the look waits for them, so that what it finds is durable, as in the report of an open.
 */
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import type { Recovery } from "../../node/start.js";
import { KeeperService, type ServiceStatus } from "../../rpc/api/keeper.js";
import { PersisterError } from "../../types/errors.js";
import type { Connection } from "../connection.js";
import { recoveryOf } from "../picture/recovery.js";
import { heldLane } from "../picture/values.js";
import { waitForBlock, waitForCommitQC } from "./waiting.js";

export async function found(connection: Connection, options: WaitOptions): Promise<Recovery> {
  const before = await statusNow(connection, options);
  await queuedIsDurable(connection, before, options);
  const [report, votes, status] = await Promise.all([
    connection.call(({ link }) => link.unary(KeeperService, "getRecovery", {}, options), options),
    connection.call(({ link }) => link.unary(KeeperService, "getVoteState", {}, options), options),
    statusNow(connection, options),
  ]);
  const { picture } = connection.memory;
  const store = { anchor: new Uint8Array(0), pins: [], guards: undefined, ...status?.store };
  return recoveryOf({ report, votes, store, picture });
}

async function statusNow(
  connection: Connection,
  options: WaitOptions,
): Promise<ServiceStatus | undefined> {
  const { status } = await connection.call(
    ({ link }) => link.unary(KeeperService, "getStatus", {}, options),
    options,
  );
  return status;
}

/** A lane that goes no further, or a full disk, is told by later waits: it is no reason not to connect. */
async function queuedIsDurable(
  connection: Connection,
  status: ServiceStatus | undefined,
  options: WaitOptions,
): Promise<void> {
  const { lanes = [], road } = status?.store ?? {};
  const waits: Promise<unknown>[] = lanes
    .filter(({ next, durableNext }) => next > durableNext)
    .map(({ lane, next }) =>
      waitForBlock(connection, { lane: heldLane(lane), number: next - 1n }, options),
    );
  if (road && road.next > road.durableNext) {
    waits.push(waitForCommitQC(connection, road.next - 1n, options));
  }
  for (const ended of await Promise.allSettled(waits)) {
    if (ended.status === "rejected" && !(ended.reason instanceof PersisterError))
      throw ended.reason;
  }
  throwIfAborted(options.signal, "the connect");
}
