import { expect, test } from "vitest";
import { archiveOf } from "../../../src/client/picture/archive.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import type { Status } from "../../../src/node/status.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { StoreStatus } from "../../../src/rpc/api/types.js";
import { storeStatusForm } from "../../../src/service/grpc/status-form.js";
import { PersisterError } from "../../../src/types/errors.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";

const chain = new TestChain(2);
const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];

async function told(archive: Status["archive"]): Promise<Status["archive"]> {
  await using keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf });
  await pushBlocks(keeper, chain, lane, { to: 2n });
  const encoded = StoreStatus.encode(storeStatusForm({ ...keeper.status(), archive }));
  return archiveOf(StoreStatus.decode(encoded).archive);
}

test("a client is told of the archive as the store itself tells of it", async () => {
  const twoTruths = new PersisterError("ARCHIVE_CONFLICT", "there are two truths");
  const archive: Status["archive"] = {
    bucket: "file:///archive",
    gate: "strict",
    through: { lanes: new Map([[lane, 7n]]), road: 5n },
    pendingRecords: 12n,
    oldestPendingMs: 1500,
    heldSegments: 3,
    heldBytes: 90,
    heldBytesMax: 100,
    isBehind: true,
    counts: { objects: 1, bytes: 2, found: 3, failures: 4, missed: 5n },
    failing: new PersisterError("BUCKET_FAILED", "the bucket does not answer"),
    refused: new Map([[ROAD, twoTruths]]),
  };
  expect(await told(archive)).toEqual(archive);
  const refused = new Map([[other, twoTruths]]);
  const through = {
    lanes: new Map([
      [lane, 0n],
      [other, 0n],
    ]),
    road: 0n,
  };
  const begun = { ...archive, gate: "best effort", isBehind: false, failing: undefined } as const;
  expect(await told({ ...begun, refused, through: { lanes: new Map(), road: 0n } })).toEqual({
    ...begun,
    refused,
    through,
  });
});

test("a store that does not archive has no archive for a client either", async () => {
  expect(await told(undefined)).toBeUndefined();
});
