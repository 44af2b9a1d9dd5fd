/** States that no crash leaves, written with right checksums, are refused for what they say (D5). */
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { claimedHeadBytes, decodeHead, encodeHead } from "../../../src/journal/form/head.js";
import { refusal } from "../../node/kit.js";
import { STORE_PATH } from "./harms.js";
import { chain, initOn, openOn } from "../history/session.js";

/** More than one segment of the smallest size holds. */
const BLOCKS = 24n;

test("B15 a head that leaves out a segment with live records: the first that is missing is named", async () => {
  const disk = new SimulatedDisk();
  await initOn(disk, 1);
  const keeper = await openOn(disk, 2);
  const [lane] = chain.lanes;
  for (let number = 0n; lane && number < BLOCKS; number++) {
    await keeper.pushBlock(chain.block(lane, number).bytes);
    await keeper.waitForBlock(lane, number);
  }
  await keeper.close();
  const heads = disk.files().flatMap(({ path }) => {
    if (!path.startsWith(`${STORE_PATH}/journal/`)) return [];
    const bytes = disk.readNow(path);
    const found = decodeHead(bytes.subarray(0, claimedHeadBytes(bytes) ?? 0));
    return found.status === "head" ? [{ path, head: found.head }] : [];
  });
  const [newest] = heads.sort((one, other) => (one.head.sequence > other.head.sequence ? -1 : 1));
  if (!newest) throw new Error("no slot has a head");
  expect(newest.head.sealed.length).toBeGreaterThan(0);
  const forged = encodeHead({ ...newest.head, sealed: newest.head.sealed.slice(1) });
  disk.damage(newest.path, 0, forged);
  const error = await refusal(openOn(disk.kill(), 3), "JOURNAL_CORRUPT");
  expect(error).toMatchObject({ lane, blockNumber: 0n });
});
