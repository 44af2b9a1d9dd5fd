/** The lanes of validators who left are forgotten by a command, and no other ones. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBare } from "../../../src/cli/store/bare.js";
import { readStore } from "../../../src/keeping/reading/calls.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { buildAppQC, buildCommitQC } from "../../../src/testing/certificates.js";
import { laneIdOf } from "../../../src/types/lane.js";
import { U64_MAX } from "../../../src/types/numbers.js";
import { buildBlock, signBlock } from "../../../src/wire/build.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { ZERO_HASH } from "../../../src/wire/messages.js";
import { keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { pushBlocks } from "../../node/kit.js";
import { SEGMENT_BYTES } from "../../node/surroundings.js";
import { seedOf } from "../../wire/bytes.js";
import { call } from "../program-kit.js";
import { putCommittees } from "../transfer/import-kit.js";

const chain = new TestChain();
const leaver = keyPairFromSeed(seedOf("leaves before epoch 1"));
const lane = laneIdOf(leaver.publicKey, 0n);
const weights = [...chain.keys, leaver].map(({ publicKey: key }) => ({ key, weight: 1n }));
const genesis = Committee.genesis(weights);
const after = genesis.after(1n, weights.slice(0, -1));
const epochs: readonly Epoch[] = [
  { index: 0n, firstRoad: 0n, nextRoad: 1n, committee: genesis },
  { index: 1n, firstRoad: 1n, nextRoad: U64_MAX, committee: after },
];
const choices = {
  chainId: CHAIN_ID,
  segmentBytes: SEGMENT_BYTES,
  epochOf: (index: bigint) => epochs[Number(index)],
};

let folder = "";
let store = "";
let committee = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-lanes-"));
  store = join(folder, "store");
  committee = putCommittees(join(folder, "committee.json"), epochs);
  await Lanekeeper.init(store, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
  await using keeper = await Lanekeeper.open(store, choices);
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 3n });
  const { payload } = chain.block(chain.lanes[0] ?? lane, 0n).signed.msg;
  const block = buildBlock({ lane, blockNumber: 0n, parentHash: ZERO_HASH, payload });
  await keeper.pushBlock(signBlock(block, leaver));
  await keeper.pushCommitQC(chain.qc(0n).qc);
  await keeper.sync();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The anchor, and so the store, goes over to epoch 1. */
async function goOver(): Promise<void> {
  await using keeper = await Lanekeeper.open(store, choices);
  const { commitQC, appQC } = chain.qc(1n).anchor;
  const qc = { ...commitQC.vote, view: { ...commitQC.vote.view, epochIndex: 1n } };
  const anchor = {
    commitQC: buildCommitQC(qc, chain.keys),
    appQC: buildAppQC({ ...appQC.vote, epochIndex: 1n }, chain.keys),
  };
  await keeper.pushCommitQC(anchor.commitQC);
  await keeper.pushAnchor(anchor);
  await keeper.sync();
}

/** On disk: an open serves those of the anchor's epoch alone. */
async function lanesHeld(): Promise<readonly string[]> {
  await using snapshot = await readStore(store);
  return [...snapshot.facts.lanes.keys()].toSorted();
}

const drop = async (...more: string[]) =>
  await call(
    "lanes",
    "drop",
    store,
    "--committee",
    committee,
    "--reason",
    "epoch 0 is over",
    ...more,
  );
const all = [...chain.lanes, lane].toSorted();

describe("lanes drop", () => {
  test("a lane of a past epoch goes, on record; the others stay as they are", async () => {
    await goOver();
    expect(await lanesHeld()).toEqual(all);
    const asked = await drop();
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain("add --yes");
    const rehearsed = await drop("--dry-run");
    expect(rehearsed.stdout).toContain(`this would drop ${lane.slice(0, 8)} [0, 1)`);
    expect(await lanesHeld()).toEqual(all);

    const done = await drop("--yes", "--by", "ann", "--json");
    expect(JSON.parse(done.stdout)).toMatchObject({
      ok: true,
      dropped: true,
      lanes: [{ lane, first: "0", next: "1" }],
    });
    expect(await lanesHeld()).toEqual([...chain.lanes].toSorted());
    const bare = await openBare({ directory: store, keys: undefined, moved: false });
    const [record] = await bare.notes.decisions.list();
    await bare.close();
    expect(record).toMatchObject({ action: "DropLanes", who: "ann", why: "epoch 0 is over" });
    expect((await drop("--yes")).stdout).toBe("no lane is of a past epoch\n");
  });

  test("as long as the anchor is of its epoch, a lane stays", async () => {
    expect((await drop("--yes")).stdout).toBe("no lane is of a past epoch\n");
    expect(await lanesHeld()).toEqual(all);
  });

  test("an epoch that the file does not have is no word about a lane", async () => {
    await goOver();
    putCommittees(committee, epochs.slice(0, 1));
    const refused = await drop("--yes");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("the anchor is of epoch 1");
    expect(await lanesHeld()).toEqual(all);
  });

  test("a store that is open is refused", async () => {
    await using keeper = await Lanekeeper.open(store, choices);
    expect((await drop("--yes")).code).toBe(32);
    expect(keeper.status().lanes.size).toBe(4);
  });
});
