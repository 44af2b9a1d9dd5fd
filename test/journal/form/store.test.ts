/** Birth and identity of a store: what open takes for one, and what it refuses by name. */
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import { parentOf } from "../../../src/disk/parent.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { encodeHead } from "../../../src/journal/form/head.js";
import { openCases } from "../../../src/journal/form/store.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  born,
  contents,
  fingerprints,
  fresh,
  laneAt,
  laneOf,
  openRefused,
  opened,
  pushBlocks,
  refusal,
} from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { newestSegment } from "../kit.js";
import { STRIDE } from "../../scale.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
/** The folder that holds the state directory. */
const PARENT = parentOf(DIRECTORY);
const STORE = `${DIRECTORY}/STORE`;

function init(disk: SimulatedDisk, chainId = CHAIN_ID): Promise<void> {
  const choices = { chainId, segmentBytes: SEGMENT_BYTES };
  return Lanekeeper.initOn(simulatedSurroundings(disk, 9), DIRECTORY, choices);
}

/** Raises the format version of a file whose last four bytes are its checksum. */
function withVersion(bytes: Uint8Array, version: number): Uint8Array {
  const forged = Buffer.from(bytes);
  forged.writeUInt32LE(version, 8);
  forged.writeUInt32LE(crc32c(forged.subarray(0, -4)), forged.length - 4);
  return forged;
}

interface OpenStore {
  readonly make: () => Promise<SimulatedDisk>;
  readonly advice: RegExp;
}

async function changed(change: (disk: SimulatedDisk) => unknown): Promise<SimulatedDisk> {
  const disk = await born();
  await change(disk);
  return disk;
}

const stores: Readonly<Record<string, OpenStore>> = {
  "no-directory": { make: () => Promise.resolve(new SimulatedDisk()), advice: /init/ },
  "not-a-directory": {
    make: async () => {
      const disk = new SimulatedDisk();
      await (await disk.create(DIRECTORY)).close();
      return disk;
    },
    advice: /name the state directory itself/,
  },
  "init-unfinished": {
    make: async () => {
      const disk = new SimulatedDisk();
      disk.crashAt(30);
      await Promise.race([init(disk), disk.stopped]);
      return disk.kill();
    },
    advice: /init again/,
  },
  retired: {
    make: () =>
      changed(async (disk) => {
        await (await disk.create(`${DIRECTORY}/RETIRED`)).close();
      }),
    advice: /goes on with another store/,
  },
  "half-restored": {
    make: () =>
      changed(async (disk) => {
        await disk.remove(STORE);
        for (const name of ["INIT", "RESTORED"]) {
          await (await disk.create(`${DIRECTORY}/${name}`)).close();
        }
      }),
    advice: /the same command again/,
  },
  "store-missing": { make: () => changed((disk) => disk.remove(STORE)), advice: /STORE/ },
  "store-not-ours": {
    make: () => changed((disk) => disk.damage(STORE, 0, Buffer.from("SOMEBODY"))),
    advice: /another directory/,
  },
  "store-damaged": {
    make: () => changed((disk) => disk.damage(STORE, 30, Buffer.from("!"))),
    advice: /leave the directory as it is/,
  },
  "format-too-new": {
    make: () => changed((disk) => disk.damage(STORE, 0, withVersion(disk.readNow(STORE), 99))),
    advice: /use that version/,
  },
  "format-too-old": {
    make: () => changed((disk) => disk.damage(STORE, 0, withVersion(disk.readNow(STORE), 1))),
    advice: /no version reads it/,
  },
  "wrong-chain": {
    make: async () => {
      const disk = new SimulatedDisk();
      await init(disk, "another-chain");
      return disk;
    },
    advice: /another chain/,
  },
};

