/**
 * A proxy between a client and object storage that knows nothing of HTTP: it passes bytes, and breaks connections off in
 * the middle of a request or of a reply, holds them, or gives them in crumbs.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** The fate of one connection. Bytes are counted from the begin of the connection. */
export type Fate =
  | { readonly kind: "whole" }
  /** A reset, once so many bytes went to the server, or came from it. */
  | { readonly kind: "reset"; readonly way: "up" | "down"; readonly bytes: number }
  /** Nothing more passes, in either way, once so many bytes went to the server. */
  | { readonly kind: "stall"; readonly bytes: number }
  /** Bytes pass a few at a time, and a reset comes as above. */
  | { readonly kind: "crumbs"; readonly way: "up"; readonly bytes: number };

const CRUMB_BYTES = 700;

export class FaultProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  fateOf: (connection: number) => Fate = () => ({ kind: "whole" });
  /** Connections so far, and those that were broken off or held. */
  connections = 0;
  broken = 0;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, host);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      }
      client.on("close", () => server.destroy());
      server.on("close", () => client.destroy());
      this.#pass(client, server, this.fateOf(this.connections++));
    });
  }

  static async start(endpoint: URL): Promise<FaultProxy> {
    const proxy = new FaultProxy(endpoint.hostname, Number(endpoint.port));
    await new Promise<void>((done) => proxy.#server.listen(0, "127.0.0.1", done));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  #pass(client: Socket, server: Socket, fate: Fate): void {
    const passed = { up: 0, down: 0 };
    let isOver = false;
    const way = (from: Socket, to: Socket, name: "up" | "down"): void => {
      from.on("data", (bytes: Buffer) => {
        if (isOver) return;
        const limit = limitOf(fate, name);
        const part = bytes.subarray(0, Math.max(0, limit - passed[name]));
        passed[name] += bytes.length;
        if (fate.kind === "crumbs") crumble(from, to, part);
        else if (part.length > 0) to.write(part);
        if (passed[name] < limit) return;
        isOver = true;
        this.broken += 1;
        if (fate.kind === "stall") return;
        client.resetAndDestroy();
        server.resetAndDestroy();
      });
    };
    way(client, server, "up");
    way(server, client, "down");
  }
}

function limitOf(fate: Fate, way: "up" | "down"): number {
  if (fate.kind === "whole") return Number.POSITIVE_INFINITY;
  const broken = fate.kind === "stall" ? "up" : fate.way;
  return broken === way ? fate.bytes : Number.POSITIVE_INFINITY;
}

/** Writes `bytes` in small parts, each in a turn of its own. */
function crumble(from: Socket, to: Socket, bytes: Buffer): void {
  from.pause();
  const next = (at: number): void => {
    if (at >= bytes.length || to.destroyed) {
      from.resume();
      return;
    }
    to.write(bytes.subarray(at, at + CRUMB_BYTES));
    setImmediate(next, at + CRUMB_BYTES);
  };
  next(0);
}
