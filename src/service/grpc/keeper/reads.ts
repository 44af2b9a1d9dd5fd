/** The calls of a reader that end by themselves: waits, single records, ranges, the anchor, the votes. */
import { type KeeperService, Waited } from "../../../rpc/api/keeper.js";
import { hasCode } from "../../../types/errors.js";
import { encodePruneAnchor } from "../../../wire/codec/encode.js";
import type { Call, Handlers } from "../call.js";
import type { Home, OpenHome } from "../home.js";
import { laneArgument } from "./arguments.js";
import { type Batch, batches, type RecordLog } from "./ranges.js";
import { recoveryForm } from "../status-form.js";

type Reads = Pick<
  Handlers<typeof KeeperService.methods>,
  | "waitForBlock"
  | "waitForCommitQc"
  | "waitForAnchor"
  | "readBlock"
  | "readCommitQc"
  | "readBlocks"
  | "readCommitQcs"
  | "getAnchor"
  | "getVoteState"
  | "getRecovery"
>;

const waitedForms = { durable: Waited.DURABLE, pruned: Waited.PRUNED } as const;

export function readHandlers(home: Home): Reads {
  return {
    waitForBlock: async ({ lane, blockNumber, fence }, call) => {
      const store = home.open();
      const signal = readerSignal(store, fence, call);
      const id = laneArgument(lane);
      return { waited: waitedForms[await store.keeper.waitForBlock(id, blockNumber, { signal })] };
    },
    waitForCommitQc: async ({ roadIndex, fence }, call) => {
      const store = home.open();
      const signal = readerSignal(store, fence, call);
      return { waited: waitedForms[await store.keeper.waitForCommitQC(roadIndex, { signal })] };
    },
    waitForAnchor: async ({ roadIndex, fence }, call) => {
      const store = home.open();
      const signal = readerSignal(store, fence, call);
      await store.keeper.waitForAnchor(roadIndex, { signal });
      return {};
    },
    readBlock: async ({ lane, blockNumber }) => {
      const { bytes, isRetained } = await readEither(laneLog(home, lane), blockNumber);
      return { block: bytes, retained: isRetained };
    },
    readCommitQc: async ({ roadIndex }) => {
      const { bytes, isRetained } = await readEither(roadLog(home), roadIndex);
      return { commitQc: bytes, retained: isRetained };
    },
    readBlocks: (request, call) => {
      const found = batches(laneLog(home, request.lane), request, call.signal);
      return mapped(found, ({ first, records }) => ({ first, blocks: records }));
    },
    readCommitQcs: (request, call) => {
      const found = batches(roadLog(home), request, call.signal);
      return mapped(found, ({ first, records }) => ({ first, commitQcs: records }));
    },
    getAnchor: async () => {
      const { anchor, anchorRoadIndex } = home.open().keeper.status();
      return anchor ? { anchor: encodePruneAnchor(anchor), roadIndex: anchorRoadIndex } : {};
    },
    getVoteState: async () => {
      const { keeper } = home.open();
      const { abstainThrough } = keeper.recovery;
      const isCovered =
        abstainThrough !== undefined && keeper.cursors.road.durable > abstainThrough;
      return {
        votes: keeper.voteState,
        ...(isCovered ? {} : { abstainThrough }),
      };
    },
    getRecovery: async () => recoveryForm(home.open().keeper.recovery),
  };
}

/**
 * The signal of one who reads: aborts with the call, and, for a writer that reads under its fence, when
 * another one is let in.
 */
export function readerSignal({ fence }: OpenHome, number: bigint, { signal }: Call): AbortSignal {
  return number === 0n ? signal : AbortSignal.any([signal, fence.signalOf(number)]);
}

function laneLog(home: Home, bytes: Uint8Array): RecordLog {
  const { keeper } = home.open();
  const lane = laneArgument(bytes);
  return {
    cursor: () => keeper.cursors.lanes.get(lane),
    read: (number) => keeper.readBlock(lane, number),
    readRetained: (number) => keeper.readRetainedBlock(lane, number),
    retained: (range) => keeper.retainedBlocks(lane, range),
  };
}

function roadLog(home: Home): RecordLog {
  const { keeper } = home.open();
  return {
    cursor: () => keeper.cursors.road,
    read: (number) => keeper.readCommitQC(number),
    readRetained: (number) => keeper.readRetainedCommitQC(number),
    retained: (range) => keeper.retainedCommitQCs(range),
  };
}

/** A record that is held, or else retained. @throws {PersisterError} OUT_OF_SEQUENCE if it is neither. */
async function readEither(
  log: RecordLog,
  number: bigint,
): Promise<{ readonly bytes: Uint8Array; readonly isRetained: boolean }> {
  try {
    return { bytes: await log.read(number), isRetained: false };
  } catch (cause) {
    if (!hasCode(cause, "OUT_OF_SEQUENCE")) throw cause;
    const bytes = await log.readRetained(number);
    if (!bytes) throw cause;
    return { bytes, isRetained: true };
  }
}

async function* mapped<T>(
  found: AsyncIterable<Batch>,
  form: (batch: Batch) => T,
): AsyncGenerator<T> {
  for await (const batch of found) yield form(batch);
}
