/**
 * The gate of a server: it looks at the papers of a call as soon as the headers of the call are there, before any of its
 * messages is read. A caller who is refused so costs headers and the window of a stream, and never the 8 MiB of a message.
 *
 * Health and reflection are open to everybody: calls of services that are not ours pass.
 */
import type {
  Metadata,
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
  ServerInterceptor,
} from "@grpc/grpc-js";
import { pathOf } from "../../../rpc/method.js";
import { assert } from "../../../types/assert.js";
import { errorCodes } from "../../../types/error-codes.js";
import { PersisterError } from "../../../types/errors.js";
import type { LanekeeperError } from "../../../types/lanekeeper-error.js";
import type { Papers } from "../../access/access.js";
import type { Allowed, Caller } from "../../access/caller.js";
import type { RpcMethod } from "../../metrics/rpc-meter.js";
import { labelOf, type Served, type Surroundings } from "../adapter.js";
import { statusOf, toldError } from "../status.js";

type Listener = Parameters<ServerInterceptingCallInterface["start"]>[0];

/** Bytes of the headers of a call: a token and a few names. */
export const HEADERS_BYTES_MAX = 16 * 1024;

/** The place that a call came from. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** `undefined` for a UNIX socket, whose ends have no address. */
export function placeOf({ remoteAddress, remotePort }: Peer): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}

interface Rule {
  readonly allowed: Allowed;
  readonly label: RpcMethod;
}

export class Gate {
  readonly #rules = new Map<string, Rule>();
  readonly #around: Surroundings;
  /** By the headers of their calls, which the handlers get too. */
  readonly #callers = new WeakMap<Metadata, Caller>();
  /** Told of the connection of each call that was let in. */
  readonly #letIn: (peer: Peer) => void;

  constructor(services: readonly Served[], around: Surroundings, letIn: (peer: Peer) => void) {
    this.#around = around;
    this.#letIn = letIn;
    for (const { service, allowed } of services) {
      for (const [name, { shape }] of Object.entries(service.methods)) {
        const rule = { allowed: allowed[name] as Allowed, label: labelOf(service, name, shape) };
        this.#rules.set(pathOf(service, name), rule);
      }
    }
  }

  readonly interceptor: ServerInterceptor = ({ path }, call) => {
    const rule = this.#rules.get(path);
    const start = (listener: Listener): void => {
      call.start({
        onReceiveMetadata: (metadata) => {
          const error = rule && this.#refusal(path, rule, metadata, call);
          // No message was asked for yet: what comes of it is thrown away.
          if (error) call.sendStatus(statusOf(error));
          else listener.onReceiveMetadata(metadata);
        },
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        onCancel: () => listener.onCancel(),
      });
    };
    return guarded(call, start) as ServerInterceptingCall;
  };

  /** The caller of a call that was let in. */
  callerOf(metadata: Metadata): Caller {
    const caller = this.#callers.get(metadata);
    assert(caller !== undefined, "a handler runs for a call that was let in");
    return caller;
  }

  #refusal(
    path: string,
    { allowed, label }: Rule,
    metadata: Metadata,
    call: ServerInterceptingCallInterface,
  ): LanekeeperError | undefined {
    const { admit, refused, meters } = this.#around;
    const peer = call.getConnectionInfo();
    try {
      this.#callers.set(metadata, admit(papersOf(metadata, call), allowed));
      refuseLong(metadata);
      this.#letIn(peer);
      return undefined;
    } catch (cause) {
      const error = toldError(cause);
      refused(path, placeOf(peer) ?? "the UNIX socket", error);
      meters.rpc.started(label);
      meters.rpc.handled(label, errorCodes[error.code].status, 0);
      return error;
    }
  }
}

/** @throws {PersisterError} USAGE: another try with the same headers would be in vain. */
function refuseLong(metadata: Metadata): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata.toHttp2Headers())) {
    bytes += name.length + String(value).length;
  }
  if (bytes <= HEADERS_BYTES_MAX) return;
  throw new PersisterError(
    "USAGE",
    `the headers of this call have ${bytes} bytes, and ${HEADERS_BYTES_MAX} is the most: send a token and few names`,
  );
}

/** The papers that a call carries. */
export function papersOf(metadata: Metadata, call: ServerInterceptingCallInterface): Papers {
  const authorization = metadata.get("authorization")[0]?.toString();
  const certificate = call.getAuthContext().sslPeerCertificate;
  const commonName: unknown = certificate?.subject?.CN;
  return { authorization, commonName: typeof commonName === "string" ? commonName : undefined };
}

/** The call, begun by `start`. The library's own wrapper would pass each message through four more functions. */
function guarded(
  call: ServerInterceptingCallInterface,
  start: (listener: Listener) => void,
): ServerInterceptingCallInterface {
  return {
    start,
    sendMetadata: (metadata) => call.sendMetadata(metadata),
    sendMessage: (message, sent) => call.sendMessage(message, sent),
    sendStatus: (status) => call.sendStatus(status),
    startRead: () => call.startRead(),
    getPeer: () => call.getPeer(),
    getDeadline: () => call.getDeadline(),
    getHost: () => call.getHost(),
    getAuthContext: () => call.getAuthContext(),
    getConnectionInfo: () => call.getConnectionInfo(),
    getMetricsRecorder: () => call.getMetricsRecorder(),
  };
}
