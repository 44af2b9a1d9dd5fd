/**
 * The birth of a store (D10): the one place that begins a directory and ends it with STORE, whether the store
 * is a new one or comes from elsewhere.
 *
 * INIT is made first and removed last; STORE is written when all else is durable. A crash leaves:
 * - before INIT is durable: a directory with nothing in it, or INIT alone;
 * - after: INIT and some files of ours, no valid STORE: `init` begins anew, `open` refuses;
 * - after STORE is durable: a store, with or without INIT.
 */
import type { Disk, DiskFile } from "../disk/disk.js";
import { osCodeOf } from "../disk/failure.js";
import { PersisterError, hasCode } from "../types/errors.js";
import { slotName } from "./form/records.js";
import { encodeHead, SALT_BYTES, STORE_ID_BYTES } from "./form/head.js";
import {
  encodeMark,
  FIRST_MARK_SEQUENCE,
  MARK_FILE,
  MARK_SLOT_BYTES,
  type Mark,
  markSlotOffset,
} from "./form/mark.js";
import { flushParent } from "../disk/parent.js";
import { makeSlot } from "./segment/segment.js";
import { SPARE_SLOTS } from "./space/slots.js";
import {
  decodeStore,
  encodeStore,
  INIT_FILE,
  JOURNAL_DIRECTORY,
  STORE_FILE,
  type StoreIdentity,
} from "./form/store.js";

/** The needs of `init`. */
export interface InitOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly chainId: string;
  readonly segmentBytes: number;
  readonly nowMs: bigint;
  readonly randomBytes: (count: number) => Uint8Array;
}

const FIRST_SEQUENCE = 1n;
const STORE_READ_BYTES = 512;

/**
 * Makes the files of a store in `directory`, which must be missing or empty; `makeMore` makes those
 * of the parts above and names them. The store is whole and durable when resolved.
 *
 * @throws {PersisterError} STORE_EXISTS where anything stands there already, or another init is at work;
 * DISK_FULL, READ_ONLY, IO.
 */
export async function initStore(
  options: InitOptions,
  others: {
    readonly files: readonly string[];
    readonly make: (directory: string) => Promise<void>;
  },
): Promise<StoreIdentity> {
  const { disk, directory } = options;
  const identity = {
    storeId: options.randomBytes(STORE_ID_BYTES),
    chainId: options.chainId,
    createdMs: options.nowMs,
  };
  await bearStore(disk, directory, {
    files: others.files,
    make: async () => {
      await makeJournal(options, identity.storeId);
      await makeMark(options, identity.storeId);
      await others.make(directory);
      return encodeStore(identity);
    },
  });
  return identity;
}

/**
 * Makes a store in `directory`, which must be missing or empty, or hold what is left of an unfinished one.
 * `files` are the names that `make` may leave there beside the mark and the journal; `make` returns the bytes
 * of STORE. The store is whole and durable when resolved.
 *
 * @throws {PersisterError} STORE_EXISTS as `initStore`; as `make`; DISK_FULL, READ_ONLY, IO.
 */
export async function bearStore(
  disk: Disk,
  directory: string,
  { files, make }: { readonly files: readonly string[]; readonly make: () => Promise<Uint8Array> },
): Promise<void> {
  const claim = await claimDirectory(disk, directory, files);
  try {
    const store = await make();
    await disk.syncDirectory(directory);
    await makeFile(disk, `${directory}/${STORE_FILE}`, store);
    await disk.syncDirectory(directory);
    await disk.remove(`${directory}/${INIT_FILE}`);
    await disk.syncDirectory(directory);
  } finally {
    await claim.close();
  }
}

/**
 * Leaves an empty directory with INIT in it, durable and locked, or refuses and changes nothing. The
 * lock goes with the handle that is returned: two inits at once are one init and a refusal.
 */
async function claimDirectory(
  disk: Disk,
  directory: string,
  otherFiles: readonly string[],
): Promise<DiskFile> {
  const kind = await disk.kind(directory);
  if (kind === undefined) await alone(directory, disk.makeDirectory(directory));
  else if (kind !== "directory") throw exists(directory, "it is not a directory");
  await flushParent(disk, directory, { isOurs: kind === undefined });
  const entries = await disk.list(directory);
  if (!entries) throw exists(directory, "it is not a directory");
  const names = entries.map((entry) => entry.name);
  const [first] = names;
  if (first !== undefined && !names.includes(INIT_FILE)) {
    throw exists(directory, `it is not empty: it holds ${first}`);
  }
  const path = `${directory}/${INIT_FILE}`;
  const claim = (await disk.openToWrite(path)) ?? (await alone(directory, disk.create(path)));
  try {
    await alone(directory, claim.lock());
    await removeUnfinished(disk, directory, otherFiles);
    await disk.syncDirectory(directory);
    return claim;
  } catch (cause) {
    await claim.close();
    throw cause;
  }
}

