/**
 * A validator as a process of its own: its orders come from standard input, its reports go to a
 * pipe. It may be killed at any moment, and it ends at once where its parent is gone.
 */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { openBucket } from "../../archive/open-bucket.js";
import { LanekeeperClient } from "../../client/client.js";
import { RealDisk } from "../../disk/real/real.js";
import { realSurroundings } from "../../disk/surroundings.js";
import { openLogMap } from "../../log/map/level-map.js";
import type { JournalEnd } from "../../log/map/seal.js";
import { Lanekeeper } from "../../node/lanekeeper.js";
import type { Register } from "../../reserve/chain.js";
import { assert } from "../../types/assert.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import { laneId } from "../../types/lane.js";
import { keyPairFromSeed } from "../../wire/signatures/signer.js";
import { Verifier } from "../../wire/verifier.js";
import { epochOfKeys, type Order, ordersFrom, type StartOrder } from "./orders.js";
import type { Report } from "../judge/report.js";
import { sabotaged } from "./sabotage.js";
import { type Store, withHistory } from "./store/store.js";
import { UndoDisk } from "./store/undo-disk.js";
import { Validator } from "./validator.js";

/** Short, so that a short run archives much. */
const ARCHIVE_AGE_MS = 500;

export interface ValidatorProcessPort {
  readonly input: Readable;
  readonly report: (report: Report) => void;
  /** Ends the process at once. */
  readonly end: () => void;
  /** Opens the store, which verifies with `verifier`; `openStore` is the honest way. */
  readonly open: (start: StartOrder, verifier: Verifier, reach: Reach) => Promise<Store>;
}

/** Serves one parent; returns the exit code. */
export async function runValidator(port: ValidatorProcessPort): Promise<number> {
  const orders = ordersFrom(port.input, port.end);
  const verifier = new Verifier();
  try {
    const { value: start, done } = await orders.next();
    if (done) return 0;
    assert(start.kind === "start", "the first order starts the validator");
    port.report({ kind: "opening" });
    const reach = new Reach();
    const store = await port.open(start, verifier, reach);
    const validator = await Validator.start(store, {
      keys: keyPairFromSeed(Buffer.from(start.seed, "hex")),
      epoch: epochOfKeys(start.keys),
      payloadBytes: start.payloadBytes,
      paceMs: start.paceMs,
      verifier,
      report: port.report,
      randomBytes,
    });
    await Promise.race([obey(validator, orders, reach), validator.failed]);
    await validator.close();
    port.report({ kind: "closed" });
    return 0;
  } catch (cause) {
    // The store is left as it is: closing could wait for a disk that is gone.
    if (!(cause instanceof PersisterError)) throw cause;
    port.report({ kind: "failed", code: cause.code, message: cause.message });
    return errorCodes[cause.code].exit;
  } finally {
    await verifier.close();
  }
}

async function obey(
  validator: Validator,
  orders: AsyncIterable<Order>,
  reach: Reach,
): Promise<void> {
  for await (const order of orders) {
    assert(order.kind !== "start", "a validator is started once");
    if (order.kind === "dial") validator.dial(laneId(order.lane), order.machine, order.port);
    else if (order.kind === "take") validator.take(order.reason);
    else if (order.kind === "reach") {
      reach.isReachable = order.bucket;
      validator.reach(order.peers);
    }
  }
}

/** Opens the store as the order says: with a lie around it where it names a sabotage. */
export async function openStore(
  start: StartOrder,
  verifier: Verifier,
  reach: Reach,
): Promise<Store> {
  const store = await (start.socket === undefined
    ? openHonestly(start, verifier, reach)
    : clientOf(start, start.socket));
  const { archive: address, chainId } = start;
  const whole = address === undefined ? store : await withHistory(store, { address, chainId });
  const liar = { ...start, reach };
  const told = start.sabotage === undefined ? whole : sabotaged(whole, start.sabotage, liar);
  const { reservations } = store.status();
  if (start.isFirst && reservations && reservations.holder === undefined) {
    await told.takeReservations?.({ reason: "the first machine", first: true });
  }
  return told;
}

/** A validator that comes back takes over from its own former life: the parent has ended that one. */
async function clientOf({ chainId }: StartOrder, socket: string): Promise<Store> {
  return await LanekeeperClient.connect(`unix:${socket}`, { writer: chainId, takeOver: true });
}

/** Places that are reserved at a time: a successor soon votes again. */
const RESERVED_PLACES = 8;

/** If power may be cut, writes that are not acknowledged can be taken back. */
export async function openHonestly(
  start: StartOrder,
  verifier: Verifier,
  reach = new Reach(),
): Promise<Lanekeeper> {
  const { directory, chainId, retainBytes, undoDirectory, reserve: at, seed } = start;
  const { archive: to, segmentBytes } = start;
  const archive = to === undefined ? undefined : { to, ageMs: ARCHIVE_AGE_MS };
  const epoch = epochOfKeys(start.keys);
  const epochOf = (index: bigint) => (index === epoch.index ? epoch : undefined);
  const validator = keyPairFromSeed(Buffer.from(seed, "hex")).publicKey;
  const reserve = at === undefined ? undefined : { at, validator, places: RESERVED_PLACES };
  const real = new RealDisk();
  const surroundings = {
    ...realSurroundings(),
    disk: undoDirectory === undefined ? real : new UndoDisk(real, undoDirectory),
    openMap: (index: string, end: JournalEnd) => openLogMap(real, index, end),
    openRegister: reach.open,
  };
  const choices = { chainId, epochOf, retainBytes, verifier, reserve, archive };
  const sizes = segmentBytes === undefined ? {} : { segmentBytes };
  return await Lanekeeper.openOn(surroundings, directory, { ...choices, ...sizes });
}

/** The bucket of the reservations as this machine reaches it: its parent may cut it off for a while. */
export class Reach {
  isReachable = true;

  readonly open = async (address: string): Promise<Register> => {
    const bucket = await openBucket(address);
    return {
      url: bucket.url,
      get: (...args) => this.#call(() => bucket.get(...args)),
      putIfAbsent: (...args) => this.#call(() => bucket.putIfAbsent(...args)),
      putIfMatch: (...args) => this.#call(() => bucket.putIfMatch(...args)),
      close: () => bucket.close(),
    };
  };

  /** Of a call that was under way when the cut came the answer is lost. */
  async #call<T>(run: () => Promise<T>): Promise<T> {
    if (!this.isReachable) throw cutOff();
    const answer = await run();
    if (!this.isReachable) throw cutOff();
    return answer;
  }
}

function cutOff(): PersisterError {
  return new PersisterError("BUCKET_FAILED", "this machine is cut off from the reservations");
}
