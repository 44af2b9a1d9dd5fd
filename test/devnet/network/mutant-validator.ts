/**
 * A validator's process whose store lies to it: `node mutant-validator.js MUTANT`. The validator
 * itself is the honest one, and so is the judge that has to find it out.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { reportTo } from "../../../src/devnet/judge/report.js";
import type { Store } from "../../../src/devnet/validator/store.js";
import {
  openStore,
  REPORT_DESCRIPTOR,
  runValidator,
} from "../../../src/devnet/validator/validator-process.js";
import type { DurableBlock } from "../../../src/index.js";
import { readSignedBlockHeader } from "../../../src/wire/codec/block-header.js";
import { headerHash } from "../../../src/wire/hash.js";

/** How long a block lies about before it is written. */
const LAZY_MS = 400;

/** Offers a block for voting the moment it comes in, and writes it some time later. */
function votesBeforeDurable(store: Store): Partial<Store> {
  const early = new Map<string, Uint8Array>();
  const offers: DurableBlock[] = [];
  let wake = (): void => undefined;
  let writing: Promise<unknown> = Promise.resolve();
  return {
    pushBlock: (block) => {
      const bytes = Uint8Array.from(block as Uint8Array);
      const header = readSignedBlockHeader(bytes);
      const { lane, blockNumber: number } = header;
      early.set(`${lane} ${number}`, bytes);
      offers.push({ lane, number, headerHash: headerHash(header) });
      wake();
      const write = () => store.pushBlock(bytes).catch(() => undefined);
      writing = Promise.all([writing, sleep(LAZY_MS)]).then(write);
      return Promise.resolve({ status: "admitted" });
    },
    async *durableBlocks({ signal } = {}) {
      while (signal?.aborted !== true) {
        const offer = offers.shift();
        if (offer !== undefined) yield offer;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
    readBlock: async (lane, number) =>
      early.get(`${lane} ${number}`) ?? (await store.readBlock(lane, number)),
  };
}

/** Says that a vote state is durable, and writes nothing. */
function forgetsItsVotes(): Partial<Store> {
  return { writeVoteState: () => Promise.resolve() };
}

const mutants: Readonly<Record<string, (store: Store) => Partial<Store>>> = {
  "votes before durable": votesBeforeDurable,
  "forgets its votes": forgetsItsVotes,
};

function lying(store: Store, lies: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name in lies) return Reflect.get(lies, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

const mutant = mutants[process.argv[2] ?? ""];
if (mutant === undefined) throw new Error("there is no such mutant");
process.exitCode = await runValidator({
  input: process.stdin,
  report: reportTo(REPORT_DESCRIPTOR),
  open: async (start, verifier) => {
    const store = await openStore(start, verifier);
    return lying(store, mutant(store));
  },
});
