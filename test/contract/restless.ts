/**
 * A service that is killed again and again while its client works: its connections are cut, its disk keeps
 * what a kill leaves, and another service opens that disk. The kill comes before every third push; the
 * client must not let its caller notice.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LanekeeperClient } from "../../src/client/client.js";
import type { Keeper } from "../../src/node/keeper.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { Epochs } from "../../src/service/config/epochs.js";
import { Service } from "../../src/service/service.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { CHAIN_ID, type TestChain } from "../model/chain.js";
import { DIRECTORY, simulatedSurroundings } from "../node/surroundings.js";
import type { HomeKind } from "./homes.js";

const PUSHES_BETWEEN_KILLS = 3;
const pushes: ReadonlySet<PropertyKey> = new Set(["pushBlock", "pushCommitQC", "writeVoteState"]);

/** A wire that can be cut: connections to `path` go on to the service of now. */
class Wire {
  readonly path: string;
  /** The socket of the service; none while it is away. */
  target: string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => this.#join(socket));
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
  }

  cut(): void {
    this.target = undefined;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(socket: Socket): void {
    if (this.target === undefined) {
      socket.destroy();
      return;
    }
    const other = createConnection(this.target);
    for (const each of [socket, other]) {
      this.#sockets.add(each);
      each.on("error", () => undefined);
    }
    socket.pipe(other).pipe(socket);
  }
}

class RestlessService {
  readonly #chain: TestChain;
  readonly #folder: string;
  readonly #wire: Wire;
  #disk = new SimulatedDisk();
  #lives = 0;
  #service: Service | undefined;
  #restarting: Promise<void> = Promise.resolve();

  constructor(chain: TestChain, folder: string) {
    this.#chain = chain;
    this.#folder = folder;
    this.#wire = new Wire(join(folder, "wire"));
  }

  get address(): string {
    return `unix:${this.#wire.path}`;
  }

  async begin(): Promise<void> {
    const surroundings = simulatedSurroundings(this.#disk, this.#lives);
    await Lanekeeper.initOn(surroundings, DIRECTORY, { chainId: CHAIN_ID });
    await this.#wire.open();
    await this.start();
  }

  async start(): Promise<void> {
    this.#lives += 1;
    const surroundings = simulatedSurroundings(this.#disk, this.#lives);
    const { epochOf, epoch } = this.#chain;
    const path = join(this.#folder, String(this.#lives));
    this.#service = await Service.start({
      directory: DIRECTORY,
      version: "0.0.0",
      open: () => Lanekeeper.openOn(surroundings, DIRECTORY, { chainId: CHAIN_ID, epochOf }),
      epochs: new Epochs([epoch]),
      listeners: [{ kind: "unix", path }],
    });
    this.#wire.target = path;
  }

  /** Cuts its connections at once, and kills the service; another one comes behind that. One kill at a time. */
  kill(): void {
    this.#wire.cut();
    this.#restarting = this.#restarting.then(async () => {
      const gone = this.#service;
      this.#wire.cut();
      this.#disk = this.#disk.kill();
      // It writes to the disk that it had: nobody sees that one any more.
      await gone?.close();
      await this.start();
    });
  }

  async end(): Promise<void> {
    await this.#restarting;
    await this.#wire.close();
    await this.#service?.close();
  }
}

/** The same keeper, whose service is killed now and then before a push. */
function harassed(keeper: Keeper, service: RestlessService): Keeper {
  let count = 0;
  return new Proxy(keeper, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!pushes.has(name)) return value.bind(target) as unknown;
      return (...args: readonly unknown[]): unknown => {
        count += 1;
        if (count % PUSHES_BETWEEN_KILLS === 0) service.kill();
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

export const restless: HomeKind = {
  name: "a service that is killed again and again, and its client",
  survives: true,
  open: async (chain) => {
    const folder = await mkdtemp(join(tmpdir(), "lanekeeper-restless-"));
    const service = new RestlessService(chain, folder);
    await service.begin();
    let client = await LanekeeperClient.connect(service.address, { writer: "restless" });
    return {
      keeper: harassed(client, service),
      reopened: async () => {
        await client.close();
        client = await LanekeeperClient.connect(service.address, { writer: "restless" });
        return client;
      },
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await service.end();
        await rm(folder, { recursive: true });
      },
    };
  },
};
