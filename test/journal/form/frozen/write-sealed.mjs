/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript over dist, as scripts are */
/**
 * Wrote the frozen files in `sealed` beside it, once: a validator's store and a journal, whose payloads are sealed
 * with keys of known bytes. It refuses to write a file that is there.
 *
 * Usage, after a build: node test/journal/form/frozen/write-sealed.mjs [folder]
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { memoryLogMap } from "../../../../dist/log/map/log-map.js";
import { Lanekeeper } from "../../../../dist/node/lanekeeper.js";
import { Journal } from "../../../../dist/records/journal.js";
import { SimulatedDisk } from "../../../../dist/testing/simulated-disk.js";
import { soloValidator } from "../../../../dist/testing/solo-validator.js";
import { freeze } from "./freeze.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL(".", import.meta.url));
const DIRECTORY = "store";
const SEGMENT_BYTES = 40 * 1024;
const KEYS = { older: keyOf("older"), newer: keyOf("newer") };

/** Of the test too. */
function keyOf(name) {
  return createHash("sha256").update(`frozen key: ${name}`).digest();
}

/** Nothing is moved to another key: time stands still. */
function surroundingsOf(name) {
  const disk = new SimulatedDisk();
  let draws = 0;
  return {
    disk,
    openMap: () => Promise.resolve(memoryLogMap(undefined)),
    randomBytes: (count) =>
      createHash("shake256", { outputLength: count }).update(`frozen ${name} ${++draws}`).digest(),
    whenIdle: (task) => queueMicrotask(task),
    later: (task) => queueMicrotask(task),
    pace: () => undefined,
    nowMs: () => 1_790_000_000_000,
    durable: true,
  };
}

const hex = (bytes) => Buffer.from(bytes).toString("hex");

async function keeperStore() {
  const surroundings = surroundingsOf("keeper");
  const { lane, epochOf, blockAfter } = soloValidator();
  const common = { chainId: "frozen", segmentBytes: SEGMENT_BYTES };
  await Lanekeeper.initOn(surroundings, DIRECTORY, common);
  const blocks = [];
  for (const keys of [{ write: KEYS.older }, { write: KEYS.newer, read: [KEYS.older] }]) {
    const keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, { ...common, epochOf, keys });
    for (let each = 0; each < 3; each++) {
      const block = blockAfter(blocks.at(-1), Buffer.from(`frozen transaction ${blocks.length}`));
      blocks.push(block);
      await keeper.pushBlock(block);
    }
    await keeper.waitForBlock(lane, BigInt(blocks.length - 1));
    await keeper.close();
  }
  const about =
    "A validator's store: blocks 0 to 2 sealed with the older key, 3 to 5 with the newer one.";
  const holds = { chainId: common.chainId, lane, blocks: blocks.map(hex) };
  freeze(join(folder, "sealed/keeper"), about, surroundings.disk, holds);
}

async function journalStore() {
  const surroundings = surroundingsOf("journal");
  const types = [0x8001, 2];
  await Journal.initOn(surroundings, DIRECTORY, { segmentBytes: SEGMENT_BYTES });
  const records = [];
  for (const keys of [{ write: KEYS.older }, { write: KEYS.newer, read: [KEYS.older] }]) {
    const choices = { types, segmentBytes: SEGMENT_BYTES, keys };
    const journal = await Journal.openOn(surroundings, DIRECTORY, choices);
    const put = (at) => {
      return {
        type: types[at % 2],
        tenant: at,
        shard: 3,
        payload: Buffer.from(`frozen record ${at}`),
      };
    };
    const [alone, one, two] = [0, 1, 2].map((each) => put(records.length + each));
    await journal.append(alone);
    await journal.appendBatch([one, two]);
    for (const { type, tenant, shard, payload } of [alone, one, two]) {
      records.push({ type, tenant, shard, payload: hex(payload) });
    }
    await journal.close();
  }
  const about =
    "A journal: a record and a batch sealed with the older key, and as many with the newer one.";
  freeze(join(folder, "sealed/journal"), about, surroundings.disk, { types, records });
}

await keeperStore();
await journalStore();
