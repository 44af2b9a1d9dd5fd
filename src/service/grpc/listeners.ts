/** The gRPC listeners of a service: each has a server of its own, and a door of its own. */
import { experimental, ServerCredentials } from "@grpc/grpc-js";
import type { Server } from "@grpc/grpc-js";
import type { Door, Papers } from "../access/access.js";
import type { Certificates } from "../access/certificates.js";
import type { Served, Surroundings } from "./adapter.js";
import { grpcServer, type ServerLimits } from "./server.js";
import { type Address, listenOnTcp } from "../listen/tcp.js";
import { listenOnSocket } from "../listen/unix-socket.js";

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
  readonly setServing: (isServing: boolean) => void;
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
  const { server, setServing } = grpcServer(services, around, limits);
  const certificates = listener.kind === "tcp" ? listener.certificates : undefined;
  const injector = server.createConnectionInjector(credentialsOf(certificates));
  const take = injector.injectConnection.bind(injector);
  if (listener.kind === "unix") {
    const { close } = await listenOnSocket(listener.path, limits.connections, take);
    return opened(`unix:${listener.path}`, server, setServing, close);
  }
  const { address, close } = await listenOnTcp(listener.address, limits.connections, take);
  return opened(`${address.host}:${address.port}`, server, setServing, close);
}

function opened(
  target: string,
  server: Server,
  setServing: OpenListener["setServing"],
  closeSocket: () => Promise<void>,
): OpenListener {
  let closing: Promise<void> | undefined;
  const refuse = (): void => {
    closing ??= closeSocket();
  };
  return {
    target,
    setServing,
    refuse,
    close: async (ms) => {
      refuse();
      const timer = setTimeout(() => server.forceShutdown(), ms);
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      clearTimeout(timer);
      server.forceShutdown();
      await closing;
    },
  };
}

function credentialsOf(certificates: Certificates | undefined): ServerCredentials {
  if (!certificates) return ServerCredentials.createInsecure();
  const { asksClients } = certificates;
  // With a provider that has no authority the library would take no connection at all.
  const authority = asksClients ? certificates : null;
  return experimental.createCertificateProviderServerCredentials(
    certificates,
    authority,
    asksClients,
  );
}

type AdmittedCall = Parameters<Surroundings["admit"]>[0];

/** The papers that a call carries. */
export function papersOf(call: AdmittedCall): Papers {
  const authorization = call.metadata.get("authorization")[0]?.toString();
  const certificate = call.getAuthContext().sslPeerCertificate;
  const commonName: unknown = certificate?.subject?.CN;
  return { authorization, commonName: typeof commonName === "string" ? commonName : undefined };
}

/** Looks at the papers of each call at a door. */
export function admitAt(door: Door): Surroundings["admit"] {
  return (call, allowed) => door.admit(papersOf(call), allowed);
}