describe("the table of what open finds", () => {
  test.each(openCases.map((row) => ({ ...row, ...stores[row.label] })))(
    "$label: $say",
    async ({ label, verdict, make, advice }) => {
      if (verdict === "open") {
        const keeper = await opened(await born(), chain);
        expect(keeper.recovery.generation).toBe(1n);
        await keeper.close();
        return;
      }
      if (!make || !advice) throw new Error(`no store shows ${label}`);
      const error = await openRefused(await make(), chain, verdict);
      expect(error.message).toContain(`[${label}]`);
      expect(error.message).toMatch(advice);
      expect(error.file).toBe(STORE);
    },
  );

  test("init refuses a file in the place of its directory", async () => {
    const disk = new SimulatedDisk();
    await (await disk.create(DIRECTORY)).close();
    await refusal(init(disk), "STORE_EXISTS");
  });

  test("two inits at once are one store and one STORE_EXISTS, whichever step they meet at", async () => {
    const alone = new SimulatedDisk();
    await init(alone);
    for (let step = 1; step <= alone.steps; step += STRIDE) {
      const started: { second?: Promise<PromiseSettledResult<void>[]> } = {};
      const onStep = ({ step: at }: { step: number }): void => {
        if (at === step && !started.second) started.second = Promise.allSettled([init(disk)]);
      };
      const disk: SimulatedDisk = new SimulatedDisk({ onStep });
      const [first] = await Promise.allSettled([init(disk)]);
      const [second] = (await started.second) ?? [];
      const ends = [first, second].map((end) => {
        return end?.status === "rejected" ? (end.reason as { code: string }).code : "made";
      });
      expect(ends.sort()).toEqual(["STORE_EXISTS", "made"]);
      await (await opened(disk, chain)).close();
    }
  });

  test("init names what is in its way", async () => {
    const disk = new SimulatedDisk();
    await disk.makeDirectory(DIRECTORY);
    await disk.makeDirectory(`${DIRECTORY}/lost+found`);
    expect((await refusal(init(disk), "STORE_EXISTS")).message).toContain("lost+found");
  });

  test.each(["EACCES", "EPERM", "EINVAL"] as const)(
    "a parent that cannot be flushed (%s) is no reason to refuse a directory that stood there",
    async (error) => {
      const disk = new SimulatedDisk();
      await disk.makeDirectory(DIRECTORY);
      const fault = {
        operation: "syncDirectory",
        path: PARENT,
        error,
        mode: "from-then-on",
      } as const;
      disk.fail(fault);
      await init(disk);
      await (await opened(disk, chain)).close();
    },
  );

  test("the name of a directory that init made must be flushed; and a device's error is one", async () => {
    const made = new SimulatedDisk();
    made.fail({ operation: "syncDirectory", path: PARENT, error: "EACCES" });
    await refusal(init(made), "READ_ONLY");
    const found = new SimulatedDisk();
    await found.makeDirectory(DIRECTORY);
    found.fail({ operation: "syncDirectory", path: PARENT, error: "EIO" });
    await refusal(init(found), "IO");
  });

  test("a store in use is refused to a second opener, and free when its owner is gone", async () => {
    const { disk, keeper } = await fresh(chain);
    await openRefused(disk, chain, "STORE_LOCKED");
    const heir = await opened(disk.kill(), chain);
    await heir.close();
    await keeper.close();
    await (await opened(disk, chain)).close();
  });

  test.each(["EROFS", "EACCES"] as const)("a store that cannot be written (%s)", async (error) => {
    const disk = await born();
    disk.fail({ operation: "openToWrite", error, mode: "from-then-on" });
    const refused = await openRefused(disk, chain, "READ_ONLY");
    expect(refused.message).toMatch(/writing|right to/);
  });

  test("a segment of a newer format is refused by file, before a byte is written", async () => {
    const { disk, keeper } = await fresh(chain);
    await keeper.close();
    const { path, head } = newestSegment(disk);
    disk.damage(path, 0, withVersion(encodeHead(head), 99));
    const error = await openRefused(disk, chain, "FORMAT_TOO_NEW");
    expect(error.file).toMatch(/\.seg$/);
  });

  test("every flipped bit of STORE is refused", async () => {
    const disk = await born();
    const bytes = disk.readNow(STORE);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = disk.kill();
      const byte = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      copy.damage(STORE, bit >> 3, Uint8Array.of(byte));
      await refusal(opened(copy, chain), "NOT_A_STORE");
    }
  });
});

describe("init", () => {
  test("refuses what is not empty, and changes nothing", async () => {
    const store = await born();
    const foreign = new SimulatedDisk();
    await foreign.makeDirectory(DIRECTORY);
    await (await foreign.create(`${DIRECTORY}/letter.txt`)).close();
    for (const disk of [store, foreign]) {
      const before = fingerprints(disk);
      const error = await refusal(init(disk), "STORE_EXISTS");
      expect(error.message).toMatch(/missing or empty/);
      expect(fingerprints(disk)).toEqual(before);
    }
  });

  test("B1 a crash at each step leaves no store or a whole one, and init can begin anew", async () => {
    const clean = new SimulatedDisk();
    await init(clean);
    const { steps } = clean;
    const seen = { refused: 0, whole: 0 };
    for (let step = 1; step <= steps; step += STRIDE) {
      const disk = new SimulatedDisk();
      disk.crashAt(step);
      await Promise.race([init(disk), disk.stopped]);
      for (const left of [disk.kill(), ...disk.powerCuts(step, 4)]) {
        const whole = await opened(left, chain).then(
          (keeper) => keeper.close().then(() => true),
          () => false,
        );
        seen[whole ? "whole" : "refused"] += 1;
        if (whole) await refusal(init(left), "STORE_EXISTS");
        else {
          await openRefused(left, chain, "NOT_A_STORE");
          await init(left);
        }
        const keeper = await opened(left, chain);
        await pushBlocks(keeper, chain, lane, { to: 1n });
        await keeper.close();
      }
    }
    expect(seen.refused).toBeGreaterThan(10);
    expect(seen.whole).toBeGreaterThan(0);
  });

  test("a store whose init was cut at its last step is never begun anew, whatever befalls STORE", async () => {
    const clean = new SimulatedDisk();
    await init(clean);
    const disk = new SimulatedDisk();
    disk.crashAt(clean.steps - 2);
    await Promise.race([init(disk), disk.stopped]);
    const left = disk.kill();
    expect(left.files().some(({ path }) => path.endsWith("/INIT"))).toBe(true);
    const keeper = await opened(left, chain);
    await pushBlocks(keeper, chain, lane, { to: 3n });
    await keeper.close();
    const store = left.readNow(STORE);
    left.damage(STORE, 30, Uint8Array.of((store[30] ?? 0) ^ 1));
    const error = await openRefused(left, chain, "NOT_A_STORE");
    expect(error.message).not.toMatch(/init again/);
    await refusal(init(left), "STORE_EXISTS");
    left.damage(STORE, 0, store);
    const again = await opened(left, chain);
    expect(await contents(again)).toMatchObject({ lanes: { [lane]: laneOf(chain, lane, 0n, 3n) } });
    await again.close();
  });
});
