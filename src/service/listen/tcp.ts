/** A TCP listener whose connections are handed to the gRPC library: bounded in number. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { PersisterError } from "../../types/errors.js";
import type { Listening } from "./unix-socket.js";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ListeningTcp extends Listening {
  /** With the port that was bound, where 0 was asked for. */
  readonly address: Address;
}

/** @throws {PersisterError} USAGE where the address cannot be listened on. */
export async function listenOnTcp(
  { host, port }: Address,
  connectionsMax: number,
  take: (socket: Socket) => void,
): Promise<ListeningTcp> {
  const server = createServer({ noDelay: true }, take);
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const text = `${host}:${port} cannot be listened on: ${cause.message}; choose another address`;
      reject(new PersisterError("USAGE", text, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    address: { host, port: bound },
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
