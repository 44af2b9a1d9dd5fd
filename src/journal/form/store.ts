/**
 * STORE: the identity of a state directory, and its lock (D8, D10).
 *
 * ```
 *   8  "LKSTORE1"   4  format version   16  store id   1+n  chain id   8  created (ms)   4  CRC-32C
 * ```
 *
 * `init` writes it last, so a directory with a valid STORE is a whole store. While `init` is at work
 * the file INIT stands beside it: what a crash leaves of an unfinished init is then told apart from a
 * store that lost its STORE, and only the former is ever begun anew.
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import type { Disk, DiskFile, EntryKind, FileOrigin } from "../../disk/disk.js";
import type { KeyRing } from "../../keys/ring.js";
import { assert } from "../../types/assert.js";
import { LOOK_FIRST, PersisterError } from "../../types/errors.js";
import { STORE_ID_BYTES } from "./head.js";
import { FORMAT_VERSION } from "./head-seal.js";

export const STORE_FILE = "STORE";

/** In the place of a chain id, says that a journal of records is kept here; no ASCII chain id is this. */
export const RECORDS_CHAIN = "\u00abrecords\u00bb";
export const INIT_FILE = "INIT";
/** Stands in a store that never opens again, whatever is in it (`retired.ts`). */
export const RETIRED_FILE = "RETIRED";
/** Stands in a store from the begin of its restore until its first open has set its guard. */
export const RESTORED_FILE = "RESTORED";
export const JOURNAL_DIRECTORY = "journal";
/** The socket of the service that serves the store. */
export const SOCKET_FILE = "lanekeeper.sock";

const MAGIC = "LKSTORE1";
const STORE_BYTES_MAX = 512;

export interface StoreIdentity {
  readonly storeId: Uint8Array;
  /** At most 255 ASCII characters. */
  readonly chainId: string;
  readonly createdMs: bigint;
}

/** The verdict on the bytes of a STORE file. */
export type StoreFound =
  | { readonly status: "valid"; readonly identity: StoreIdentity }
  | { readonly status: "too-new" | "too-old"; readonly version: number }
  | { readonly status: "not-ours" }
  | { readonly status: "damaged"; readonly reason: string };

export function encodeStore(identity: StoreIdentity): Uint8Array {
  const writer = new ByteWriter(STORE_BYTES_MAX);
  for (let index = 0; index < MAGIC.length; index++) writer.u8(MAGIC.charCodeAt(index));
  writer.u32(FORMAT_VERSION).bytes(identity.storeId).text(identity.chainId);
  writer.u64(identity.createdMs);
  writer.u32(crc32c(writer.result()));
  return Uint8Array.from(writer.result());
}

/** Total: any bytes have an answer. */
export function decodeStore(bytes: Uint8Array): StoreFound {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 0) return { status: "damaged", reason: "STORE is empty" };
  if (buffer.toString("latin1", 0, MAGIC.length) !== MAGIC) return { status: "not-ours" };
  if (bytes.length < MAGIC.length + 8) return { status: "damaged", reason: "STORE is cut short" };
  if (buffer.readUInt32LE(bytes.length - 4) !== crc32c(bytes.subarray(0, -4))) {
    return { status: "damaged", reason: "checksum mismatch in STORE" };
  }
  const version = buffer.readUInt32LE(MAGIC.length);
  if (version > FORMAT_VERSION) return { status: "too-new", version };
  if (version < FORMAT_VERSION) return { status: "too-old", version };
  try {
    const reader = new ByteReader(bytes.subarray(MAGIC.length + 4, -4));
    const identity = {
      storeId: reader.bytes(STORE_ID_BYTES),
      chainId: reader.text(),
      createdMs: reader.u64(),
    };
    reader.end();
    return { status: "valid", identity };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { status: "damaged", reason: error.message };
  }
}

/** The facts about a directory that should be a store. */
interface OpenFacts {
  /** The kind of the thing at the path. */
  readonly kind: EntryKind | undefined;
  readonly retired: boolean;
  readonly store: StoreFound["status"] | "missing";
  readonly initUnfinished: boolean;
  readonly restoreUnfinished: boolean;
  readonly chainMatches: boolean;
}

type OpenVerdict = "open" | "RETIRED" | "NOT_A_STORE" | "FORMAT_TOO_NEW" | "WRONG_CHAIN";

/** One case of what `open` may find before it reads anything else; the first that fits decides. */
interface OpenCase {
  readonly label: string;
  readonly fits: (facts: OpenFacts) => boolean;
  readonly verdict: OpenVerdict;
  readonly say: string;
}

