/** Reading everything back: what is held, and what was pruned and is retained. */
import type { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import type { LaneId } from "../../../../src/types/lane.js";
import type { RecoveredLog, RecoveredStore } from "../../../model/reference-model.js";
import type { Fault } from "./ground.js";
import type { Ledger } from "./ledger.js";
import { cameTo } from "./outcome.js";
import type { Tally } from "./tally.js";
import { qcAt } from "../commands/traffic.js";
import { type Range, same } from "./view.js";

export type LogName = LaneId | "road";

export interface Reader {
  readonly keeper: Lanekeeper;
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** Whether the lane was dropped, or the store closed, since the read began. */
  readonly isOver: () => boolean;
  readonly fault: Fault;
}

const NOTHING: Range = { first: 0n, next: 0n };

/** Begins to read all of a log that `status` says can be read, and one number below it. */
export function readBack(name: LogName, reader: Reader): Promise<void>[] {
  const kept = retainedOf(reader, name);
  const held = heldOf(reader, name);
  if (kept.first < kept.next && kept.next > held.first) {
    reader.fault(`${shortOf(name)}: retained up to ${kept.next}, held from ${held.first}`);
  }
  const below = kept.first > 0n && kept.first < kept.next ? [kept.first - 1n] : [];
  return [
    ...below.map((number) => readRetained(reader, name, number)),
    ...numbersOf(kept).map((number) => readRetained(reader, name, number)),
    ...numbersOf(held).map((number) => readHeld(reader, name, number)),
  ];
}

/** Nothing is promised of what is retained, but that `status` and the bytes tell the truth. */
async function readRetained(reader: Reader, name: LogName, number: bigint): Promise<void> {
  const { keeper, tally } = reader;
  const wasKept = isIn(retainedOf(reader, name), number);
  const expected = bytesAt(reader, name, number);
  let found: Uint8Array | undefined;
  const read =
    name === "road" ? keeper.readRetainedCommitQC(number) : keeper.readRetainedBlock(name, number);
  const { outcome, error } = await cameTo(
    read.then((bytes) => {
      found = bytes;
    }),
  );
  if (reader.isOver()) return;
  const what = `retained ${shortOf(name)} ${number}`;
  if (outcome !== "taken") reader.fault(`${what} cannot be read: ${outcome}`, error);
  else if (found && !wasKept) reader.fault(`${what} is read, and not retained`);
  else if (found && !same(found, expected)) reader.fault(`${what}: other bytes are read`);
  else if (found) tally.see("a retained record");
  else if (isIn(retainedOf(reader, name), number) && !keeper.status().poison) {
    reader.fault(`${what} is not read`);
  }
}

async function readHeld(reader: Reader, name: LogName, number: bigint): Promise<void> {
  const { keeper } = reader;
  const expected = bytesAt(reader, name, number);
  const what = `${shortOf(name)} ${number}`;
  const read = name === "road" ? keeper.readCommitQC(number) : keeper.readBlock(name, number);
  const { outcome, error } = await cameTo(
    read.then((bytes) => {
      if (!same(bytes, expected)) reader.fault(`${what}: other bytes are read`);
    }),
  );
  if (outcome === "taken" || reader.isOver()) return;
  if (outcome === "OUT_OF_SEQUENCE" && number < heldOf(reader, name).first) return;
  reader.fault(`${what} cannot be read: ${outcome}`, error);
}

function retainedOf({ keeper }: Reader, name: LogName): Range {
  const { lanes, road } = keeper.status().retained;
  return (name === "road" ? road : lanes.get(name)) ?? NOTHING;
}

/** Of the road what is on disk: its queue cannot be read. */
function heldOf({ keeper }: Reader, name: LogName): Range {
  const { lanes, road } = keeper.status();
  return name === "road" ? { ...road, next: road.durable } : (lanes.get(name) ?? NOTHING);
}

function bytesAt({ ledger }: Reader, name: LogName, number: bigint): Uint8Array | undefined {
  return name === "road" ? qcAt(number).bytes : ledger.admitted(name, number)?.bytes;
}

/** Everything in these ranges, in the form of a recovery. */
export async function contentsOf(
  keeper: Lanekeeper,
  ranges: ReadonlyMap<LaneId, Range>,
  road: Range,
): Promise<Pick<RecoveredStore, "lanes" | "road">> {
  const logs = [...ranges].map(async ([lane, range]) => {
    return [lane, await recordsOf(range, (number) => keeper.readBlock(lane, number))] as const;
  });
  const qcs = recordsOf(road, (index) => keeper.readCommitQC(index));
  return { lanes: new Map<string, RecoveredLog>(await Promise.all(logs)), road: await qcs };
}

async function recordsOf(
  { first, next }: Range,
  read: (number: bigint) => Promise<Uint8Array>,
): Promise<RecoveredLog> {
  return { first, next, records: await Promise.all(numbersOf({ first, next }).map(read)) };
}

function numbersOf({ first, next }: Range): bigint[] {
  const numbers: bigint[] = [];
  for (let number = first; number < next; number++) numbers.push(number);
  return numbers;
}

function isIn({ first, next }: Range, number: bigint): boolean {
  return number >= first && number < next;
}

function shortOf(name: LogName): string {
  return name.slice(0, 6);
}
