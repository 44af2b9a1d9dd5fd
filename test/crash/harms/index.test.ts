/**
 * The map on real files after crashes and under damage: the state in which LevelDB is left costs time,
 * never a record. Its file system is taken to be a journalling one, where a crash leaves of each file a prefix
 * of what was written, and of all files a moment.
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { killChain, killChoices } from "../kills/kill-traffic.js";
import { campaignSize, sampled } from "../../scale.js";

const SEED = 29;
const ROUNDS = 16n;
const ANCHOR = 12n;
/** Crashes at each moment, and harms of each file. */
const CUTS = campaignSize(6) + 1;
const HARMS = campaignSize(24);
const SECTOR_BYTES = 512;
const STATES_MIN = campaignSize(150);
const TEST_MS_MAX = 300_000;
const choices = { ...killChoices, retainBytes: 1024 ** 2, cacheBytes: 0 };
const random = seededRandom(SEED);

let folder: string;
let directory: string;
/** The files of index/ at each moment. */
const moments: ReadonlyMap<string, Buffer>[] = [];
let states = 0;

beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), "lanekeeper-index-"));
  directory = join(folder, "store");
  await Lanekeeper.init(directory, { chainId: killChoices.chainId, segmentBytes: 48 * 1024 });
  for (let first = 0n; first < ROUNDS; first += ROUNDS / 2n) await live(first);
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
  console.log(`states of the map: ${states}`);
});

/** One opening: half of the rounds, and at its end the anchor. */
async function live(first: bigint): Promise<void> {
  const keeper = await Lanekeeper.open(directory, choices);
  for (let round = first; round < first + ROUNDS / 2n; round++) {
    for (const lane of killChain.lanes) {
      await keeper.pushBlock(killChain.block(lane, round).bytes);
      await keeper.waitForBlock(lane, round);
    }
    await keeper.pushCommitQC(killChain.qc(round).bytes);
    await keeper.waitForCommitQC(round);
    moments.push(indexNow());
  }
  if (first > 0n) {
    await keeper.pushAnchor(killChain.qc(ANCHOR).anchor);
    await keeper.waitForAnchor(ANCHOR);
    moments.push(indexNow());
  }
  await keeper.close();
  moments.push(indexNow());
}

function indexNow(): ReadonlyMap<string, Buffer> {
  const index = join(directory, "index");
  return new Map(fs.readdirSync(index).map((name) => [name, fs.readFileSync(join(index, name))]));
}

/** Opens a copy of the store with these files as its map: all that is live or retained is read. */
async function judge(files: ReadonlyMap<string, Uint8Array>, words: string): Promise<void> {
  states += 1;
  const copy = join(folder, "copy");
  fs.rmSync(copy, { recursive: true, force: true });
  fs.cpSync(directory, copy, { recursive: true });
  fs.rmSync(join(copy, "index"), { recursive: true });
  fs.mkdirSync(join(copy, "index"));
  for (const [name, bytes] of files) fs.writeFileSync(join(copy, "index", name), bytes);
  const keeper = await Lanekeeper.open(copy, { ...choices, moved: true });
  const wrong: string[] = [];
  const compare = (what: string, got: Uint8Array | undefined, made: Uint8Array): void => {
    if (!got || Buffer.compare(got, made) !== 0) wrong.push(`${words}: ${what}`);
  };
  const { retained } = keeper.status();
  for (let number = 0n; number < ROUNDS; number++) {
    for (const lane of killChain.lanes) {
      const isLive = number >= ANCHOR;
      if (!isLive && number < (retained.lanes.get(lane)?.first ?? ANCHOR)) continue;
      const got = isLive
        ? await keeper.readBlock(lane, number)
        : await keeper.readRetainedBlock(lane, number);
      compare(`block ${number}`, got, killChain.block(lane, number).bytes);
    }
  }
  for (let index = ANCHOR; index < ROUNDS; index++) {
    compare(`QC ${index}`, await keeper.readCommitQC(index), killChain.qc(index).bytes);
  }
  await keeper.close();
  expect(wrong).toEqual([]);
}

test("at each moment of a history, every file cut as a power cut may leave it", {
  timeout: TEST_MS_MAX,
}, async () => {
  for (const [at, files] of sampled(moments.entries())) {
    await judge(files, `moment ${at}`);
    for (let cut = 1; cut < CUTS; cut++) {
      const torn = [...files].map(([name, bytes]) => {
        const isAppended = /\.log$|^MANIFEST-/.test(name);
        return [name, isAppended ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes];
      });
      await judge(new Map(torn as [string, Uint8Array][]), `moment ${at}, power cut ${cut}`);
    }
  }
});

test("flipped bits, junk and zeros anywhere in it", { timeout: TEST_MS_MAX }, async () => {
  const files = moments.at(-1)!;
  for (const [name, bytes] of files) {
    for (let harm = 0; harm < HARMS && bytes.length > 0; harm++) {
      const harmed = Buffer.from(bytes);
      const at = random.below(bytes.length);
      if (harm % 3 === 0) harmed[at]! ^= 1 << random.below(8);
      else harmed.subarray(at, at + SECTOR_BYTES).fill(harm % 3 === 1 ? 0 : random.below(256));
      await judge(new Map([...files, [name, harmed]]), `${name}, byte ${at}, harm ${harm}`);
    }
  }
  expect(states).toBeGreaterThanOrEqual(STATES_MIN);
});
