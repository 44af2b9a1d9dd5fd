/** The records of a running service: those that it holds, and, where they are followed, those that become durable. */
import { hex } from "../../../codec/hex.js";
import { KeeperService } from "../../../rpc/api/keeper.js";
import { laneBytes } from "../../../rpc/failures.js";
import { hasCode } from "../../../types/errors.js";
import { laneId } from "../../../types/lane.js";
import { ROAD } from "../../../persist/kinds.js";
import type { AskedService } from "../view/asked.js";
import { viewOfService } from "../view/service.js";
import { isNamedLog, type Selection } from "./selection.js";

export interface ServedRecord {
  readonly log: string;
  readonly number: bigint;
  /** `undefined` where an anchor passed it before it could be read. */
  readonly bytes: Uint8Array | undefined;
}

/** Records of one log after the other. @throws {PersisterError} as `AskedService.ask`. */
export async function* heldRecords(
  asked: AskedService,
  selection: Selection,
): AsyncGenerator<ServedRecord> {
  const { logs } = await viewOfService(asked);
  for (const { name } of logs.filter((log) => isNamedLog(selection, log.name))) {
    yield* name === ROAD ? heldCommitQCs(asked, selection) : heldBlocks(asked, name, selection);
  }
}

async function* heldBlocks(asked: AskedService, log: string, { range }: Selection) {
  const request = { lane: laneBytes(laneId(log)), ...range };
  for await (const { first, blocks } of asked.follow(KeeperService, "readBlocks", request)) {
    for (const [at, bytes] of blocks.entries()) yield { log, number: first + BigInt(at), bytes };
  }
}

async function* heldCommitQCs(asked: AskedService, { range }: Selection) {
  for await (const { first, commitQcs } of asked.follow(KeeperService, "readCommitQcs", range)) {
    for (const [at, bytes] of commitQcs.entries()) {
      yield { log: ROAD, number: first + BigInt(at), bytes };
    }
  }
}

/** Blocks, and commit QCs, as they become durable, from the durable cursors of this moment on, until the service ends. */
export function durableRecords(
  asked: AskedService,
): readonly [AsyncGenerator<ServedRecord>, AsyncGenerator<ServedRecord>] {
  return [durableBlocks(asked), durableCommitQCs(asked)];
}

async function* durableBlocks(asked: AskedService): AsyncGenerator<ServedRecord> {
  for await (const { blocks } of asked.follow(KeeperService, "durableBlocks", {})) {
    for (const { lane, blockNumber } of blocks) {
      const log = hex(lane);
      yield { log, number: blockNumber, bytes: await blockAt(asked, lane, blockNumber) };
    }
  }
}

async function blockAt(asked: AskedService, lane: Uint8Array, blockNumber: bigint) {
  try {
    return (await asked.ask(KeeperService, "readBlock", { lane, blockNumber })).block;
  } catch (cause) {
    if (!hasCode(cause, "OUT_OF_SEQUENCE")) throw cause;
    return undefined;
  }
}

async function* durableCommitQCs(asked: AskedService): AsyncGenerator<ServedRecord> {
  for await (const { roadIndex, commitQc } of asked.follow(KeeperService, "durableCommitQcs", {})) {
    // A heartbeat, or the marker.
    if (commitQc.length === 0) continue;
    yield { log: ROAD, number: roadIndex, bytes: commitQc };
  }
}
