/**
 * A second reader of our format, written from the page `src/journal/README.md` and from no source: what
 * it finds must be what the journal finds.
 */

/** The files of a store, by their path in its directory. */
export type StoreFiles = ReadonlyMap<string, Uint8Array>;

export interface LogRead {
  readonly first: bigint;
  readonly next: bigint;
  /** By number. */
  readonly records: ReadonlyMap<bigint, Buffer>;
  /** Those below first that retained segments hold. */
  readonly retained: ReadonlyMap<bigint, Buffer>;
}

export interface StoreRead {
  readonly chainId: string;
  readonly generation: bigint;
  readonly logs: ReadonlyMap<string, LogRead>;
  readonly pins: readonly Pin[];
}

interface Pin {
  readonly name: string;
  readonly number: bigint;
  readonly hash: string;
}

interface Listed {
  readonly slot: number;
  readonly sequence: bigint;
  readonly firstLsn: bigint;
  readonly nextLsn: bigint;
  readonly end: number;
  readonly chain: number;
}

/** A footer that verifies by its own checksum. */
interface Footer {
  readonly firstLsn: bigint;
  readonly lastLsn: bigint;
  readonly opened: readonly (readonly [number, string])[];
  readonly dropped: readonly (readonly [number, string])[];
  readonly appends: readonly {
    readonly log: number;
    readonly number: bigint;
    readonly hash: string;
  }[];
}

interface Log {
  readonly name: string;
  first: bigint;
  next: bigint;
}

interface Head {
  readonly bytes: Buffer;
  readonly headBytes: number;
  readonly generation: bigint;
  readonly sequence: bigint;
  readonly salt: Buffer;
  readonly firstLsn: bigint;
  readonly sealed: readonly Listed[];
  readonly ended: readonly Listed[];
  readonly retainedSlots: readonly number[];
  readonly logs: readonly (readonly [number, Log])[];
}

interface Found {
  readonly type: number;
  readonly more: boolean;
  readonly lsn: bigint;
  readonly log: number;
  readonly number: bigint;
  readonly payload: Buffer;
  /** The offset at which it ends, and the chain value there. */
  readonly end: number;
  readonly chain: number;
}

