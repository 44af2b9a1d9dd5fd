/** Journals of plain text for tests, and bytes that no honest run would write. */
import { createHash } from "node:crypto";
import { crc32c } from "../../src/codec/crc32c.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { beginJournal, writeAgain } from "../../src/journal/begin.js";
import {
  BLOCK_BYTES,
  chainStart,
  RECORD_HEADER_BYTES,
  recordsStart,
  recordType,
  slotName,
  writeRecordHeader,
} from "../../src/journal/form/records.js";
import type { Settled } from "../../src/journal/group/group.js";
import {
  claimedHeadBytes,
  decodeHead,
  encodeHead,
  type Head,
} from "../../src/journal/form/head.js";
import { initStore } from "../../src/journal/init.js";
import type { LogEngine } from "../../src/journal/log-engine.js";
import { type Recovered, recoverJournal } from "../../src/journal/recovery/recovery.js";
import { ownStore, soughtIn } from "../../src/journal/form/store.js";
import type { RecordVisitor } from "../../src/journal/recovery/scan.js";
import type { KeyRing } from "../../src/keys/ring.js";
import type { LaneLog, RecordKind } from "../../src/log/lane-log.js";
import { type LogMap, memoryLogMap } from "../../src/log/map/log-map.js";
import { LogSet } from "../../src/log/log-set.js";
import { walkRecords } from "./walk.js";
import type { WalkedRecord } from "../../src/journal/segment/segment.js";

export const DIRECTORY = "store";
export const CHAIN = "text";
export const SEGMENT_BYTES = 40 * 1024;

export const textKind: RecordKind<string> = {
  noun: "record",
  decode: (bytes) => Buffer.from(bytes).toString("latin1"),
  facts: (blockNumber) => ({ blockNumber }),
};

let draws = 0;
export function randomBytes(count: number): Uint8Array {
  draws += 1;
  return createHash("shake256", { outputLength: count }).update(`kit ${draws}`).digest();
}

/** An empty store of logs of text. */
export async function bornJournal(segmentBytes = SEGMENT_BYTES): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const options = { disk, directory: DIRECTORY, chainId: CHAIN, segmentBytes };
  await initStore(
    { ...options, nowMs: 0n, randomBytes },
    { files: [], make: () => Promise.resolve() },
  );
  return disk;
}

export interface OpenJournal {
  readonly journal: LogEngine;
  readonly logs: LogSet;
  readonly recovered: Recovered;
  readonly log: (name?: string) => LaneLog<string>;
  /** Drops a log; durable when resolved. */
  readonly drop: (name: string) => Promise<void>;
}

/** The choices of a test. By default it gets the smallest journal, with nothing retained. */
export interface JournalChoices {
  readonly segmentBytes?: number;
  readonly retainBytes?: number;
  readonly map?: LogMap;
  /** When the queue is taken to be idle: at once, where it is left out. */
  readonly whenIdle?: (task: () => void) => void;
  /** When a mark follows: in the next turn, where it is left out. */
  readonly later?: (task: () => void) => void;
  /** When background work goes on: in the next turn, where it is left out. */
  readonly pace?: (task: () => void) => void;
  /** Gets each live record as recovery finds it. */
  readonly visit?: RecordVisitor;
  /** The keys of the journal; taken over. */
  readonly ring?: KeyRing | undefined;
  /** Firsts that open raises. */
  readonly starts?: ReadonlyMap<string, bigint>;
}

/** Opens the journal and its logs, without what the parts above check. */
export async function openJournal(
  disk: SimulatedDisk,
  choices: JournalChoices = {},
): Promise<OpenJournal> {
  const { segmentBytes = SEGMENT_BYTES, retainBytes = 0, starts = new Map() } = choices;
  const store = await ownStore(disk, DIRECTORY, { chainId: CHAIN });
  let logs: LogSet | undefined;
  try {
    const sought = await soughtIn(store, { ring: choices.ring });
    const visit = choices.visit ?? visitNothing;
    const recovered = await recoverJournal(disk, DIRECTORY, sought, visit);
    const none = { acked: 0n, inFlight: 0n };
    const journal = await beginJournal(
      {
        disk,
        directory: DIRECTORY,
        segmentBytes,
        retainBytes,
        randomBytes,
        whenIdle: choices.whenIdle ?? ((task) => queueMicrotask(task)),
        later: choices.later ?? ((task) => void setImmediate(task)),
        pace: choices.pace ?? ((task) => void setImmediate(task)),
        nowMs: () => 0,
        beforeRelease: async () => {
          await logs?.closeMap();
        },
      },
      store,
      await writeAgain(disk, DIRECTORY, store, recovered),
      { starts: { truncate: starts }, named: { anchor: none, vote: none, voteRoadIndex: 0n } },
    );
    const made = new LogSet({
      engine: journal,
      table: recovered.table,
      map: retainBytes > 0 ? (choices.map ?? memoryLogMap(undefined)) : undefined,
    });
    logs = made;
    await made.startMap();
    const opened = new Map<string, LaneLog<string>>();
    const log = (name = "log"): LaneLog<string> => {
      const known = opened.get(name) ?? made.open(name, textKind);
      opened.set(name, known);
      return known;
    };
    const drop = async (name: string): Promise<void> => {
      made.close(name);
      opened.delete(name);
      await new Promise<void>((resolve, reject) => {
        const settled: Settled = (error) => (error ? reject(error) : resolve());
        journal.submit([{ type: "drop", name, settled }]);
      });
    };
    return { journal, logs: made, recovered, log, drop };
  } catch (error) {
    await store.file.close();
    throw error;
  }
}