/** Waits for `step`. If another init came first, it has the name or the lock that we want. */
async function alone<T>(directory: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    const isTaken = cause instanceof PersisterError && osCodeOf(cause.cause) === "EEXIST";
    const isLocked = hasCode(cause, "STORE_LOCKED");
    if (!isTaken && !isLocked) throw cause;
    throw exists(directory, "another init is at work there, or has just ended", cause);
  }
}

/** An init that was stopped after its last flush left INIT: the store is whole, and it goes now. */
export async function endUnfinishedInit(disk: Disk, directory: string): Promise<void> {
  const path = `${directory}/${INIT_FILE}`;
  if ((await disk.kind(path)) === undefined) return;
  await disk.remove(path);
  await disk.syncDirectory(directory);
}

/** Takes away the files of an interrupted init, and refuses anything else. */
async function removeUnfinished(
  disk: Disk,
  directory: string,
  otherFiles: readonly string[],
): Promise<void> {
  const names = new Set(((await disk.list(directory)) ?? []).map((entry) => entry.name));
  const store = names.has(STORE_FILE)
    ? await readAll(disk, `${directory}/${STORE_FILE}`)
    : undefined;
  const found = store && decodeStore(store).status;
  // INIT stands beside it: a STORE that is torn, even past recognition, is the unfinished one.
  if (found === "valid" || found === "too-new") throw exists(directory, "it holds a store");
  const ours = new Set([INIT_FILE, STORE_FILE, MARK_FILE, JOURNAL_DIRECTORY, ...otherFiles]);
  const foreign = [...names].find((name) => !ours.has(name));
  if (foreign !== undefined) throw exists(directory, `it holds ${foreign}, which is not ours`);
  for (const name of [STORE_FILE, MARK_FILE, ...otherFiles]) {
    if (names.has(name)) await disk.remove(`${directory}/${name}`);
  }
  const journal = `${directory}/${JOURNAL_DIRECTORY}`;
  for (const entry of (await disk.list(journal)) ?? [])
    await disk.remove(`${journal}/${entry.name}`);
  if (names.has(JOURNAL_DIRECTORY)) await disk.syncDirectory(journal);
  await disk.syncDirectory(directory);
}

async function makeJournal(options: InitOptions, storeId: Uint8Array): Promise<void> {
  const { disk, segmentBytes } = options;
  const directory = `${options.directory}/${JOURNAL_DIRECTORY}`;
  if ((await disk.kind(directory)) === undefined) await disk.makeDirectory(directory);
  for (let slot = 0; slot <= SPARE_SLOTS; slot++) {
    const made = await makeSlot(disk, directory, slot, segmentBytes);
    await made.file.close();
  }
  const first = await disk.openToWrite(`${directory}/${slotName(0)}`);
  if (!first) throw new PersisterError("IO", `${directory}: a slot vanished during init`);
  const head = encodeHead({
    storeId,
    generation: 0n,
    sequence: FIRST_SEQUENCE,
    salt: options.randomBytes(SALT_BYTES),
    firstLsn: 1n,
    seal: undefined,
    anchorSeq: 0n,
    voteSeq: 0n,
    nextLog: 0,
    sealed: [],
    ended: [],
    retainedSlots: [],
    logs: [],
  });
  await writeAndClose(first, 0, head);
}

async function makeMark(options: InitOptions, storeId: Uint8Array): Promise<void> {
  const file = await options.disk.create(`${options.directory}/${MARK_FILE}`);
  const bytes = Buffer.alloc(2 * MARK_SLOT_BYTES);
  const none = { acked: 0n, inFlight: 0n };
  const mark: Mark = {
    storeId,
    sequence: FIRST_MARK_SEQUENCE,
    generation: 0n,
    headSequence: FIRST_SEQUENCE,
    acked: 0n,
    anchor: none,
    vote: none,
    voteRoadIndex: 0n,
    origin: { inode: 0n, bornNs: 0n },
    pins: [],
  };
  bytes.set(encodeMark(mark), markSlotOffset(mark.sequence));
  await writeAndClose(file, 0, bytes);
}

async function makeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  await writeAndClose(await disk.create(path), 0, bytes);
}

async function writeAndClose(file: DiskFile, offset: number, bytes: Uint8Array): Promise<void> {
  try {
    if (bytes.length > 0) await file.writeDurable(offset, [bytes]);
  } finally {
    await file.close();
  }
}

async function readAll(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.openToRead(path);
  if (!file) return new Uint8Array(0);
  try {
    return await file.read(0, STORE_READ_BYTES);
  } finally {
    await file.close();
  }
}

function exists(directory: string, why: string, cause?: unknown): PersisterError {
  return new PersisterError(
    "STORE_EXISTS",
    `${directory}: ${why}; a store wants a directory that is missing or empty`,
    { file: directory, ...(cause === undefined ? {} : { cause }) },
  );
}
