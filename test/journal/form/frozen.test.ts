/**
 * Stores that were written once, and must open for ever: by the engine as it is, and by a second reader
 * that knows the page beside them and nothing else.
 */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { Journal } from "../../../src/records/journal.js";
import { surroundings } from "../../records/kit.js";
import { diskOf, frozen, names } from "./frozen-files.js";
import { crc, readStore } from "./frozen-reader.js";
import { DIRECTORY, openJournal, SEGMENT_BYTES } from "../kit.js";

type ByNumber = Readonly<Record<string, string>>;

interface Logs {
  readonly chainId: string;
  readonly retainBytes: number;
  readonly logs: Readonly<
    Record<
      string,
      {
        readonly first: string;
        readonly next: string;
        readonly records: ByNumber;
        readonly retained: ByNumber;
      }
    >
  >;
  readonly pins: readonly {
    readonly name: string;
    readonly number: string;
    readonly hash: string;
  }[];
}

interface Records {
  readonly types: readonly number[];
  readonly firstLsn: string;
  readonly checkpointLsn: string;
  readonly records: readonly { readonly lsn: string; readonly payload: string }[];
}

const RECORDS = "written/records";
/** Those of `frozen-sealed.test.ts` need keys. */
const stores = names.filter((name) => name !== RECORDS && !name.startsWith("sealed/"));

/** The logs that the engine finds in the store on `disk`, in the words of a frozen file. */
async function openedAs(disk: SimulatedDisk, { chainId, retainBytes, logs }: Logs): Promise<Logs> {
  const opened = await openJournal(disk, { retainBytes });
  const found: Record<string, Logs["logs"][string]> = {};
  for (const name of opened.logs.recoveredNames()) {
    const log = opened.log(name);
    const records: Record<string, string> = {};
    for await (const { number, bytes } of log.scan()) records[String(number)] = textOf(bytes);
    const retained: Record<string, string> = {};
    for (const number of Object.keys(logs[name]?.retained ?? {})) {
      const bytes = await opened.logs.readRetained(name, BigInt(number));
      if (bytes) retained[number] = textOf(bytes);
    }
    found[name] = { first: String(log.first), next: String(log.next), records, retained };
  }
  const pins = opened.journal.mark.pins.map(({ name, number, hash }) => {
    return { name, number: String(number), hash: Buffer.from(hash).toString("hex") };
  });
  await opened.journal.close();
  return { chainId, retainBytes, logs: found, pins };
}

/** A payload as it stands in a frozen file: its text, and how many zeros follow. */
function textOf(bytes: Uint8Array): string {
  const written = Buffer.from(bytes).toString("latin1").replace(/\0+$/, "");
  const zeros = bytes.length - written.length;
  return zeros === 0 ? written : `${written} and ${zeros} zeros`;
}

function textsOf(records: ReadonlyMap<bigint, Buffer>): ByNumber {
  return Object.fromEntries([...records].map(([number, bytes]) => [String(number), textOf(bytes)]));
}

test("the shapes are all there", () => {
  expect(names.toSorted()).toEqual([
    "crashed/dropping",
    "crashed/one-mark-slot",
    "crashed/pinned",
    "crashed/relocating",
    "crashed/sealed-torn-batch",
    "crashed/torn-batch",
    "crashed/torn-tail",
    "removed/dropped",
    "removed/recycled",
    "removed/relocated",
    "removed/retained",
    "removed/truncated",
    "sealed/journal",
    "sealed/keeper",
    "written/batches",
    "written/empty",
    "written/one-record",
    "written/opened",
    "written/optional-type",
    "written/records",
    "written/segments",
    "written/several-logs",
  ]);
});

describe("the engine opens what was frozen", () => {
  test.each(stores)("%s", async (name) => {
    const { files, holds } = frozen<Logs>(name);
    const disk = await diskOf(files);
    expect(await openedAs(disk, holds)).toEqual(holds);
    // And what it made of it, now written by this version.
    expect(await openedAs(disk, holds)).toEqual(holds);
  });

  test("records", async () => {
    const { files, holds } = frozen<Records>(RECORDS);
    const disk = await diskOf(files);
    const choices = { types: holds.types, segmentBytes: SEGMENT_BYTES };
    const journal = await Journal.openOn(surroundings(disk), DIRECTORY, choices);
    expect(String(journal.firstLsn)).toBe(holds.firstLsn);
    expect(String(journal.checkpointLsn)).toBe(holds.checkpointLsn);
    const found: unknown[] = [];
    for (const { lsn } of journal.headers()) {
      const { type, tenant, shard, origin, payload } = await journal.read(lsn);
      const labels = { lsn: String(lsn), type, tenant, shard };
      const known = origin === undefined ? labels : { ...labels, origin: String(origin) };
      found.push({ ...known, payload: textOf(payload) });
    }
    expect(found).toEqual(holds.records);
    await journal.close();
  });
});

describe("a reader that was written from the page finds the same", () => {
  test("its checksum is the one of the page", () => {
    expect(crc(Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc(Buffer.from("6789"), crc(Buffer.from("12345")))).toBe(0xe3069283);
  });

  test.each(stores)("%s", (name) => {
    const { files, holds } = frozen<Logs>(name);
    const { chainId, logs, pins } = readStore(files);
    expect(chainId).toBe(holds.chainId);
    expect([...logs.keys()].sort()).toEqual(Object.keys(holds.logs).sort());
    for (const [log, { first, next, records, retained }] of logs) {
      const held = holds.logs[log];
      const range = { first: String(first), next: String(next) };
      expect({ ...range, records: textsOf(records) }).toEqual({
        first: held?.first,
        next: held?.next,
        records: held?.records,
      });
      // It tells all that is there, the engine what can be read without a gap.
      expect(textsOf(retained)).toMatchObject(held?.retained ?? {});
    }
    expect(pins.map((pin) => ({ ...pin, number: String(pin.number) }))).toEqual(holds.pins);
  });

  test("records", () => {
    const { files, holds } = frozen<Records>(RECORDS);
    const { chainId, logs } = readStore(files);
    expect(chainId).toBe("\u00abrecords\u00bb");
    const records = [...(logs.get("records")?.records.values() ?? [])];
    const lsns = [...(logs.get("records")?.records.keys() ?? [])];
    const found = records.map((bytes, at) => ({ lsn: String(lsns[at]), ...readEnvelope(bytes) }));
    expect(found).toEqual(holds.records);
  });
});

/** As the page has it. */
function readEnvelope(bytes: Buffer) {
  expect([bytes[0], bytes.readUInt16LE(10)]).toEqual([1, 0]);
  const hasOrigin = bytes[1] === 1;
  const labels = {
    type: bytes.readUInt16LE(2),
    tenant: bytes.readUInt32LE(4),
    shard: bytes.readUInt16LE(8),
    payload: textOf(bytes.subarray(hasOrigin ? 20 : 12)),
  };
  return hasOrigin ? { ...labels, origin: String(bytes.readBigUInt64LE(12)) } : labels;
}
