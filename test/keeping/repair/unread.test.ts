/** A file that cannot be read is no damage: a repair would count all that it holds as lost. */
import { expect, test } from "vitest";
import { liveSegments } from "../../inspect/kit.js";
import { CHAIN_ID } from "../../model/chain.js";
import { fingerprints, refusal } from "../../node/kit.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { alone, harmed, harms, makeStores, repaired } from "./kit.js";

makeStores();

const MARK = `${DIRECTORY}/mark`;
const [harmMark] = harms["both slots of the mark"] ?? [() => {}];
const JOURNAL = `${DIRECTORY}/journal`;

test("a segment beside damage: the repair is refused, whatever loss is accepted", async () => {
  for (const path of liveSegments(alone)) {
    const stand = harmed(harmMark);
    stand.disk.fail({ operation: "openToRead", path, error: "EACCES", mode: "from-then-on" });
    const prints = fingerprints(stand.disk);
    const error = await refusal(repaired(stand, { acceptLoss: true }), "READ_ONLY");
    expect(error.file).toBe(path);
    expect(fingerprints(stand.disk)).toEqual(prints);
  }
});

test("the files that name a store without STORE: it is not said that nothing names it", async () => {
  const stand = harmed(() => {});
  await stand.disk.remove(`${DIRECTORY}/STORE`);
  stand.disk.fail({ operation: "openToRead", path: MARK, error: "EACCES", mode: "from-then-on" });
  stand.disk.fail({ operation: "list", path: JOURNAL, error: "EACCES", mode: "from-then-on" });
  const error = await refusal(repaired(stand, { chainId: CHAIN_ID }), "READ_ONLY");
  expect(error.file).toBe(MARK);
});
