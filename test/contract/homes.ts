/**
 * The homes of a store that the contract is held against. All of it is the same in each of
 * them: a validator cannot tell them apart.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LanekeeperClient } from "../../src/client/client.js";
import type { Keeper } from "../../src/node/keeper.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { OpenChoices } from "../../src/node/options.js";
import { Epochs } from "../../src/service/config/epochs.js";
import { Service } from "../../src/service/service.js";
import { CHAIN_ID, type TestChain } from "../model/chain.js";

/** A store, open. */
export interface Home extends AsyncDisposable {
  readonly keeper: Keeper;
  /** Closes the store and opens it again; `undefined` where nothing survives a close (D10). */
  readonly reopened: (() => Promise<Keeper>) | undefined;
}

export interface HomeKind {
  readonly name: string;
  /** Everything is gone after `reopened` in a store without a disk. */
  readonly survives: boolean;
  readonly open: (chain: TestChain) => Promise<Home>;
}

function choicesOf({ epochOf }: TestChain): OpenChoices {
  return { chainId: CHAIN_ID, epochOf };
}

const onDisk: HomeKind = {
  name: "the library on disk",
  survives: true,
  open: async (chain) => {
    const directory = await mkdtemp(join(tmpdir(), "lanekeeper-contract-"));
    const choices = choicesOf(chain);
    await Lanekeeper.init(directory, { chainId: CHAIN_ID });
    let keeper = await Lanekeeper.open(directory, choices);
    return {
      keeper,
      reopened: async () => {
        await keeper.close();
        keeper = await Lanekeeper.open(directory, choices);
        return keeper;
      },
      [Symbol.asyncDispose]: async () => {
        await keeper.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

const inMemory: HomeKind = {
  name: "the library in memory",
  survives: false,
  open: async (chain) => {
    const keeper = await Lanekeeper.openMemory(choicesOf(chain));
    return { keeper, reopened: undefined, [Symbol.asyncDispose]: () => keeper.close() };
  },
};

/** The client over a service in this process, with a socket between them. */
const behindService: HomeKind = {
  name: "a service and its client",
  survives: true,
  open: async (chain) => {
    const directory = await mkdtemp(join(tmpdir(), "lanekeeper-contract-"));
    await Lanekeeper.init(join(directory, "store"), { chainId: CHAIN_ID });
    const serve = async (): Promise<Service> =>
      await Service.start({
        directory: join(directory, "store"),
        version: "0.0.0",
        open: () => Lanekeeper.open(join(directory, "store"), choicesOf(chain)),
        epochs: new Epochs([chain.epoch]),
        listeners: [{ kind: "unix", path: join(directory, "socket") }],
      });
    const address = `unix:${join(directory, "socket")}`;
    let service = await serve();
    let keeper = await LanekeeperClient.connect(address, { writer: "contract" });
    return {
      keeper,
      reopened: async () => {
        await keeper.close();
        await service.close();
        service = await serve();
        keeper = await LanekeeperClient.connect(address, { writer: "contract" });
        return keeper;
      },
      [Symbol.asyncDispose]: async () => {
        await keeper.close();
        await service.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

export const homes: readonly HomeKind[] = [onDisk, inMemory, behindService];
