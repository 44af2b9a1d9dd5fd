/**
 * Validators that break the contract on purpose, so that the judge can be seen to find them out. A
 * sabotaged validator is an honest one on a store that lies to it: the lie is told in this process,
 * around the library and never in it.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DurableBlock } from "../../avail/offers.js";
import { type LaneId, laneParts } from "../../types/lane.js";
import { buildBlock, signBlock } from "../../wire/build.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeSignedBlock } from "../../wire/codec/decode.js";
import { encodeSignedBlock } from "../../wire/codec/encode.js";
import { headerHash } from "../../wire/hash.js";
import { keyPairFromSeed } from "../../wire/signatures/signer.js";
import { overlaid, type Store } from "./store/store.js";

const sentences = {
  "acknowledge-before-flush": "says that a block is durable, and writes it some time later",
  "forget-vote-state": "says that a vote state is durable, and does not write it",
  "forget-anchor": "says that an anchor is durable, and does not write it",
  "change-a-byte": "returns blocks with one byte changed after a restart",
  "skip-verification": "executes other transactions than its peers have signed for",
  "sign-twice": "signs a second block at each number of its lane",
  "ignore-guards": "signs wherever it likes after its store was restored",
  "lease-by-time": "takes over by a lease that its clock says is over (with --standby)",
} as const;

export type Sabotage = keyof typeof sentences;
/** The lies that can be told, each with its sentence for `--help`. */
export const sabotages: Readonly<Record<Sabotage, string>> = sentences;

export function isSabotage(name: string): name is Sabotage {
  return Object.hasOwn(sentences, name);
}

/** Only a restart, or a failover, shows these: the validator is struck again and again. */
export const shownByRestart: ReadonlySet<Sabotage> = new Set([
  "acknowledge-before-flush",
  "forget-vote-state",
  "forget-anchor",
  "change-a-byte",
  "lease-by-time",
]);

/** The time from a block's acknowledgement until it is written. */
const LAZY_MS = 400;
/**
 * The reads of a block for its vote and its broadcast; the next read is for the second broadcast.
 */
const HONEST_READS = 3;

/** The methods that lie. `seed` is the secret seed of the validator's key, in hexadecimal digits. */
type Lie = (store: Store, start: Liar) => Partial<Store>;

interface Liar {
  readonly seed: string;
  readonly directory: string;
  /** A machine that is cut off from the reservations is cut off from the lease, too. */
  readonly reach: { readonly isReachable: boolean };
}

const lies: Readonly<Record<Sabotage, Lie>> = {
  "acknowledge-before-flush": acknowledgeBeforeFlush,
  "forget-vote-state": () => ({ writeVoteState: () => Promise.resolve() }),
  "forget-anchor": forgetAnchor,
  "change-a-byte": changeAByte,
  "skip-verification": skipVerification,
  "sign-twice": signTwice,
  "ignore-guards": () => ({ maySign: () => ({ may: true }) }),
  "lease-by-time": leaseByTime,
};

/** The same store, which lies as `sabotage` says. */
export function sabotaged(store: Store, sabotage: Sabotage, start: Liar): Store {
  return overlaid(store, lies[sabotage](store, start));
}

