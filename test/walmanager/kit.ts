/** Writes logs in the form of WalManager, on a disk in memory, and reads them. */
import { crc32c } from "../../src/codec/crc32c.js";
import { MemoryDisk } from "../../src/disk/memory.js";
import { walTypes } from "../../src/walmanager/record-types.js";
import { type WalChoices, WalLog, type WalRecord } from "../../src/walmanager/wal-log.js";
import type { WalSummary } from "../../src/walmanager/wal-tally.js";
import { putFile } from "../golden/kit/directories.js";

export const LOG = "/log";

/** The parts of a record. Without others it is a Put of tenant 1, vshard 0, version 2. */
export interface RecordParts {
  readonly lsn: bigint;
  readonly payload?: Uint8Array;
  readonly version?: number;
  /** With its flags. */
  readonly type?: number;
  readonly tenantId?: number;
  readonly vshard?: number;
}

export function record(parts: RecordParts): Uint8Array {
  const { lsn, payload = payloadOf(lsn), version = 2, type = walTypes.Put } = parts;
  const bytes = Buffer.alloc(30 + payload.length);
  bytes.writeUInt32LE(0x53594e57, 0);
  bytes.writeUInt16LE(version, 4);
  bytes.writeUInt16LE(type, 6);
  bytes.writeBigUInt64LE(lsn, 8);
  bytes.writeUInt32LE(parts.tenantId ?? 1, 16);
  bytes.writeUInt16LE(parts.vshard ?? 0, 20);
  bytes.writeUInt32LE(payload.length, 22);
  bytes.set(payload, 30);
  bytes.writeUInt32LE(crc32c(payload, crc32c(bytes.subarray(0, 26))), 26);
  return bytes;
}

/** A payload that tells its LSN, of a length that differs from its neighbours'. */
export function payloadOf(lsn: bigint): Uint8Array {
  return Buffer.alloc(5 + Number(lsn % 7n), `record ${lsn} `);
}

/** Plain records of the LSNs [first, next). */
export function records(first: bigint, next: bigint): Uint8Array {
  const lsns = Array.from({ length: Number(next - first) }, (_, at) => first + BigInt(at));
  return Buffer.concat(lsns.map((lsn) => record({ lsn })));
}

export function segmentName(firstLsn: bigint, extension = "seg"): string {
  return `wal-${String(firstLsn).padStart(20, "0")}.${extension}`;
}

/** A sidecar with these records in its slots, from the first on. */
export function sidecar(copies: readonly Uint8Array[], form: "older" | "newer"): Uint8Array {
  const [first, stride] = form === "older" ? [12, 65_570] : [4096, 69_632];
  const bytes = Buffer.alloc(first + copies.length * stride);
  if (form === "newer") bytes.writeUInt32LE(0x44574246, 0);
  for (const [slot, copy] of copies.entries()) {
    bytes.writeUInt32LE(copy.length, first + slot * stride);
    bytes.set(copy, first + slot * stride + 4);
  }
  return bytes;
}

/** A log of these files; a number is the first LSN of a segment. */
export async function logOf(
  files: readonly (readonly [bigint | string, Uint8Array])[],
  disk = new MemoryDisk(),
  directory = LOG,
): Promise<MemoryDisk> {
  if ((await disk.kind(directory)) === undefined) await disk.makeDirectory(directory);
  for (const [name, bytes] of files) {
    const file = typeof name === "bigint" ? segmentName(name) : name;
    await putFile(disk, `${directory}/${file}`, bytes);
  }
  return disk;
}

export interface ReadLog {
  readonly records: readonly WalRecord[];
  readonly lsns: readonly bigint[];
  readonly summary: WalSummary;
}

/** All that the log at `path` gives. */
export async function readLog(
  disk: MemoryDisk,
  choices: WalChoices = {},
  path = LOG,
): Promise<ReadLog> {
  const log = await WalLog.openOn(disk, path, choices);
  const found: WalRecord[] = [];
  for await (const each of log.records()) found.push(each);
  const { summary } = log;
  if (!summary) throw new Error("a pass that came to its end has a summary");
  return { records: found, lsns: found.map(({ lsn }) => lsn), summary };
}
