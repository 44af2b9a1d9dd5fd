/**
 * A UNIX socket that its owner alone can open. The gRPC library makes its sockets for everybody (mode 755),
 * so the socket is ours and its connections are handed to the library.
 *
 * A killed service leaves its socket behind. Somebody who answers there lives; a socket on which nobody
 * listens is removed. Two services do not race for it: the lock of the store comes before the store is used.
 */
import { chmod, lstat, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { PersisterError } from "../../types/errors.js";

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
  await removeStale(path);
  const server = createServer({ noDelay: true }, take);
  server.maxConnections = connectionsMax;
  await bound(server, path);
  await chmod(path, OWNER_ALONE);
  return { close: () => closed(server) };
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
  if (answer === "lives") {
    throw new PersisterError(
      "STORE_LOCKED",
      `${path}: another service answers here; stop it, or name another socket`,
      { file: path },
    );
  }
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