/** The records of a segment, and their end. */
interface Walked {
  readonly records: readonly Found[];
  readonly end: number;
  readonly chain: number;
  readonly nextLsn: bigint;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C of `bytes`, going on from `from`. */
export function crc(bytes: Uint8Array, from = 0): number {
  let value = ~from;
  for (const byte of bytes) value = (value >>> 8) ^ (crcTable[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(count: number): Buffer {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new Error("cut short");
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8 = (): number => this.take(1).readUInt8();
  u16 = (): number => this.take(2).readUInt16LE();
  u32 = (): number => this.take(4).readUInt32LE();
  u64 = (): bigint => this.take(8).readBigUInt64LE();
  name = (): string => this.take(this.u8()).toString("latin1");

  list<Item>(item: () => Item, count = this.u32()): Item[] {
    return Array.from({ length: count }, item);
  }

  expect(text: string): void {
    if (this.take(text.length).toString("latin1") !== text) throw new Error(`no ${text}`);
  }
}

export function readStore(files: StoreFiles): StoreRead {
  const store = readIdentity(fileOf(files, "STORE"));
  const mark = readMark(fileOf(files, "mark"), store.id);
  const heads = new Map<number, Head>();
  for (const [path, bytes] of files) {
    const slot = /^journal\/(\d+)\.seg$/.exec(path)?.[1];
    const head = slot === undefined ? undefined : readHead(bufferOf(bytes), store.id);
    if (head) heads.set(Number(slot), head);
  }
  const newest = [...heads.values()].reduce((a, b) => (a.sequence > b.sequence ? a : b));
  if (newest.sequence < mark.headSequence) throw new Error("the mark's head is not there");
  const own = wholeOf(walk(newest), newest);
  const { logs, released, releasedSlots } = applied(newest, own);
  const footers = footersFrom(newest, own.end);
  const keptIn = new Map(
    [...heads].filter(([slot, { sequence }]) => {
      return newest.retainedSlots.includes(slot) && sequence < newest.sequence;
    }),
  );
  const kept = [...keptIn.values()];
  refuseStale(mark, { newest, kept }, own, footers);
  if (mark.acked >= own.nextLsn) throw new Error("a lost record");
  if (footers.some(({ firstLsn }) => firstLsn > own.nextLsn)) throw new Error("a lost group");
  const last = footers.find(({ firstLsn, lastLsn }) => {
    return firstLsn <= own.nextLsn && own.nextLsn <= lastLsn;
  });
  const nameOf = (log: number): string =>
    last?.opened.find(([opened]) => opened === log)?.[1] ?? logs.get(log)?.name ?? "";
  const lost = (last?.appends ?? []).map(({ log, number, hash }) => {
    return { name: nameOf(log), number, hash };
  });
  for (const [log] of last?.dropped ?? []) logs.delete(log);
  const segments = newest.sealed
    .filter(({ sequence }) => !released.has(sequence))
    .map((listed) => sealedSegment(heads, listed));
  const live = [...segments.flatMap(({ records }) => records), ...own.records];
  const retained = [...keptIn]
    .filter(([slot]) => !releasedSlots.has(slot))
    .flatMap(([, head]) => wholeOf(walk(head), head).records);
  const found = [...logs].map(
    ([log, state]) => [state.name, readLog(log, state, live, retained)] as const,
  );
  const pins = [...mark.pins, ...lost].filter(({ name, number }) => {
    const next = [...logs.values()].find((log) => log.name === name)?.next ?? 0n;
    return number >= next;
  });
  return {
    chainId: store.chainId,
    generation: mark.generation,
    logs: new Map(found),
    pins,
  };
}

function fileOf(files: StoreFiles, path: string): Buffer {
  const bytes = files.get(path);
  if (!bytes) throw new Error(`${path} is missing`);
  return bufferOf(bytes);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readIdentity(bytes: Buffer): { readonly id: string; readonly chainId: string } {
  const cursor = new Cursor(bytes);
  cursor.expect("LKSTORE1");
  if (cursor.u32() !== 2) throw new Error("another version");
  const id = cursor.take(16).toString("hex");
  const chainId = cursor.name();
  cursor.u64();
  if (cursor.u32() !== crc(bytes.subarray(0, -4))) throw new Error("STORE is damaged");
  return { id, chainId };
}

function readMark(bytes: Buffer, storeId: string) {
  const slots = [0, 262_144].map((at) => readMarkSlot(bytes.subarray(at), storeId));
  const valid = slots.filter((slot) => slot !== undefined);
  const [newest] = valid.sort((a, b) => (a.sequence > b.sequence ? -1 : 1));
  if (!newest) throw new Error("both slots of the mark are bad");
  return newest;
}

function readMarkSlot(slot: Buffer, storeId: string) {
  const length = slot.readUInt32LE(0);
  const content = slot.subarray(8, 8 + length);
  if (length === 0 || content.length < length || slot.readUInt32LE(4) !== crc(content)) {
    return undefined;
  }
  const cursor = new Cursor(content);
  cursor.expect("LKMARK02");
  if (cursor.take(16).toString("hex") !== storeId) return undefined;
  const [sequence, generation, headSequence, acked] = cursor.list(cursor.u64, 4) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  // The sequences of the A/B files, the road index of a vote, inode and birth time of STORE.
  cursor.list(cursor.u64, 7);
  const names = cursor.list(cursor.name, cursor.u16());
  const named = (): string => names[cursor.u16()] ?? "";
  const pin = (): Pin => ({
    name: named(),
    number: cursor.u64(),
    hash: cursor.take(32).toString("hex"),
  });
  return { sequence, generation, headSequence, acked, pins: cursor.list(pin) };
}

function readHead(bytes: Buffer, storeId: string): Head | undefined {
  if (bytes.toString("latin1", 0, 8) !== "LKSEGMT1") return undefined;
  const headBytes = bytes.readUInt32LE(12);
  if (headBytes < 20 || headBytes > bytes.length) return undefined;
  if (bytes.readUInt32LE(headBytes - 4) !== crc(bytes.subarray(0, headBytes - 4))) return undefined;
  const cursor = new Cursor(bytes.subarray(16));
  if (cursor.take(16).toString("hex") !== storeId || bytes.readUInt32LE(8) !== 2) return undefined;
  const generation = cursor.u64();
  const sequence = cursor.u64();
  const salt = cursor.take(32);
  const firstLsn = cursor.u64();
  cursor.u64();
  cursor.u64();
  cursor.u32();
  cursor.u32();
  const listed = (): Listed => ({
    slot: cursor.u32(),
    sequence: cursor.u64(),
    firstLsn: cursor.u64(),
    nextLsn: cursor.u64(),
    end: cursor.u32(),
    chain: cursor.u32(),
  });
  const sealed = cursor.list(listed);
  const ended = cursor.list(listed);
  const map = cursor.take(cursor.u32());
  const retainedSlots = [...map].flatMap((byte, index) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) % 2 === 1).map((bit) => index * 8 + bit),
  );
  const logs = cursor.list((): readonly [number, Log] => {
    const log = cursor.u32();
    const entry = { name: cursor.name(), first: cursor.u64(), next: cursor.u64() };
    cursor.take(32);
    return [log, entry];
  });
  return {
    bytes,
    headBytes,
    generation,
    sequence,
    salt,
    firstLsn,
    sealed,
    ended,
    retainedSlots,
    logs,
  };
}

/** Every footer that begins at a block from `from` on, by its own checksum. */
function footersFrom({ bytes, sequence, salt }: Head, from: number): Footer[] {
  const footers: Footer[] = [];
  for (let at = Math.ceil(from / 4096) * 4096; at + 40 <= bytes.length; at += 4096) {
    const payload = bytes.subarray(at + 40, at + 40 + bytes.readUInt32LE(at + 4));
    if (bytes.readUInt8(at + 12) !== 8 || payload.length % 4096 !== 4096 - 40) continue;
    const [lastLsn, firstLsn] = [bytes.readBigUInt64LE(at + 16), bytes.readBigUInt64LE(at + 32)];
    const place = Buffer.alloc(32);
    [sequence, BigInt(at), firstLsn, lastLsn].forEach((value, index) => {
      place.writeBigUInt64LE(value, index * 8);
    });
    const own = crc(Buffer.concat([salt, place, payload.subarray(4)]));
    if (payload.readUInt32LE(0) !== own) continue;
    const cursor = new Cursor(payload.subarray(4));
    const named = (): readonly [number, string] => [cursor.u32(), cursor.name()];
    const opened = cursor.list(named);
    const dropped = cursor.list(named);
    const appends = cursor.list(() => {
      return { log: cursor.u32(), number: cursor.u64(), hash: cursor.take(32).toString("hex") };
    });
    footers.push({ firstLsn, lastLsn, opened, dropped, appends });
  }
  return footers;
}

/** A mark that is older than any that a crash leaves beside this segment. */
function refuseStale(
  mark: { readonly generation: bigint; readonly headSequence: bigint },
  { newest, kept }: { readonly newest: Head; readonly kept: readonly Head[] },
  { records, nextLsn }: Walked,
  footers: readonly Footer[],
): void {
  const whole = records.filter(({ type }) => type === 8).length;
  const isBroken = footers.some(({ firstLsn, lastLsn }) => {
    return firstLsn <= nextLsn && nextLsn <= lastLsn;
  });
  const isTorn = records.length > 0 && records.at(-1)?.type !== 8;
  const groups = whole + (isTorn || isBroken ? 1 : 0);
  const behind = newest.sequence - mark.headSequence;
  const isLater = (listed: Listed): boolean =>
    listed.sequence > mark.headSequence + 1n && listed.nextLsn > listed.firstLsn;
  const isStale =
    [...newest.sealed, ...newest.ended].some(isLater) ||
    kept.some(({ sequence }) => sequence > mark.headSequence + 1n) ||
    (behind > 0n && groups > 1) ||
    (behind > 1n && groups > 0) ||
    (newest.generation > mark.generation && groups > 0);
  if (isStale) throw new Error("the mark is an old one");
}

/** Without a batch at the end that is not there to its end. */
function wholeOf(walked: Walked, { headBytes, salt, firstLsn }: Head): Walked {
  const records = walked.records.slice(0, walked.records.findLastIndex(({ more }) => !more) + 1);
  if (records.length === walked.records.length) return walked;
  const last = records.at(-1);
  if (!last) {
    const start = Math.ceil(headBytes / 4096) * 4096;
    return { records, end: start, chain: crc(salt), nextLsn: firstLsn };
  }
  return { records, end: last.end, chain: last.chain, nextLsn: last.lsn + 1n };
}

/** The records of a segment, up to the LSN `until` where it is given. */
function walk({ bytes, headBytes, salt, firstLsn }: Head, until?: bigint): Walked {
  const records: Found[] = [];
  let at = Math.ceil(headBytes / 4096) * 4096;
  let chain = crc(salt);
  let nextLsn = firstLsn;
  while (until === undefined || nextLsn < until) {
    const header = bytes.subarray(at, at + 40);
    const isNext =
      header.length === 40 && header.readUInt32LE(0) === crc(header.subarray(4), chain);
    if (!isNext || header.readBigUInt64LE(16) !== nextLsn) break;
    const length = header.readUInt32LE(4);
    const payload = bytes.subarray(at + 40, at + 40 + length);
    if (payload.length < length || crc(payload) !== header.readUInt32LE(8)) break;
    records.push({
      type: header.readUInt8(12),
      more: header.readUInt8(13) === 1,
      lsn: nextLsn,
      log: header.readUInt32LE(24),
      number: header.readBigUInt64LE(32),
      payload,
      end: at + 40 + length,
      chain: header.readUInt32LE(0),
    });
    chain = header.readUInt32LE(0);
    at += 40 + length;
    nextLsn += 1n;
  }
  return { records, end: at, chain, nextLsn };
}

function sealedSegment(heads: ReadonlyMap<number, Head>, listed: Listed): Walked {
  const head = heads.get(listed.slot);
  if (head?.sequence !== listed.sequence) throw new Error(`segment ${listed.sequence} is missing`);
  const walked = walk(head, listed.nextLsn);
  const { end, chain, nextLsn } = walked;
  const whole = end === listed.end && chain === listed.chain && nextLsn === listed.nextLsn;
  if (!whole) throw new Error(`segment ${listed.sequence} is damaged`);
  return walked;
}

/** Applies the newest segment's own records to the logs and segments that its head lists. */
function applied(newest: Head, { records }: Walked) {
  const logs = new Map(newest.logs.map(([log, entry]) => [log, { ...entry }]));
  const released = new Set<bigint>();
  const releasedSlots = new Set<number>();
  for (const { type, log, number, payload } of records) {
    const state = logs.get(log);
    if (type === 1) {
      logs.set(log, { name: payload.toString("latin1"), first: number, next: number });
    } else if (type === 2 && state) state.next = number + 1n;
    else if (type === 3 && state) {
      if (number > state.first) state.first = number;
      if (number > state.next) state.next = number;
    } else if (type === 4) logs.delete(log);
    else if (type === 6) {
      released.add(number);
      releasedSlots.add(log);
    } else if (type > 8 && type < 0x80) throw new Error(`record type ${type} is not known`);
  }
  return { logs, released, releasedSlots };
}

function readLog(
  log: number,
  { first, next }: Log,
  live: readonly Found[],
  retained: readonly Found[],
): LogRead {
  const own = [...live].filter((each) => each.log === log && (each.type === 2 || each.type === 5));
  const records = new Map<bigint, Buffer>();
  for (const { number, payload } of own.sort((a, b) => (a.lsn < b.lsn ? -1 : 1))) {
    if (number >= first && number < next && !records.has(number)) records.set(number, payload);
  }
  for (let number = first; number < next; number++) {
    if (!records.has(number)) throw new Error(`record ${number} is missing`);
  }
  const below = [...retained, ...own].filter(
    (each) => each.log === log && (each.type === 2 || each.type === 5) && each.number < first,
  );
  const inOrder = new Map([...records].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    first,
    next,
    records: inOrder,
    retained: new Map(below.map((r) => [r.number, r.payload])),
  };
}
