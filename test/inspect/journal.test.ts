/** A journal of records, inspected and verified: as open judges it, with its keys and without. */
import { beforeAll, describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { PersisterError } from "../../src/types/errors.js";
import { key, keyBytes } from "../journal/seal/kit.js";
import { forge } from "../journal/kit.js";
import { fingerprints } from "../node/kit.js";
import { appendTexts, born, DIRECTORY, opened, put, replayed } from "../records/kit.js";
import { RECORDS_LOG } from "../../src/records/log/record-check.js";
import { sampled } from "../scale.js";
import { flip, inspected as inspectedAt, liveSegmentsIn, recordsIn } from "./kit.js";

const KINDS = ["plain", "sealed"] as const;
type Kind = (typeof KINDS)[number];
const KEYS = { plain: "", sealed: "a" } as const;
const disks = new Map<Kind, SimulatedDisk>();

const keysOf = (letters: string) => letters.split("").map(keyBytes);
const choices = (letters: string) =>
  letters === "" ? {} : { keys: { write: keyBytes(letters), read: keysOf(letters) } };

/** Every third byte of a file, of idle ones a few: they are all alike. */
function worthwhile(bytes: Uint8Array): number[] {
  const isIdle = (at: number): boolean =>
    bytes.subarray(Math.max(0, at - 8), at + 8).every((byte) => byte === 0);
  const places = Array.from({ length: Math.floor(bytes.length / 3) }, (_, index) => 3 * index);
  return places.filter((at) => at % 997 === 0 || !isIdle(at));
}

/** A closed journal with some segments, whose first records are forgotten. */
beforeAll(async () => {
  for (const kind of KINDS) {
    const disk = await born();
    for (let segment = 0; segment < 3; segment++) {
      const journal = await opened(disk, choices(KEYS[kind]));
      await appendTexts(journal, segment * 4, segment * 4 + 4);
      if (segment === 2) await journal.forgetBefore(3n);
      await journal.close();
    }
    disks.set(kind, disk);
  }
});

function diskOf(kind: Kind): SimulatedDisk {
  const disk = disks.get(kind);
  if (!disk) throw new Error(`${kind} was not made`);
  return disk.kill();
}

async function inspected(
  disk: SimulatedDisk,
  letters: string,
  kind: "forms" | "signatures" = "forms",
) {
  return await inspectedAt(disk, { kind }, DIRECTORY, keysOf(letters));
}

describe.each(KINDS)("%s", (kind) => {
  const letters = KEYS[kind];

  test.each(["forms", "signatures"] as const)(
    "a whole journal has no finding: %s",
    async (depth) => {
      const disk = diskOf(kind);
      const before = fingerprints(disk);
      const { findings, summary } = await inspected(disk, letters, depth);
      expect(findings).toEqual([]);
      expect(summary).toMatchObject({
        kind: "records",
        verdict: { opens: true },
        logs: [{ name: RECORDS_LOG, first: 3n, next: 13n, records: 10 }],
        recordsRead: 10,
        recordsSealed: 0,
        anchor: undefined,
        vote: undefined,
        pins: [],
      });
      expect(fingerprints(disk)).toEqual(before);
    },
  );

  test("a journal without a record, and one that was never opened, are whole", async () => {
    const disk = await born();
    expect((await inspected(disk.kill(), letters)).findings).toEqual([]);
    await (await opened(disk, choices(letters))).close();
    const { findings, summary } = await inspected(disk, letters);
    expect(findings).toEqual([]);
    expect(summary.logs).toMatchObject([{ first: 1n, next: 1n, records: 0 }]);
  });

  test("any byte of a segment: inspection and open agree, and the record is named", async () => {
    const whole = diskOf(kind);
    const texts = await replayed(await opened(whole.kill(), choices(letters)));
    const verdicts = { same: 0, refused: 0 };
    for (const file of liveSegmentsIn(whole, DIRECTORY)) {
      for (const at of sampled(worthwhile(whole.readNow(file)))) {
        const disk = whole.kill();
        flip(disk, file, at);
        const { errors, summary } = await inspected(disk, letters, "signatures");
        const label = `${file} byte ${at}`;
        try {
          const journal = await opened(disk.kill(), choices(letters));
          expect(await replayed(journal), label).toEqual(texts);
          await journal.close();
          expect(errors, label).toEqual([]);
          verdicts.same += 1;
        } catch (cause) {
          if (!(cause instanceof PersisterError)) throw cause;
          expect(summary.verdict, label).toMatchObject({ opens: false, class: cause.code });
          expect(errors.length, label).toBeGreaterThan(0);
          verdicts.refused += 1;
        }
      }
    }
    expect(verdicts.refused).toBeGreaterThan(10);
  });

  test("what open refuses in a record is told at its place", async () => {
    const disk = diskOf(kind);
    const journal = await opened(disk, choices(letters));
    await journal.close();
    forge(disk, [{ name: RECORDS_LOG, number: 13n, payload: Buffer.alloc(40, "forged") }]);
    const { errors } = await inspected(disk, letters);
    expect(errors).toMatchObject([{ lane: RECORDS_LOG, number: 13n, severity: "error" }]);
  });

  test("a name that is not the journal's is told, and harms nothing", async () => {
    const disk = diskOf(kind);
    const file = await disk.create(`${DIRECTORY}/prune_anchor_a.pb`);
    await file.close();
    const { findings } = await inspected(disk, letters);
    expect(findings).toMatchObject([{ class: "NOT_A_STORE", severity: "warning" }]);
  });
});

describe("sealed, without its key", () => {
  test.each([["forms"], ["signatures"]] as const)(
    "E12 all but the payloads is shown: %s",
    async (depth) => {
      const { findings, summary } = await inspected(diskOf("sealed"), "", depth);
      expect(findings).toMatchObject([{ class: "KEY_MISSING", severity: "error" }]);
      expect(findings[0]?.message).toContain(key("a").id);
      expect(summary.logs).toMatchObject([{ first: 3n, next: 13n, records: 10 }]);
      expect(summary.recordsSealed).toBe(10);
      expect(summary.verdict).toMatchObject({ opens: false, class: "KEY_MISSING" });
    },
  );

  test("damage is found all the same, and told beside it", async () => {
    const disk = diskOf("sealed");
    const all = liveSegmentsIn(disk, DIRECTORY).flatMap((file) => recordsIn(disk, file));
    const last = all.findLast(({ record }) => record.number === 12n);
    flip(disk, last?.file ?? "", (last?.record.offset ?? 0) + 50);
    const { errors } = await inspected(disk, "");
    expect(new Set(errors.map((each) => each.class))).toEqual(
      new Set(["ACKNOWLEDGED_LOST", "KEY_MISSING"]),
    );
  });
});

test("types that no program here knows are no finding: the journal's own program knows them", async () => {
  const disk = await born();
  const journal = await opened(disk, { types: [0x8123, 5] });
  for (const type of [0x8123, 5]) await journal.append({ ...put("x"), type });
  await journal.close();
  expect((await inspected(disk, "")).findings).toEqual([]);
});
