import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { REQUIRED_TYPE } from "../../src/records/log/envelope.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { forge } from "../journal/kit.js";
import { simulatedSurroundings } from "../node/surroundings.js";
import {
  born,
  DIRECTORY,
  fresh,
  NOTE,
  opened,
  put,
  PUT,
  refusal,
  reopened,
  replayed,
  SEGMENT_BYTES,
} from "./kit.js";

describe("types", () => {
  test("an unknown required type refuses the open, and names record, type and file", async () => {
    const { disk, journal } = await fresh();
    await journal.append(put("one"));
    await journal.append(put("two"));
    await journal.close();
    const error = await refusal(opened(disk, { types: [NOTE] }), "FORMAT_TOO_NEW");
    expect(error.message).toMatch(/record 1 .*0x8001/);
    expect(error.file).toContain(DIRECTORY);
    expect(await replayed(await opened(disk))).toEqual(["1 one", "2 two"]);
  });

  test("an unknown optional type is skipped, kept, and counted by nobody as missing", async () => {
    const { disk, journal } = await fresh();
    await journal.append(put("one"));
    await journal.append({ type: NOTE, payload: Buffer.from("a note") });
    await journal.append(put("three"));
    const narrow = await reopened(journal, disk, { types: [PUT] });
    expect(await replayed(narrow)).toEqual(["1 one", "3 three"]);
    expect(await narrow.page({ from: 3n, limit: 1 })).toMatchObject({ hasMore: false });
    expect([...narrow.headers()].map(({ type }) => type)).toEqual([PUT, NOTE, PUT]);
    await refusal(narrow.append({ type: NOTE, payload: Buffer.from("more") }), "USAGE");
    expect(await replayed(await reopened(narrow, disk))).toEqual(["1 one", "2 a note", "3 three"]);
  });

  test("a required type that was truncated is asked for by nobody", async () => {
    const { disk, journal } = await fresh({ types: [PUT, NOTE, REQUIRED_TYPE | 7] });
    await journal.append({ type: REQUIRED_TYPE | 7, payload: Buffer.from("old") });
    await journal.append(put("new"));
    await journal.checkpoint(2n);
    await journal.truncateBefore(2n);
    expect(await replayed(await reopened(journal, disk))).toEqual(["2 new"]);
  });
});

describe("a journal is no validator's store", () => {
  const choices = { chainId: "a-chain", segmentBytes: SEGMENT_BYTES };
  const epochOf = (): undefined => undefined;

  test("a validator's store is not opened as a journal", async () => {
    const disk = new SimulatedDisk();
    await Lanekeeper.initOn(simulatedSurroundings(disk), DIRECTORY, choices);
    const before = disk.usedBytes;
    const error = await refusal(opened(disk), "NOT_A_STORE");
    expect(error.message).toMatch(/validator/);
    expect(disk.usedBytes).toBe(before);
    const keeper = await Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, {
      ...choices,
      epochOf,
    });
    await keeper.close();
  });

  test("a journal is not opened as a validator's store, whatever the chain is called", async () => {
    const disk = await born();
    for (const chainId of ["a-chain", "records", "<<records>>", "«records»"]) {
      const open = Lanekeeper.openOn(simulatedSurroundings(disk), DIRECTORY, {
        ...choices,
        chainId,
        epochOf,
      });
      // A chain id is ASCII, so no store can have the name of a journal.
      await refusal(open, chainId === "«records»" ? "USAGE" : "WRONG_CHAIN");
    }
    expect(await replayed(await opened(disk))).toEqual([]);
  });
});

describe("records that nobody of ours wrote", () => {
  const forged = async (payload: Uint8Array, name = "records"): Promise<SimulatedDisk> => {
    const disk = new SimulatedDisk();
    await born(disk);
    const journal = await opened(disk);
    await journal.append(put("one"));
    await journal.close();
    forge(disk, [{ name, number: name === "records" ? 2n : 0n, payload }]);
    return disk;
  };

  test.each([
    ["no envelope", "", "JOURNAL_CORRUPT"],
    ["an envelope cut short", "0100", "JOURNAL_CORRUPT"],
    ["a newer envelope", "020000000000000000000000", "FORMAT_TOO_NEW"],
    ["a required type of the journal's own", "010001c00000000000000000", "FORMAT_TOO_NEW"],
    [
      "a checkpoint above its own record",
      "010000c000000000000000000300000000000000",
      "JOURNAL_CORRUPT",
    ],
    ["a checkpoint of no LSN", "010000c0000000000000000003", "JOURNAL_CORRUPT"],
  ] as const)("%s is refused by name and changes no byte", async (_, hex, code) => {
    const disk = await forged(Buffer.from(hex, "hex"));
    const bytes = disk.files().map(({ path }) => Buffer.from(disk.readNow(path)).toString("hex"));
    const error = await refusal(opened(disk), code);
    expect(error.message).toMatch(/record 2/);
    expect(error.offset).toBeGreaterThan(0);
    expect(disk.files().map(({ path }) => Buffer.from(disk.readNow(path)).toString("hex"))).toEqual(
      bytes,
    );
  });

  test("an optional type of the journal's own is skipped and kept", async () => {
    const disk = await forged(Buffer.from("010001400000000000000000", "hex"));
    const journal = await opened(disk);
    expect(journal.nextLsn).toBe(3n);
    expect(await replayed(journal)).toEqual(["1 one"]);
  });

  test("another log beside the records is refused", async () => {
    const disk = await forged(Buffer.from("01000000000000000000ffff", "hex"), "road");
    expect((await refusal(opened(disk), "JOURNAL_CORRUPT")).message).toMatch(/road/);
  });
});