/** Takes every record as it is. */
function visitNothing(): undefined {
  return undefined;
}

export function text(value: string): Uint8Array {
  return Buffer.from(value, "latin1");
}

/** The records of a log, decoded, in order. */
export async function all(log: LaneLog<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const { bytes } of log.scan()) found.push(textKind.decode(bytes));
  return found;
}

/** A segment on a disk: its file, its head, and the bytes of it. */
interface SegmentSeen {
  readonly path: string;
  readonly head: Head;
  readonly bytes: Uint8Array;
}

/** Every slot with a head, the newest first. */
function segmentsOn(disk: SimulatedDisk): readonly SegmentSeen[] {
  const segments = disk.files().flatMap(({ path }) => {
    if (!path.endsWith(".seg")) return [];
    const bytes = disk.readNow(path);
    const length = claimedHeadBytes(bytes);
    const found = length === undefined ? undefined : decodeHead(bytes.subarray(0, length));
    return found?.status === "head" ? [{ path, head: found.head, bytes }] : [];
  });
  return segments.sort((a, b) => (a.head.sequence > b.head.sequence ? -1 : 1));
}

export function newestSegment(disk: SimulatedDisk): SegmentSeen {
  const [newest] = segmentsOn(disk);
  if (!newest) throw new Error("no segment has a head");
  return newest;
}

/** The files of the retained segments, the oldest first. */
export function retainedPaths(disk: SimulatedDisk): readonly string[] {
  const { head } = newestSegment(disk);
  const names = new Set(head.retainedSlots.map(slotName));
  const retained = segmentsOn(disk).filter(({ path }) => names.has(path.slice(-8)));
  return retained.map(({ path }) => path).reverse();
}

/** A record to be forged: its log's name, and what it says. */
export interface Forged {
  readonly name: string;
  readonly number: bigint;
  readonly payload?: Uint8Array;
  /** An append by default. */
  readonly type?: number;
  /** The first number of its log, if this record makes the log; 0 by default. */
  readonly first?: bigint;
}

/** Puts records behind the newest segment's last one, chained and checksummed as if they were ours. */
export function forge(disk: SimulatedDisk, records: readonly Forged[]): void {
  const { path, head, bytes } = newestSegment(disk);
  const numbers = new Map(head.logs.map(({ name, log }) => [name, log]));
  let nextLog = head.nextLog;
  const start = {
    offset: recordsStart(encodeHead(head).length),
    chain: chainStart(head.salt),
    nextLsn: head.firstLsn,
  };
  let { offset, chain, nextLsn } = walkRecords(bytes, start, (record) => {
    if (record.type !== recordType.open) return;
    numbers.set(Buffer.from(record.payload).toString("latin1"), record.log);
    nextLog = record.log + 1;
  });
  const put = (type: number, log: number, number: bigint, payload: Uint8Array): void => {
    const header = Buffer.alloc(RECORD_HEADER_BYTES);
    chain = writeRecordHeader(header, 0, chain, {
      payloadLength: payload.length,
      payloadCrc: crc32c(payload),
      type,
      more: false,
      lsn: nextLsn,
      log,
      number,
    });
    disk.damage(path, offset, Buffer.concat([header, payload]));
    offset += header.length + payload.length;
    nextLsn += 1n;
  };
  for (const { name, number, payload, type, first } of records) {
    let log = numbers.get(name);
    if (log === undefined) {
      log = nextLog++;
      numbers.set(name, log);
      put(recordType.open, log, first ?? 0n, text(name));
    }
    put(type ?? recordType.append, log, number, payload ?? new Uint8Array(0));
  }
}

/**
 * Changes the payload of the records of a segment that `change` gives another one of the same length, and makes every
 * checksum behind it anew.
 */
export function forgeSegment(
  disk: SimulatedDisk,
  path: string,
  change: (record: WalkedRecord) => Uint8Array | undefined,
): void {
  const bytes = disk.readNow(path);
  const found = decodeHead(bytes.subarray(0, claimedHeadBytes(bytes)));
  if (found.status !== "head") throw new Error(`${path} has no head`);
  const { salt, firstLsn } = found.head;
  const start = { offset: recordsStart(found.bytes.length), chain: chainStart(salt) };
  let { chain } = start;
  walkRecords(bytes, { ...start, nextLsn: firstLsn }, (record) => {
    const payload = change(record) ?? record.payload;
    const header = Buffer.alloc(RECORD_HEADER_BYTES);
    chain = writeRecordHeader(header, 0, chain, { ...record, payloadCrc: crc32c(payload) });
    disk.damage(path, record.offset, Buffer.concat([header, payload]));
  });
}

/** Replaces the newest head by another one with a right checksum, and leaves its records alone. */
export function forgeHead(disk: SimulatedDisk, change: (head: Head) => Head): void {
  const { path, head } = newestSegment(disk);
  disk.damage(path, 0, encodeHead(change(head)));
}

/** The first block of the newest segment's last group never arrived, or was damaged; its footer stays. */
export function loseLastRecords(disk: SimulatedDisk): void {
  const { path, head, bytes } = newestSegment(disk);
  const start = {
    offset: recordsStart(encodeHead(head).length),
    chain: chainStart(head.salt),
    nextLsn: head.firstLsn,
  };
  let { offset } = start;
  let next = offset;
  walkRecords(bytes, start, (record) => {
    if (record.type !== recordType.footer) return;
    offset = next;
    next = record.offset + RECORD_HEADER_BYTES + record.payloadLength;
  });
  disk.damage(path, offset, Buffer.alloc(BLOCK_BYTES));
}
