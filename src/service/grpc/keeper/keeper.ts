/** `KeeperService`: its handlers, and the roles that may call each. */
import { KeeperService } from "../../../rpc/api/keeper.js";
import { forReaders, forWriters } from "../../access/caller.js";
import type { Served } from "../adapter.js";
import type { Home } from "../home.js";
import { persistAnswers } from "./persist-stream.js";
import { readHandlers } from "./reads.js";
import { signingHandlers } from "./signing.js";
import { subscriptionHandlers } from "./subscriptions.js";
import { writeHandlers } from "./writes.js";

export function keeperServed(home: Home): Served<typeof KeeperService.methods> {
  return {
    service: KeeperService,
    handlers: {
      ...writeHandlers(home),
      persist: (requests, call) => persistAnswers(requests, call, home),
      ...readHandlers(home),
      ...signingHandlers(home),
      ...subscriptionHandlers(home),
    },
    allowed: {
      acquireWriter: forWriters,
      releaseWriter: forWriters,
      persist: forWriters,
      pushBlock: forWriters,
      pushCommitQc: forWriters,
      pushAnchor: forWriters,
      pushLaneQc: forWriters,
      writeVoteState: forWriters,
      maySign: forReaders,
      waitForReservation: forReaders,
      waitForBlock: forReaders,
      waitForCommitQc: forReaders,
      waitForAnchor: forReaders,
      durableBlocks: forReaders,
      durableCommitQcs: forReaders,
      watchDurable: forReaders,
      readBlock: forReaders,
      readCommitQc: forReaders,
      readBlocks: forReaders,
      readCommitQcs: forReaders,
      getAnchor: forReaders,
      getVoteState: forReaders,
      getRecovery: forReaders,
      getStatus: forReaders,
      watchStatus: forReaders,
      watchEvents: forReaders,
    },
  };
}
