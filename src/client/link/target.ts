/** The address of a service, and the keys to it. */
import { resolve } from "node:path";
import { type ChannelCredentials, type ChannelOptions, credentials as grpc } from "@grpc/grpc-js";
import { usageError } from "../../types/errors.js";
import type { ClientSettings } from "../options.js";

/** The kernel cuts a longer path of a socket without a word. */
const SOCKET_PATH_BYTES_MAX = 107;
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\]):\d{1,5}$/;
const hostAndPort = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

export interface Target {
  /** As the gRPC library takes it. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly token: string | undefined;
  readonly options: ChannelOptions;
}

/**
 * `unix:PATH`, or `HOST:PORT`. Without TLS only a socket in the file system and the loopback address are
 * taken: a token or a vote does not cross a network in the open.
 *
 * @throws {PersisterError} USAGE.
 */
export function targetOf(address: string, { tls, token }: ClientSettings): Target {
  const isSocket = address.startsWith("unix:");
  const target = isSocket ? `unix:${socketPath(address.slice("unix:".length))}` : address;
  if (!isSocket && !hostAndPort.test(address)) {
    throw usageError(`the address must be unix:PATH or HOST:PORT, not ${address.slice(0, 80)}`);
  }
  if (!tls && !isSocket && !loopback.test(address)) {
    throw usageError(`${address} is not on this machine: give the option tls`);
  }
  const name = tls?.serverName;
  return {
    address: target,
    token,
    credentials: tls
      ? grpc.createSsl(bufferOf(tls.ca), bufferOf(tls.key), bufferOf(tls.cert))
      : grpc.createInsecure(),
    options: {
      ...(isSocket ? { "grpc.default_authority": "localhost" } : {}),
      ...(name === undefined
        ? {}
        : { "grpc.ssl_target_name_override": name, "grpc.default_authority": name }),
    },
  };
}

function socketPath(path: string): string {
  const absolute = resolve(path);
  if (path !== "" && Buffer.byteLength(absolute) <= SOCKET_PATH_BYTES_MAX) return absolute;
  throw usageError(`the path of a socket has 1 to ${SOCKET_PATH_BYTES_MAX} bytes: ${absolute}`);
}

function bufferOf(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem as string);
}
