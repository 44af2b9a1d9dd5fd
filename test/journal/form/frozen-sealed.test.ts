/** Sealed stores that were written once, and must open for ever with their keys, and never without them. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { KeyChoices } from "../../../src/keys/source.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { Journal } from "../../../src/records/journal.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { soloValidator } from "../../../src/testing/solo-validator.js";
import type { LaneId } from "../../../src/types/lane.js";
import { simulatedSurroundings } from "../../node/surroundings.js";
import { DIRECTORY } from "../kit.js";
import { filesWith } from "../seal/kit.js";
import { diskOf, frozen } from "./frozen-files.js";

interface Blocks {
  readonly chainId: string;
  readonly lane: LaneId;
  readonly blocks: readonly string[];
}

interface Records {
  readonly types: readonly number[];
  readonly records: readonly { readonly payload: string }[];
}

/** The disk of the test is another one than that of the writer. */
const common = { segmentBytes: 40 * 1024, moved: true };
/** As in `write-sealed.mjs`. */
const keyOf = (name: string): Buffer => createHash("sha256").update(`frozen key: ${name}`).digest();
const older = keyOf("older");
const newer = keyOf("newer");
const both: KeyChoices = { write: newer, read: [older] };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
let seeds = 0;

/** The stores, and for each a way to read all that it holds. */
const stores = {
  "sealed/keeper": async (disk: SimulatedDisk, keys: KeyChoices | undefined) => {
    const { chainId, lane } = frozen<Blocks>("sealed/keeper").holds;
    const { epochOf } = soloValidator();
    const choices = { ...common, chainId, epochOf, keys };
    const surroundings = simulatedSurroundings(disk, ++seeds);
    await using keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, choices);
    const { first, next } = keeper.recovery.lanes.get(lane) ?? { first: 0n, next: 0n };
    const blocks: string[] = [];
    for (let number = first; number < next; number++) {
      blocks.push(hex(await keeper.readBlock(lane, number)));
    }
    return { chainId, lane, blocks };
  },
  "sealed/journal": async (disk: SimulatedDisk, keys: KeyChoices | undefined) => {
    const { types } = frozen<Records>("sealed/journal").holds;
    const choices = { ...common, types, keys };
    const surroundings = simulatedSurroundings(disk, ++seeds);
    await using journal = await Journal.openOn(surroundings, DIRECTORY, choices);
    const records: unknown[] = [];
    for await (const { type, tenant, shard, payload } of journal.replay()) {
      records.push({ type, tenant, shard, payload: hex(payload) });
    }
    return { types, records };
  },
} as const;

const named = Object.entries(stores);

async function diskWith(name: string): Promise<SimulatedDisk> {
  return await diskOf(frozen(name).files);
}

describe("E15 a sealed store that was frozen", () => {
  test.each(named)(
    "%s opens with its keys, and so does what this version made of it",
    async (name, read) => {
      const { holds } = frozen(name);
      const disk = await diskWith(name);
      expect(await read(disk, both)).toEqual(holds);
      expect(await read(disk, { write: keyOf("another"), read: [newer, older] })).toEqual(holds);
    },
  );

  test.each(named)("%s has no payload in plain form", async (name) => {
    const disk = await diskWith(name);
    expect(filesWith(disk, "frozen transaction")).toEqual([]);
    expect(filesWith(disk, "frozen record")).toEqual([]);
  });

  const others: readonly (readonly [string, KeyChoices | undefined])[] = [
    ["without keys", undefined],
    ["with the older key alone", { write: older }],
    ["with the newer key alone", { write: newer }],
    ["with another key", { write: keyOf("another") }],
  ];
  test.each(named.flatMap(([name, read]) => others.map((each) => [name, ...each, read] as const)))(
    "%s is refused %s, and nothing changes",
    async (name, _, keys, read) => {
      const { files } = frozen(name);
      const disk = await diskWith(name);
      await expect(read(disk, keys)).rejects.toMatchObject({ code: "KEY_MISSING" });
      for (const [path, bytes] of files) {
        expect(Buffer.from(disk.readNow(`${DIRECTORY}/${path}`)).equals(bytes), path).toBe(true);
      }
    },
  );
});
