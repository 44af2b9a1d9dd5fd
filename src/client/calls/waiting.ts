/**
 * Waits for durable cursors. As a rule they look at the picture alone. While the disk of the store is full,
 * a wait is a call: the library tries the disk again when somebody waits anew, and so does the service.
 */
import type { WaitOptions } from "../../async/signal.js";
import type { Waited } from "../../avail/looks.js";
import { KeeperService, Waited as WaitedMessage } from "../../rpc/api/keeper.js";
import { laneBytes } from "../../rpc/failures.js";
import type { LaneId } from "../../types/lane.js";
import type { Connection } from "../connection.js";
import { anchorLook, blockLook, commitQCLook } from "../picture/looks.js";

export async function waitForBlock(
  connection: Connection,
  { lane, number }: { readonly lane: LaneId; readonly number: bigint },
  options: WaitOptions = {},
): Promise<Waited> {
  const { picture, waits } = connection.memory;
  if (!picture.stalled)
    return await waits.waitFor([lane], blockLook(picture, lane, number), options);
  const request = { lane: laneBytes(lane), blockNumber: number };
  const { waited } = await connection.call(
    ({ link, fence }) => link.unary(KeeperService, "waitForBlock", { ...request, fence }, options),
    options,
  );
  return waitedOf(waited);
}

export async function waitForCommitQC(
  connection: Connection,
  roadIndex: bigint,
  options: WaitOptions = {},
): Promise<Waited> {
  const { picture, waits } = connection.memory;
  if (!picture.stalled) {
    return await waits.waitFor(["road"], () => commitQCLook(picture, roadIndex), options);
  }
  const { waited } = await connection.call(
    ({ link, fence }) =>
      link.unary(KeeperService, "waitForCommitQc", { roadIndex, fence }, options),
    options,
  );
  return waitedOf(waited);
}

export async function waitForAnchor(
  connection: Connection,
  roadIndex: bigint,
  options: WaitOptions = {},
): Promise<void> {
  const { picture, waits } = connection.memory;
  if (!picture.stalled) {
    await waits.waitFor(["anchor"], () => anchorLook(picture, roadIndex), options);
    return;
  }
  await connection.call(
    ({ link, fence }) => link.unary(KeeperService, "waitForAnchor", { roadIndex, fence }, options),
    options,
  );
}

function waitedOf(waited: number): Waited {
  return waited === WaitedMessage.PRUNED ? "pruned" : "durable";
}
