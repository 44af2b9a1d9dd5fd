/**
 * A UNIX socket that its owner alone can open. The gRPC library makes its sockets for everybody (mode 755),
 * so the socket is ours and its connections are handed to the library.
 *
 * A killed service leaves its socket behind. Somebody who answers there lives; a socket on which nobody
 * listens is removed. Two services that come at once do not take it from each other: the lock of a file beside the socket
 * is held from before the look until the end, and goes with its process. The file stays.
 */
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { DiskFile } from "../../disk/disk.js";
import { diskError, osCodeOf } from "../../disk/failure.js";
import { RealDisk } from "../../disk/real/real.js";
import { hasCode, PersisterError, reasonOf } from "../../types/errors.js";

/** A longer path is cut by the kernel's interface without a word. */
export const SOCKET_PATH_BYTES_MAX = 107;
const OWNER_ALONE = 0o600;

export interface Listening {
  readonly close: () => Promise<void>;
}

/**
 * Listens on `path`, and gives each connection to `take`.
 *
 * @throws {PersisterError} USAGE for a path that is too long, or that cannot be listened on; STORE_LOCKED
 * where another service lives there.
 */
export async function listenOnSocket(
  path: string,
  connectionsMax: number,
  take: (socket: Socket) => void,
): Promise<Listening> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new PersisterError(
      "USAGE",
      `the path of the socket has more than ${SOCKET_PATH_BYTES_MAX} bytes: name a shorter one with --socket`,
      { file: path },
    );
  }
  const lock = await lockedBeside(path);
  try {
    await removeStale(path);
    const server = createServer({ noDelay: true }, take);
    server.maxConnections = connectionsMax;
    await bound(server, path);
    await chmod(path, OWNER_ALONE);
    const close = async (): Promise<void> => {
      await closed(server);
      await lock.close();
    };
    return { close };
  } catch (cause) {
    await lock.close();
    throw cause;
  }
}

/**
 * Whether there is anything in the directory; an error where it cannot be listed. No socket is put into a missing or an
 * empty one: it may be a mount that is not there, or a store that is not made yet, and `init` takes an empty directory
 * alone.
 */
export async function isInUse(directory: string): Promise<boolean | PersisterError> {
  try {
    const names = await readdir(directory);
    return names.length > 0;
  } catch (cause) {
    const code = osCodeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    return diskError("list", directory, cause);
  }
}

/** @throws {PersisterError} STORE_LOCKED while another service listens here, or is about to; USAGE. */
async function lockedBeside(path: string): Promise<DiskFile> {
  const disk = new RealDisk();
  const file = `${path}.lock`;
  let opened: DiskFile | undefined;
  try {
    opened = (await disk.openToWrite(file)) ?? (await madeOrOpened(disk, file));
    await opened.lock();
    return opened;
  } catch (cause) {
    await opened?.close();
    if (hasCode(cause, "STORE_LOCKED")) throw livesThere(path);
    const why = reasonOf(cause);
    throw new PersisterError("USAGE", `${path} cannot be listened on: ${why}`, { file, cause });
  }
}

/** Another service may have made it meanwhile. */
async function madeOrOpened(disk: RealDisk, file: string): Promise<DiskFile> {
  try {
    return await disk.create(file);
  } catch (cause) {
    const opened = await disk.openToWrite(file);
    if (opened) return opened;
    throw cause;
  }
}

function livesThere(path: string): PersisterError {
  const text = `${path}: another service answers here; stop it, or name another socket`;
  return new PersisterError("STORE_LOCKED", text, { file: path });
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    const text = `${path} is there and is no socket: name another path`;
    throw new PersisterError("USAGE", text, { file: path });
  }
  const answer = await new Promise<"lives" | NodeJS.ErrnoException>((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve("lives");
    });
    probe.once("error", resolve);
  });
  if (answer === "lives") throw livesThere(path);
  if (answer.code === "ECONNREFUSED") await rm(path, { force: true });
}

async function bound(server: Server, path: string): Promise<void> {
  // The socket never is there with other rights than its owner's.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => {
        const text = `${path} cannot be listened on: ${cause.message}`;
        reject(new PersisterError("USAGE", text, { file: path, cause }));
      });
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
