/** D8 on real files: one owner at a time, whoever else comes; and what of a theft is noticed. */
import { cpSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { contents, refusal } from "../../node/kit.js";
import { killChain, killChoices } from "./kill-traffic.js";
import { programOf } from "../../harness/built.js";
import { KilledProcess } from "./killed-process.js";

const { chainId } = killChoices;
const initChoices = { chainId, segmentBytes: 48 * 1024 };
/** Far more than a segment holds. */
const BLOCKS = 29n;

let program: string;
let folder: string;
let directory: string;

beforeAll(async () => {
  program = await programOf("test/crash/kills/kill-child.ts");
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-owners-"));
  directory = join(folder, "store");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Another process at work on the store. */
async function otherOwner(): Promise<KilledProcess> {
  const owner = new KilledProcess(program, directory);
  await owner.said("ready");
  owner.go();
  return owner;
}

/** Pushes blocks until one is refused; how many were acknowledged. */
async function pushUntilRefused(keeper: Lanekeeper, from: bigint): Promise<bigint> {
  const [lane] = killChain.lanes;
  let acknowledged = 0n;
  for (let number = from; lane && number < from + BLOCKS; number++) {
    try {
      await keeper.pushBlock(killChain.block(lane, number).bytes);
      await keeper.waitForBlock(lane, number);
    } catch {
      return acknowledged;
    }
    acknowledged += 1n;
  }
  return acknowledged;
}

test("a store that another process owns is refused, and free the moment that it is killed", async () => {
  const owner = await otherOwner();
  await owner.said("open");
  await refusal(Lanekeeper.open(directory, killChoices), "STORE_LOCKED");
  await refusal(Lanekeeper.init(directory, initChoices), "STORE_EXISTS");
  await owner.kill();
  await (await Lanekeeper.open(directory, killChoices)).close();
});

test("another process is refused a store that is owned here", async () => {
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, killChoices);
  const second = await otherOwner();
  await second.said("refused STORE_LOCKED");
  await second.kill();
  expect(await pushUntilRefused(keeper, 0n)).toBe(BLOCKS);
  await keeper.close();
});

const thefts: Readonly<Record<string, (store: string) => void>> = {
  removed: (store) => rmSync(store),
  renamed: (store) => renameSync(store, `${store}.taken`),
  "replaced by a copy of itself": (store) => {
    cpSync(store, `${store}.copy`);
    renameSync(`${store}.copy`, store);
  },
};

describe.each(Object.entries(thefts))("the STORE file of a running owner, %s", (_, steal) => {
  test("is missed at the next rotation at the latest; nothing is acknowledged from then on", async () => {
    await Lanekeeper.init(directory, initChoices);
    const keeper = await Lanekeeper.open(directory, killChoices);
    steal(join(directory, "STORE"));
    // A segment takes a few blocks: the first that would begin another one is refused.
    expect(await pushUntilRefused(keeper, 0n)).toBeLessThan(20n);
    expect(keeper.status().poison?.cause).toMatchObject({ code: "STORE_STOLEN" });
    await refusal(keeper.close(), "POISONED");
  });
});

test("a copy is another store to the lock: told that it was moved, it opens and holds the same", async () => {
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, killChoices);
  await pushUntilRefused(keeper, 0n);
  await keeper.close();
  const copy = join(folder, "copy");
  cpSync(directory, copy, { recursive: true });
  const [one, other] = [
    await Lanekeeper.open(directory, killChoices),
    await Lanekeeper.open(copy, { ...killChoices, moved: true }),
  ];
  expect(await contents(other)).toEqual(await contents(one));
  await Promise.all([one.close(), other.close()]);
});
