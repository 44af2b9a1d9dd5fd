/** The gRPC listeners of a service: each has a server of its own, and a door of its own. */
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { Socket } from "node:net";
import { experimental, ServerCredentials } from "@grpc/grpc-js";
import type { Server } from "@grpc/grpc-js";
import { assert } from "../../../types/assert.js";
import type { Certificates } from "../../access/certificates.js";
import type { Served, Surroundings } from "../adapter.js";
import { Connections, FIRST_WORDS_MS } from "./connections.js";
import { HEADERS_BYTES_MAX, type Peer } from "./gate.js";
import { type GrpcServer, grpcServer, type ServerLimits } from "../server.js";
import { type Address, listenOnTcp } from "../../listen/tcp.js";
import { listenOnSocket } from "../../listen/unix-socket.js";

/** A place to listen: a socket that its owner alone can open, or an address. */
export type Listener =
  | { readonly kind: "unix"; readonly path: string }
  /** Without certificates for this machine alone. `isOpen`: without a token, too. */
  | {
      readonly kind: "tcp";
      readonly address: Address;
      readonly certificates: Certificates | undefined;
      readonly isOpen: boolean;
    };

export interface OpenListener {
  /** A target for clients: "unix:/path", or "host:port" with the port that was bound. */
  readonly target: string;
  readonly tellHealth: GrpcServer["tellHealth"];
  /** No connection is taken any more. */
  readonly refuse: () => void;
  /** Resolves when all calls have ended, at the latest after `ms`. */
  readonly close: (ms: number) => Promise<void>;
}

export async function listen(
  listener: Listener,
  services: readonly Served[],
  around: Surroundings,
  limits: ServerLimits & { readonly connections: number },
): Promise<OpenListener> {
  const connections = new Connections(limits.connections);
  const letIn = (peer: Peer): void => connections.letIn(peer);
  const { server, tellHealth } = grpcServer(services, around, { limits, letIn });
  const certificates = listener.kind === "tcp" ? listener.certificates : undefined;
  const injector = server.createConnectionInjector(credentialsOf(certificates));
  const http2Servers = http2ServersOf(server);
  setLimits(http2Servers);
  if (certificates) requireNewestTls(http2Servers);
  const take = (socket: Socket): void => {
    connections.add(socket);
    injector.injectConnection(socket);
  };
  const parts = { server, tellHealth, connections };
  if (listener.kind === "unix") {
    const { close } = await listenOnSocket(listener.path, limits.connections, take);
    return opened(`unix:${listener.path}`, parts, close);
  }
  const { address, close } = await listenOnTcp(listener.address, limits.connections, take);
  return opened(`${address.host}:${address.port}`, parts, close);
}

interface Parts extends GrpcServer {
  readonly connections: Connections;
}

function opened(
  target: string,
  { server, tellHealth, connections }: Parts,
  closeSocket: () => Promise<void>,
): OpenListener {
  let closing: Promise<void> | undefined;
  const refuse = (): void => {
    closing ??= closeSocket();
  };
  return {
    target,
    tellHealth,
    refuse,
    close: async (ms) => {
      refuse();
      // The library's own `forceShutdown` cuts no connection of a server without channelz.
      const timer = setTimeout(() => connections.cut(), ms);
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      connections.cutSilent();
      // The last answers may still be on their way out: the sessions close their connections behind them.
      await connections.ended();
      clearTimeout(timer);
      await closing;
    },
  };
}

/**
 * HTTP/2 gives a stream 64 KiB until its reader grants more, and a block of 64 KiB is longer by its envelope:
 * the end of each would wait for a turn of both processes. A stream that is not read holds as much at most.
 */
const STREAM_WINDOW_BYTES = 512 * 1024;

/**
 * Beyond this HTTP/2 resets a stream without a word, and a client of the library takes that for a service that is busy,
 * and tries again. So the gate refuses half as many with a reason; HTTP/2 by itself would take twice as many.
 */
const HEADERS_BYTES_READ_MAX = 2 * HEADERS_BYTES_MAX;

/**
 * The library has an option of the window for its clients alone, and none of the headers; it passes over an option that
 * it does not know. So the sessions of its HTTP/2 servers are asked. They tell their clients, which keep to it.
 */
function setLimits(http2Servers: readonly (Http2Server | Http2SecureServer)[]): void {
  for (const each of http2Servers) {
    each.on("session", (session) => {
      session.settings({
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: HEADERS_BYTES_READ_MAX,
      });
      session.setLocalWindowSize(STREAM_WINDOW_BYTES);
    });
  }
}

/** The library keeps them to itself, and has no option for what is asked of them here. */
function http2ServersOf(server: Server): readonly (Http2Server | Http2SecureServer)[] {
  const { http2Servers } = server as unknown as {
    readonly http2Servers: ReadonlyMap<Http2Server | Http2SecureServer, unknown> | undefined;
  };
  assert(http2Servers !== undefined, "a server of grpc-js knows its HTTP/2 servers");
  return [...http2Servers.keys()];
}

/** TLS 1.3 and no older one, with every certificate that is read later, too. */
function requireNewestTls(http2Servers: readonly (Http2Server | Http2SecureServer)[]): void {
  for (const each of http2Servers) {
    assert("setSecureContext" in each, "a server with certificates speaks TLS");
    const setContext = each.setSecureContext.bind(each);
    each.setSecureContext = (options) => setContext({ ...options, minVersion: "TLSv1.3" });
  }
}

function credentialsOf(certificates: Certificates | undefined): ServerCredentials {
  if (!certificates) return ServerCredentials.createInsecure();
  const { asksClients } = certificates;
  // With a provider that has no authority the library would take no connection at all.
  const authority = asksClients ? certificates : null;
  const make = experimental.createCertificateProviderServerCredentials;
  const credentials = make(certificates, authority, asksClients);
  // A handshake that does not go on is no call, and is given up as soon as a silent connection.
  // oxlint-disable-next-line no-underscore-dangle -- the library's own name
  Object.assign(credentials._getConstructorOptions() ?? {}, { handshakeTimeout: FIRST_WORDS_MS });
  return credentials;
}