/** D10, D8: what `open` does with what it finds. Labels appear in messages and test names. */
export const openCases: readonly OpenCase[] = [
  {
    label: "no-directory",
    fits: (facts) => facts.kind === undefined,
    verdict: "NOT_A_STORE",
    say: "there is no such directory: check the path and the mount; a new validator makes a store with init",
  },
  {
    label: "not-a-directory",
    fits: (facts) => facts.kind !== "directory",
    verdict: "NOT_A_STORE",
    say: "it is no directory: name the state directory itself",
  },
  {
    label: "retired",
    fits: (facts) => facts.retired,
    verdict: "RETIRED",
    say: "it was retired, and never opens again: its validator goes on with another store",
  },
  {
    label: "half-restored",
    fits: (facts) => facts.restoreUnfinished && facts.store !== "valid",
    verdict: "NOT_A_STORE",
    say: "it was not restored to its end: run the same command again",
  },
  {
    label: "init-unfinished",
    fits: (facts) => facts.initUnfinished && facts.store !== "valid",
    verdict: "NOT_A_STORE",
    say: "an init was interrupted here: run init again",
  },
  {
    label: "store-missing",
    fits: (facts) => facts.store === "missing",
    verdict: "NOT_A_STORE",
    say: "the directory holds no STORE file: it was never initialised, or it lost the file; leave a directory that was in use as it is",
  },
  {
    label: "store-not-ours",
    fits: (facts) => facts.store === "not-ours",
    verdict: "NOT_A_STORE",
    say: "its STORE file is not Lanekeeper's: choose another directory",
  },
  {
    label: "store-damaged",
    fits: (facts) => facts.store === "damaged",
    verdict: "NOT_A_STORE",
    say: `its STORE file is damaged: ${LOOK_FIRST}`,
  },
  {
    label: "format-too-new",
    fits: (facts) => facts.store === "too-new",
    verdict: "FORMAT_TOO_NEW",
    say: "a newer Lanekeeper wrote it: use that version",
  },
  {
    label: "format-too-old",
    fits: (facts) => facts.store === "too-old",
    verdict: "NOT_A_STORE",
    say: "a Lanekeeper from before its first release wrote it: no version reads it any more",
  },
  {
    label: "wrong-chain",
    fits: (facts) => !facts.chainMatches,
    verdict: "WRONG_CHAIN",
    say: "it belongs to another chain: check the state directory and the chain id",
  },
  { label: "store", fits: () => true, verdict: "open", say: "the store of this chain" },
];

/** A locked STORE file and what it says. */
export interface OwnedStore {
  readonly file: DiskFile;
  readonly identity: StoreIdentity;
}

/** The store that recovery is to find in a directory. */
export interface SoughtStore {
  readonly storeId: Uint8Array;
  /** The origin of its STORE; left out if the caller says that the store was moved. */
  readonly origin: FileOrigin | undefined;
  /** The keys of the store; taken over. Without them nothing is sealed, and nothing sealed can be read. */
  readonly ring?: KeyRing | undefined;
  /** Told how many bytes of the records that must be there were read, and of how many. It may end the recovery. */
  readonly passed?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/** The store in `file`. `moved` is the caller's word that it may have been copied or moved. */
export async function soughtIn(
  { file, identity }: OwnedStore,
  {
    moved = false,
    ring,
  }: { readonly moved?: boolean | undefined; readonly ring?: KeyRing | undefined },
): Promise<SoughtStore> {
  return { storeId: identity.storeId, origin: moved ? undefined : await file.origin(), ring };
}

/** The stores that are meant: those of one chain, or of any; by those who keep them, retired ones too. */
export interface StoreMeant {
  readonly chainId?: string | undefined;
  readonly evenRetired?: boolean;
}

/**
 * Takes the lock of the store in `directory` and checks that it is one, of this chain and format.
 *
 * @throws {PersisterError} RETIRED, NOT_A_STORE, FORMAT_TOO_NEW, WRONG_CHAIN as `openCases` says;
 * STORE_LOCKED where another process, or another open in this one, owns it.
 */
export async function ownStore(
  disk: Disk,
  directory: string,
  meant: StoreMeant,
): Promise<OwnedStore> {
  const isDirectory = (await disk.kind(directory)) === "directory";
  const file = isDirectory ? await disk.openToWrite(`${directory}/${STORE_FILE}`) : undefined;
  try {
    // The lock comes before the reading: an init at work holds it until STORE is whole.
    await file?.lock();
    const identity = await readIdentity(disk, directory, file, meant);
    assert(file !== undefined, "an identity is read from a file");
    return { file, identity };
  } catch (error) {
    await file?.close();
    throw error;
  }
}

/**
 * The identity of the store in `directory`. It takes no lock.
 *
 * @throws {PersisterError} RETIRED, NOT_A_STORE, FORMAT_TOO_NEW, WRONG_CHAIN; IO.
 */
export async function identityIn(
  disk: Disk,
  directory: string,
  meant: StoreMeant = {},
): Promise<StoreIdentity> {
  const isDirectory = (await disk.kind(directory)) === "directory";
  const file = isDirectory ? await disk.openToRead(`${directory}/${STORE_FILE}`) : undefined;
  try {
    return await readIdentity(disk, directory, file, meant);
  } finally {
    await file?.close();
  }
}

/**
 * Reads the identity from `file`, the open STORE of `directory` (`undefined`: there is none).
 *
 * @throws {PersisterError} RETIRED, NOT_A_STORE, FORMAT_TOO_NEW, WRONG_CHAIN as `openCases` says.
 */
export async function readIdentity(
  disk: Disk,
  directory: string,
  file: DiskFile | undefined,
  { chainId, evenRetired = false }: StoreMeant = {},
): Promise<StoreIdentity> {
  const kind = file === undefined ? await disk.kind(directory) : "directory";
  const found = file && decodeStore(await file.read(0, STORE_BYTES_MAX));
  const has = async (name: string): Promise<boolean> =>
    kind === "directory" && (await disk.kind(`${directory}/${name}`)) !== undefined;
  const initUnfinished = await has(INIT_FILE);
  const facts: OpenFacts = {
    kind,
    retired: !evenRetired && (await has(RETIRED_FILE)),
    store: found?.status ?? "missing",
    initUnfinished,
    restoreUnfinished: initUnfinished && (await has(RESTORED_FILE)),
    chainMatches:
      found?.status === "valid" && (chainId === undefined || found.identity.chainId === chainId),
  };
  const row = openCases.find((each) => each.fits(facts));
  const isStore = row === undefined || row.verdict === "open";
  if (isStore && found?.status === "valid") return found.identity;
  throw new PersisterError(
    isStore ? "NOT_A_STORE" : row.verdict,
    `${directory}: ${isStore ? "no STORE could be read" : `${row.say} [${row.label}]`}`,
    { file: `${directory}/${STORE_FILE}` },
  );
}
