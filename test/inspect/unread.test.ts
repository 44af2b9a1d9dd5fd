/** A file that cannot be read, or not written, is told as that: never as missing, damaged or sound. */
import { beforeAll, describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { TestChain } from "../model/chain.js";
import { fingerprints, openRefused } from "../node/kit.js";
import { born as journalBorn, DIRECTORY as RECORDS_DIRECTORY } from "../records/kit.js";
import { FULL_PAYLOAD, inspected, smallStore } from "./kit.js";

const chain = new TestChain(2, FULL_PAYLOAD);
const JOURNAL = "store/journal";
let whole: SimulatedDisk;

beforeAll(async () => {
  whole = await smallStore(chain);
});

type Refused = "list" | "openToRead" | "openToWrite";

/** A copy of the store on which this user may not do `operation` at `path`. */
function forbidden(operation: Refused, path: string): SimulatedDisk {
  const disk = whole.kill();
  disk.fail({ operation, path, error: "EACCES", mode: "from-then-on" });
  return disk;
}

describe("a journal's folder that cannot be listed", () => {
  test("is told with READ_ONLY alone: nothing in it is missing or damaged", async () => {
    const { findings, summary } = await inspected(forbidden("list", JOURNAL));
    expect(findings).toMatchObject([{ class: "READ_ONLY", severity: "error", file: JOURNAL }]);
    expect(summary.verdict).toMatchObject({ opens: false, class: "READ_ONLY" });
  });

  test("nor is a head, where the mark cannot be read either", async () => {
    const disk = forbidden("list", JOURNAL);
    disk.fail({
      operation: "openToRead",
      path: "store/mark",
      error: "EACCES",
      mode: "from-then-on",
    });
    const { findings } = await inspected(disk);
    expect(findings.map((each) => `${each.class} ${each.file}`)).toEqual([
      "READ_ONLY store/mark",
      `READ_ONLY ${JOURNAL}`,
    ]);
  });
});

describe("a file that this user may read and not write", () => {
  test("of a store, whichever it is: open would refuse it, as open does, and no byte changes", async () => {
    const files = whole.files().map(({ path }) => path.slice(1));
    expect(files.filter((file) => file.endsWith(".seg")).length).toBeGreaterThan(3);
    expect(files.filter((file) => file.endsWith(".pb")).length).toBe(4);
    for (const file of files) {
      const disk = forbidden("openToWrite", file);
      const before = fingerprints(disk);
      const { findings, summary } = await inspected(disk);
      expect(findings, file).toMatchObject([{ class: "READ_ONLY", severity: "error", file }]);
      expect(summary.verdict, file).toMatchObject({ opens: false, class: "READ_ONLY" });
      expect(fingerprints(disk), file).toEqual(before);
      await openRefused(disk, chain, "READ_ONLY");
    }
  });

  test("of a journal of records, whichever it is", async () => {
    const made = await journalBorn();
    for (const path of made.files().map((file) => file.path.slice(1))) {
      const disk = made.kill();
      disk.fail({ operation: "openToWrite", path, error: "EACCES", mode: "from-then-on" });
      const { findings, summary } = await inspected(disk, { kind: "forms" }, RECORDS_DIRECTORY);
      expect(findings, path).toMatchObject([{ class: "READ_ONLY", file: path }]);
      expect(summary.verdict, path).toMatchObject({ opens: false, class: "READ_ONLY" });
    }
  });
});
