/** The archive in the status of a service, as an operator reads it. */
import { expect, test } from "vitest";
import { table } from "../../../../src/cli/terminal/table.js";
import { archiveRows } from "../../../../src/cli/look/view/archive.js";
import { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../../src/types/errors.js";
import { ModelBucket } from "../../../archive/model-bucket.js";
import { eventually } from "../../../harness/eventually.js";
import { CHAIN_ID, TestChain } from "../../../model/chain.js";
import { born, pushAnchor, pushBlocks, pushQCs } from "../../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../../node/surroundings.js";
import { running } from "../../../service/running.js";
import { call } from "../../program-kit.js";

const chain = new TestChain(2, 2_000);
const down = new PersisterError("BUCKET_FAILED", "the bucket does not answer");

/** A service whose store archives in `bucket`; it has pruned the rounds below 4. */
async function served(bucket: ModelBucket) {
  const disk = await born();
  const surroundings = { ...simulatedSurroundings(disk, 1), nowMs: () => performance.now() };
  const keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, {
    chainId: CHAIN_ID,
    segmentBytes: SEGMENT_BYTES,
    epochOf: chain.epochOf,
    retainBytes: 2 * SEGMENT_BYTES,
    archive: { to: bucket, ageMs: 1 },
  });
  for (const lane of chain.lanes) await pushBlocks(keeper, chain, lane, { to: 6n });
  await pushQCs(keeper, chain, { to: 6n });
  await pushAnchor(keeper, chain.qc(4n).anchor);
  const { socket } = await running(chain, { open: () => Promise.resolve(keeper) });
  return { keeper, socket };
}

/** Until `isReached` holds of the archive. */
async function until(keeper: Lanekeeper, isReached: (archive: Archive) => boolean) {
  await eventually(() => {
    const { archive } = keeper.status();
    expect(archive).toBeDefined();
    expect(archive).toSatisfy(isReached);
  });
}
type Archive = NonNullable<ReturnType<Lanekeeper["status"]>["archive"]>;

test("each log has a line that says how far it is archived", async () => {
  const { keeper, socket } = await served(new ModelBucket());
  await until(keeper, ({ pendingRecords }) => pendingRecords === 0n);
  const { stdout } = await call("status", `unix:${socket}`);
  expect(stdout).toMatch(
    /^archive +model:\/\/bucket, gate strict: no block is held back\n +all that has left/m,
  );
  const { road, lanes } = keeper.status();
  expect(stdout).toMatch(new RegExp(`^ +road archived below ${road.first}$`, "m"));
  for (const [lane, { first }] of lanes) {
    expect(stdout).toMatch(new RegExp(`^ +${lane.slice(0, 8)} archived below ${first}$`, "m"));
  }
  const { stdout: document } = await call("status", `unix:${socket}`, "--json");
  expect(JSON.parse(document)).toMatchObject({
    archive: {
      gate: "strict",
      isBehind: false,
      pendingRecords: "0",
      logs: [
        ...[...lanes].map(([name, { first }]) => ({ name, through: `${first}` })),
        { name: "road", through: `${road.first}` },
      ],
    },
  });
});

test("a bucket that takes nothing is told, with what waits for it", async () => {
  const bucket = new ModelBucket();
  bucket.around = () => {
    throw down;
  };
  const { keeper, socket } = await served(bucket);
  await until(keeper, ({ failing }) => failing !== undefined);
  const { stdout } = await call("status", `unix:${socket}`);
  expect(stdout).toMatch(
    /^ +not archived yet: \d+ records, oldest \d+ s, in .+ of at most 4.00 GiB$/m,
  );
  expect(stdout).toMatch(/^ +failing: BUCKET_FAILED: the bucket does not answer$/m);
  expect(stdout).toMatch(/^ +road archived below 0$/m);
});

test("a gate that holds blocks back, and a log that goes no further, are told", () => {
  const text = table(
    archiveRows({
      bucket: "file:///archive",
      gate: "strict",
      logs: [{ name: "road", through: 9n, refused: "ARCHIVE_CONFLICT: there are two truths" }],
      pendingRecords: 1n,
      oldestPendingMs: 2_000,
      heldBytes: 4096,
      heldBytesMax: 4096,
      isBehind: true,
    }),
  );
  expect(text.split("\n").map((line) => line.replaceAll(/ +/g, " "))).toEqual([
    "archive file:///archive, gate strict: behind, no block is taken until it goes on",
    " not archived yet: 1 record, oldest 2 s, in 4.00 KiB of at most 4.00 KiB",
    " road archived below 9, refused: ARCHIVE_CONFLICT: there are two truths",
    "",
  ]);
});

test("a store that does not archive has no such line", async () => {
  const { socket } = await running(chain);
  expect((await call("status", `unix:${socket}`)).stdout).not.toContain("archive");
  const { stdout } = await call("status", `unix:${socket}`, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ archive: null });
});
