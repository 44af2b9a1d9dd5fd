/** Reads of the store. The service returns a retained record as it returns a live one, and says so. */
import type { ClientReadableStream } from "@grpc/grpc-js";
import { throwIfAborted } from "../../async/signal.js";
import { pruned } from "../../avail/refusals.js";
import type { RetainedRange, RetainedRecord } from "../../log/retained-records.js";
import type { Keeper } from "../../node/keeper.js";
import { KeeperService } from "../../rpc/api/keeper.js";
import { OperatorService } from "../../rpc/api/operator.js";
import { laneBytes } from "../../rpc/failures.js";
import { toMs } from "../../rpc/times.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { Connection } from "../connection.js";
import { callFailure } from "../link/failures.js";
import { heldLane } from "../picture/values.js";

interface Read {
  readonly bytes: Uint8Array;
  readonly isRetained: boolean;
}

export async function readBlock(
  connection: Connection,
  lane: LaneId,
  number: bigint,
): Promise<Uint8Array> {
  const { outbox, picture } = connection.memory;
  // The service may have been killed with it, and have it again in a moment.
  const admitted = outbox.admittedBlock(lane, number);
  if (admitted) return Uint8Array.from(admitted);
  const { bytes, isRetained } = await blockAt(connection, lane, number);
  if (isRetained) throw pruned(lane, number, picture.lanes.get(lane)?.first ?? number + 1n);
  return bytes;
}

export async function readCommitQC(connection: Connection, index: bigint): Promise<Uint8Array> {
  const { bytes, isRetained } = await commitQCAt(connection, index);
  if (!isRetained) return bytes;
  const message = `commit QC ${index} was pruned, ${connection.memory.picture.road.first} is the first`;
  throw new PersisterError("OUT_OF_SEQUENCE", message, { roadIndex: index });
}

export async function readRetainedBlock(
  connection: Connection,
  lane: LaneId,
  number: bigint,
): Promise<Uint8Array | undefined> {
  return await ifRetained(blockAt(connection, lane, number));
}

export async function readRetainedCommitQC(
  connection: Connection,
  index: bigint,
): Promise<Uint8Array | undefined> {
  return await ifRetained(commitQCAt(connection, index));
}

export async function* retainedBlocks(
  connection: Connection,
  lane: LaneId,
  range: RetainedRange,
): AsyncGenerator<RetainedRecord> {
  const end = connection.memory.picture.lanes.get(lane)?.first ?? 0n;
  const bounds = boundsOf(range, end);
  if (!bounds) return;
  const { link } = await connection.session(range);
  const request = { lane: laneBytes(lane), ...bounds };
  const call = link.serverStream(KeeperService, "readBlocks", request);
  yield* records(call, ({ first, blocks }) => ({ first, all: blocks }), range);
}

export async function* retainedCommitQCs(
  connection: Connection,
  range: RetainedRange,
): AsyncGenerator<RetainedRecord> {
  const bounds = boundsOf(range, connection.memory.picture.road.first);
  if (!bounds) return;
  const { link } = await connection.session(range);
  const call = link.serverStream(KeeperService, "readCommitQcs", bounds);
  yield* records(call, ({ first, commitQcs }) => ({ first, all: commitQcs }), range);
}

export async function releases(connection: Connection): ReturnType<Keeper["releases"]> {
  const { releases: all } = await connection.call(({ link }) =>
    link.unary(OperatorService, "listReleases", {}),
  );
  return all.map(({ lane, blockNumber, headerHash, reason, at }) => ({
    lane: heldLane(lane),
    number: blockNumber,
    headerHash: Buffer.from(headerHash).toString("hex"),
    reason,
    atMs: at ? toMs(at) : 0,
  }));
}

async function blockAt(connection: Connection, lane: LaneId, number: bigint): Promise<Read> {
  const request = { lane: laneBytes(lane), blockNumber: number };
  const { block, retained } = await connection.call(({ link }) =>
    link.unary(KeeperService, "readBlock", request),
  );
  return { bytes: Uint8Array.from(block), isRetained: retained };
}

async function commitQCAt(connection: Connection, roadIndex: bigint): Promise<Read> {
  const { commitQc, retained } = await connection.call(({ link }) =>
    link.unary(KeeperService, "readCommitQc", { roadIndex }),
  );
  return { bytes: Uint8Array.from(commitQc), isRetained: retained };
}

async function ifRetained(reading: Promise<Read>): Promise<Uint8Array | undefined> {
  try {
    const { bytes, isRetained } = await reading;
    return isRetained ? bytes : undefined;
  } catch (cause) {
    if (hasCode(cause, "OUT_OF_SEQUENCE")) return undefined;
    throw cause;
  }
}

/** The retained part of a range; `end` is the first live number. `undefined` where it is empty. */
function boundsOf({ from, next }: RetainedRange, end: bigint) {
  const bound = next !== undefined && next < end ? next : end;
  if ((from ?? 0n) >= bound) return undefined;
  return from === undefined ? { next: bound } : { first: from, next: bound };
}

/** A range is read in one session: one that is lost ends it, and the reader begins again above. */
async function* records<Message>(
  call: ClientReadableStream<Message>,
  taken: (message: Message) => { readonly first: bigint; readonly all: readonly Uint8Array[] },
  { signal }: RetainedRange,
): AsyncGenerator<RetainedRecord> {
  try {
    for await (const message of call.iterator({ destroyOnReturn: false })) {
      const { first, all } = taken(message as Message);
      for (const [at, bytes] of all.entries()) {
        throwIfAborted(signal, "the reading of a range");
        yield { number: first + BigInt(at), bytes: Uint8Array.from(bytes) };
      }
    }
  } catch (cause) {
    if (cause instanceof PersisterError) throw cause;
    throw callFailure(cause, "the reading of a range").error;
  } finally {
    call.cancel();
  }
}
