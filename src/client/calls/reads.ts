/** Reads of the store. The service returns a retained record as it returns a live one, and says so. */
import type { ClientReadableStream } from "@grpc/grpc-js";
import { throwIfAborted } from "../../async/signal.js";
import { pruned } from "../../avail/refusals.js";
import type { RetainedRange, RetainedRecord } from "../../log/retained-range.js";
import type { Keeper } from "../../node/keeper.js";
import {
  KeeperService,
  type ReadBlocksResponse,
  type ReadCommitQcsResponse,
} from "../../rpc/api/keeper.js";
import { OperatorService } from "../../rpc/api/operator.js";
import { laneBytes } from "../../rpc/failures.js";
import { toMs } from "../../rpc/times.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { parentHashAt } from "../../wire/build.js";
import type { PruneAnchor } from "../../wire/messages.js";
import type { Connection } from "../connection.js";
import { callFailure } from "../link/failures.js";
import { heldLane } from "../picture/values.js";
import type { Session } from "../session.js";

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

/** As `Keeper.nextBlock`: of the picture, and of the block before it. */
export async function nextBlock(
  connection: Connection,
  lane: LaneId,
): ReturnType<Keeper["nextBlock"]> {
  const { outbox, picture, status, recovery } = connection.memory;
  const number =
    picture.lanes.get(lane)?.next ??
    startOf(lane, status.now(recovery, { listenerFailures: 0 }).anchor);
  const before = async (): Promise<Uint8Array | undefined> => {
    const admitted = outbox.admittedBlock(lane, number - 1n);
    return admitted ?? (await ifHeld(blockAt(connection, lane, number - 1n)))?.bytes;
  };
  return { number, parentHash: await parentHashAt(number, undefined, before) };
}

/** The start that the durable anchor gives to a lane of which nothing else is known. */
function startOf(lane: LaneId, anchor: PruneAnchor | undefined): bigint {
  const ranges = anchor?.commitQC.vote.laneRanges ?? [];
  return ranges.find((range) => range.lane === lane)?.first ?? 0n;
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

export function retainedBlocks(
  connection: Connection,
  lane: LaneId,
  range: RetainedRange,
): AsyncGenerator<RetainedRecord> {
  const end = connection.memory.picture.lanes.get(lane)?.first ?? 0n;
  return records(connection, boundsOf(range, end), {
    signal: range.signal,
    open: ({ link }, bounds) =>
      link.serverStream(KeeperService, "readBlocks", { lane: laneBytes(lane), ...bounds }),
    taken: ({ first, blocks }: ReadBlocksResponse) => ({ first, all: blocks }),
  });
}

export function retainedCommitQCs(
  connection: Connection,
  range: RetainedRange,
): AsyncGenerator<RetainedRecord> {
  const { first: end } = connection.memory.picture.road;
  return records(connection, boundsOf(range, end), {
    signal: range.signal,
    open: ({ link }, bounds) => link.serverStream(KeeperService, "readCommitQcs", bounds),
    taken: ({ first, commitQcs }: ReadCommitQcsResponse) => ({ first, all: commitQcs }),
  });
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
  const read = await ifHeld(reading);
  return read?.isRetained === true ? read.bytes : undefined;
}

/** Of a record that is held, or retained. */
async function ifHeld(reading: Promise<Read>): Promise<Read | undefined> {
  try {
    return await reading;
  } catch (cause) {
    if (hasCode(cause, "OUT_OF_SEQUENCE")) return undefined;
    throw cause;
  }
}

/** Numbers [first, next), or all below next. */
interface Bounds {
  readonly first?: bigint;
  readonly next: bigint;
}

/** The retained part of a range; `end` is the first live number. */
function boundsOf({ from, next }: RetainedRange, end: bigint): Bounds {
  const bound = next !== undefined && next < end ? next : end;
  return from === undefined ? { next: bound } : { first: from, next: bound };
}

interface Reading<Message> {
  readonly signal: AbortSignal | undefined;
  readonly open: (session: Session, bounds: Bounds) => ClientReadableStream<Message>;
  readonly taken: (message: Message) => {
    readonly first: bigint;
    readonly all: readonly Uint8Array[];
  };
}

/** A range that a lost session cuts goes on in the next one, behind what was read. */
async function* records<Message>(
  connection: Connection,
  { first, next }: Bounds,
  { signal, open, taken }: Reading<Message>,
): AsyncGenerator<RetainedRecord> {
  let from = first;
  while ((from ?? 0n) < next) {
    const session = await connection.session({ signal });
    const call = open(session, from === undefined ? { next } : { first: from, next });
    try {
      for await (const message of call.iterator({ destroyOnReturn: false })) {
        const { first: number, all } = taken(message as Message);
        for (const [at, bytes] of all.entries()) {
          throwIfAborted(signal, "the reading of a range");
          from = number + BigInt(at) + 1n;
          yield { number: from - 1n, bytes: Uint8Array.from(bytes) };
        }
      }
      return;
    } catch (cause) {
      if (cause instanceof PersisterError) throw cause;
      const { error, mayRetry } = callFailure(cause, "the reading of a range");
      if (!mayRetry) throw error;
      await session.ended;
    } finally {
      call.cancel();
    }
  }
}
