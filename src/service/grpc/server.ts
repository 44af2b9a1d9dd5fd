/** One gRPC server: our services, health and reflection, within the limits. */
import { Server, type ServerOptions } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { definitionOf, implementationOf, type Served, type Surroundings } from "./adapter.js";
import { Gate, type Peer } from "./door/gate.js";
import { addReflection } from "./reflection/reflection.js";

/** The limits of a server, with the reason for each default. */
export interface ServerLimits {
  /** Bytes of one message; the largest block has 2.1 MB, and some of them travel together. */
  readonly messageBytes: number;
  /** Streams and calls at once of one connection. */
  readonly streams: number;
  /** A connection without a call is closed after so long. */
  readonly idleMs: number;
}

/** A connection without an answer to a ping is dead after both of these. */
const PING_MS = 20_000;
const PONG_MS = 10_000;

const HEALTH = "grpc.health.v1.Health";

function optionsOf({ messageBytes, streams, idleMs }: ServerLimits): ServerOptions {
  return {
    "grpc.max_receive_message_length": messageBytes,
    "grpc.max_concurrent_streams": streams,
    "grpc.keepalive_time_ms": PING_MS,
    "grpc.keepalive_timeout_ms": PONG_MS,
    "grpc.max_connection_idle_ms": idleMs,
    "grpc.enable_channelz": 0,
  };
}

/** Whether each service serves, by its full name; "" stands for the server. */
export type Health = ReadonlyMap<string, boolean>;

/** A server, and the health that it tells. */
export interface GrpcServer {
  readonly server: Server;
  /** Tells whether each service serves, to those who ask and to those who watch. */
  readonly tellHealth: (health: Health) => void;
}

export function grpcServer(
  services: readonly Served[],
  around: Surroundings,
  { limits, letIn }: { readonly limits: ServerLimits; readonly letIn: (peer: Peer) => void },
): GrpcServer {
  const gate = new Gate(services, around, letIn);
  const server = new Server({ ...optionsOf(limits), interceptors: [gate.interceptor] });
  for (const each of services) {
    server.addService(definitionOf(each.service), implementationOf(each, around, gate));
  }
  const names = services.map(({ service }) => service.name);
  const { implementation, tellHealth } = healthOf(["", ...names]);
  implementation.addToServer(server);
  addReflection(server, [...names, HEALTH]);
  return { server, tellHealth };
}

/** Nothing serves until it is told to. Those who watch hear of changes alone. */
function healthOf(names: readonly string[]) {
  const told = new Map(names.map((name) => [name, false]));
  const implementation = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, "NOT_SERVING" as const])),
  );
  const tellHealth = (health: Health): void => {
    for (const [name, isServing] of health) {
      if (told.get(name) === isServing) continue;
      told.set(name, isServing);
      implementation.setStatus(name, isServing ? "SERVING" : "NOT_SERVING");
    }
  };
  return { implementation, tellHealth };
}