/** Offers a block for voting the moment it comes in. */
function acknowledgeBeforeFlush(store: Store): Partial<Store> {
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
      signal?.addEventListener("abort", () => wake());
      for (;;) {
        if (signal?.aborted === true) return;
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

/** Then nothing is pruned, and the lanes fill up. */
function forgetAnchor(): Partial<Store> {
  return { pushAnchor: () => Promise.resolve(), waitForAnchor: () => Promise.resolve() };
}

/** The block that recovery found is read with another payload hash: it is another block. */
function changeAByte(store: Store): Partial<Store> {
  const { lanes } = store.recovery;
  return {
    readBlock: async (lane, number) => {
      const bytes = await store.readBlock(lane, number);
      if (number >= (lanes.get(lane)?.next ?? 0n)) return bytes;
      const { msg, sig } = decodeSignedBlock(bytes);
      const payloadHash = Uint8Array.from(msg.header.payloadHash);
      payloadHash[0] = (payloadHash[0] ?? 0) ^ 1;
      return encodeSignedBlock({ msg: { ...msg, header: { ...msg.header, payloadHash } }, sig });
    },
  };
}

/** Each block is read with other transactions than its header says, and nobody compares them. */
function skipVerification(store: Store): Partial<Store> {
  return {
    readBlock: async (lane, number) => {
      const { msg, sig } = decodeSignedBlock(await store.readBlock(lane, number));
      const txs = msg.payload.txs.map((tx) => tx.map((byte) => byte ^ 1));
      return encodeSignedBlock({ msg: { ...msg, payload: { ...msg.payload, txs } }, sig });
    },
  };
}

/**
 * Every block of the validator's own lane is offered for voting twice. By then the vote and the
 * first broadcast have read it; the second broadcast reads another block of the same number, signed
 * too.
 */
function signTwice(store: Store, { seed }: Liar): Partial<Store> {
  const keys = keyPairFromSeed(Buffer.from(seed, "hex"));
  const reads = new Map<string, number>();
  const isOwn = (lane: LaneId): boolean =>
    Buffer.compare(laneParts(lane).key, keys.publicKey) === 0;
  return {
    async *durableBlocks(options) {
      for await (const offer of store.durableBlocks(options)) {
        yield offer;
        if (isOwn(offer.lane)) yield offer;
      }
    },
    readBlock: async (lane, number) => {
      const bytes = await store.readBlock(lane, number);
      const place = `${lane} ${number}`;
      const count = (reads.get(place) ?? 0) + 1;
      reads.set(place, count);
      if (!isOwn(lane) || count <= HONEST_READS) return bytes;
      const { header, payload } = decodeSignedBlock(bytes).msg;
      const createdAt = { ...payload.createdAt, seconds: payload.createdAt.seconds + 1n };
      const twin = buildBlock({ ...header, payload: { ...payload, createdAt } });
      return encodeSignedBlock(signBlock(twin, keys));
    },
  };
}

/** A lease is renewed so often, and is over after so long. */
const RENEWAL_MS = 200;
const LEASE_MS = 1_000;
/** From the look at the lease until a block is signed: signers on other machines are as slow. */
const SIGNING_MS = 200;

/**
 * The machines of a validator share a lease in a file. The one whose lease it is signs wherever it likes; the
 * other one takes the lease when its clock says that it is over. A machine that is stopped between its look at
 * the lease and its signature signs when it goes on, however long that was.
 */
function leaseByTime(store: Store, { seed, directory, reach }: Liar): Partial<Store> {
  const { publicKey } = keyPairFromSeed(Buffer.from(seed, "hex"));
  const file = join(dirname(directory), `lease-${Buffer.from(publicKey).toString("hex")}`);
  let isMine = false;
  const holds = (): boolean => {
    if (!existsSync(file)) return false;
    const isOver = statSync(file).mtimeMs + LEASE_MS < Date.now();
    return !isOver && readFileSync(file, "utf8") === directory;
  };
  const renew = (): void => {
    isMine = reach.isReachable && holds();
    if (isMine) writeFileSync(file, directory);
  };
  setInterval(renew, RENEWAL_MS).unref();
  return {
    takeReservations: async (why, options) => {
      while (existsSync(file) && statSync(file).mtimeMs + LEASE_MS > Date.now()) {
        await sleep(RENEWAL_MS);
      }
      writeFileSync(file, directory);
      isMine = true;
      await store.takeReservations?.(why, options);
    },
    reserved: () => Promise.resolve(),
    maySign: async (place) => {
      const verdict = await store.maySign(place);
      const isUnreserved = !verdict.may && verdict.code === "UNRESERVED";
      const may = verdict.may || (isUnreserved && isMine);
      if (may && place.kind === "block") await sleep(SIGNING_MS);
      return may ? { may } : verdict;
    },
  };
}
