/** The unary calls of a writer: one thing each, answered when it is admitted or durable. */
import { Durability } from "../../../rpc/api/types.js";
import { type KeeperService, PushBlockResponseResult as Result } from "../../../rpc/api/keeper.js";
import { hasCode } from "../../../types/errors.js";
import { decodeCommitQC } from "../../../wire/codec/decode.js";
import { readSignedBlockHeader } from "../../../wire/codec/block-header.js";
import type { Call, Handlers } from "../call.js";
import type { Home, OpenHome } from "../home.js";
import { anchorArgument, bytesArgument, laneQCArgument, nameArgument } from "./arguments.js";

type Methods = typeof KeeperService.methods;
type Writes = Pick<
  Handlers<Methods>,
  | "acquireWriter"
  | "releaseWriter"
  | "pushBlock"
  | "pushCommitQc"
  | "pushAnchor"
  | "pushLaneQc"
  | "writeVoteState"
>;

export function writeHandlers(home: Home): Writes {
  return {
    acquireWriter: async ({ writer, takeOver, resumeFence }) => {
      const name = nameArgument("writer", writer);
      return await home.open().fence.acquire({ writer: name, takeOver, resumeFence });
    },
    releaseWriter: async ({ fence }) => {
      home.open().fence.leave(fence);
      return {};
    },
    pushBlock: async (request, call) => {
      const store = home.open();
      const block = bytesArgument("block", request.block);
      return await underFence(store, request.fence, call, (signal) => {
        return pushBlock(store, block, request.durability, signal);
      });
    },
    pushCommitQc: async ({ fence, commitQc, durability }, call) => {
      const store = home.open();
      const bytes = bytesArgument("commit_qc", commitQc);
      return await underFence(store, fence, call, async (signal) => {
        await store.keeper.pushCommitQC(bytes, { signal });
        if (durability === Durability.ADMITTED) return {};
        await store.keeper.waitForCommitQC(decodeCommitQC(bytes).vote.view.index, { signal });
        return {};
      });
    },
    pushAnchor: async (request, call) => {
      const store = home.open();
      const anchor = anchorArgument(request.anchor);
      return await underFence(store, request.fence, call, async (signal) => {
        await store.keeper.pushAnchor(anchor);
        if (request.durability === Durability.ADMITTED) return {};
        await store.keeper.waitForAnchor(anchor.commitQC.vote.view.index, { signal });
        return {};
      });
    },
    pushLaneQc: async ({ fence, laneQc }, call) => {
      const store = home.open();
      const qc = laneQCArgument(laneQc);
      return await underFence(store, fence, call, async () => {
        await store.keeper.pushLaneQC(qc);
        return {};
      });
    },
    writeVoteState: async ({ fence, voteState }, call) => {
      const store = home.open();
      const votes = bytesArgument("vote_state.votes", voteState?.votes);
      return await underFence(store, fence, call, async () => {
        await store.keeper.writeVoteState(votes, voteState?.roadIndex ?? 0n);
        return {};
      });
    },
  };
}

/** Runs a write of the writer with this fence. Its waits end with the call, and with a take-over. */
async function underFence<T>(
  { fence }: OpenHome,
  number: bigint,
  { signal }: Call,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await fence.write(number, (over) => work(AbortSignal.any([signal, over])));
}

async function pushBlock(
  { keeper }: OpenHome,
  block: Uint8Array,
  durability: number,
  signal: AbortSignal,
): Promise<{ readonly result: number; readonly reason?: string }> {
  let result: number = Result.ADMITTED;
  try {
    const pushed = await keeper.pushBlock(block, { signal });
    if (pushed.status === "dropped") return { result: Result.DROPPED, reason: pushed.reason };
  } catch (cause) {
    if (!hasCode(cause, "DUPLICATE")) throw cause;
    result = Result.DUPLICATE;
  }
  if (durability === Durability.ADMITTED) return { result };
  const { lane, blockNumber } = readSignedBlockHeader(block);
  const waited = await keeper.waitForBlock(lane, blockNumber, { signal });
  return { result: waited === "pruned" ? Result.PRUNED : result };
}
