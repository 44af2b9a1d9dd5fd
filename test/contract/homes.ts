/**
 * The homes of a store that the contract is held against. All of it is the same in each of
 * them: a validator cannot tell them apart.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Keeper } from "../../src/node/keeper.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { OpenChoices } from "../../src/node/options.js";
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

export const homes: readonly HomeKind[] = [onDisk, inMemory];
