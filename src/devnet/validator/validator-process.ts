/**
 * A validator as a process of its own: its orders come from standard input, its reports go to a
 * pipe. It may be killed at any moment. When its input ends, it closes its store and ends.
 */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { LanekeeperClient } from "../../client/client.js";
import { RealDisk } from "../../disk/real/real.js";
import { realSurroundings } from "../../disk/surroundings.js";
import { openLogMap } from "../../log/map/level-map.js";
import type { JournalEnd } from "../../log/map/seal.js";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { assert } from "../../types/assert.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import { laneId } from "../../types/lane.js";
import { keyPairFromSeed } from "../../wire/signatures/signer.js";
import { Verifier } from "../../wire/verifier.js";
import { decodeOrder, epochOfKeys, type StartOrder } from "./orders.js";
import type { Report } from "../judge/report.js";
import { sabotaged } from "./sabotage.js";
import type { Store } from "./store.js";
import { UndoDisk } from "./undo-disk.js";
import { Validator } from "./validator.js";

export interface ValidatorProcessPort {
  readonly input: Readable;
  readonly report: (report: Report) => void;
  /** Opens the store, which verifies with `verifier`; `openStore` is the honest way. */
  readonly open: (start: StartOrder, verifier: Verifier) => Promise<Store>;
}

/** Serves one parent; returns the exit code. */
export async function runValidator(port: ValidatorProcessPort): Promise<number> {
  const lines = createInterface({ input: port.input, crlfDelay: Number.POSITIVE_INFINITY });
  const orders = lines[Symbol.asyncIterator]();
  const verifier = new Verifier();
  try {
    const first = await orders.next();
    if (first.done === true) return 0;
    const start = decodeOrder(first.value);
    assert(start.kind === "start", "the first order starts the validator");
    port.report({ kind: "opening" });
    const store = await port.open(start, verifier);
    const validator = await Validator.start(store, {
      keys: keyPairFromSeed(Buffer.from(start.seed, "hex")),
      epoch: epochOfKeys(start.keys),
      payloadBytes: start.payloadBytes,
      verifier,
      report: port.report,
      randomBytes,
    });
    await Promise.race([obey(validator, orders), validator.failed]);
    await validator.close();
    port.report({ kind: "closed" });
    return 0;
  } catch (cause) {
    // The store is left as it is: closing could wait for a disk that is gone.
    if (!(cause instanceof PersisterError)) throw cause;
    port.report({ kind: "failed", code: cause.code, message: cause.message });
    return errorCodes[cause.code].exit;
  } finally {
    lines.close();
    await verifier.close();
  }
}

async function obey(validator: Validator, orders: AsyncIterator<string>): Promise<void> {
  for (let line = await orders.next(); line.done !== true; line = await orders.next()) {
    const order = decodeOrder(line.value);
    assert(order.kind === "dial", "a validator is started once");
    validator.dial(laneId(order.lane), order.port);
  }
}

/** Opens the store as the order says: with a lie around it where it names a sabotage. */
export async function openStore(start: StartOrder, verifier: Verifier): Promise<Store> {
  const store = await (start.socket === undefined
    ? openHonestly(start, verifier)
    : clientOf(start, start.socket));
  if (start.sabotage === undefined) return store;
  return sabotaged(store, start.sabotage, Buffer.from(start.seed, "hex"));
}

/** A validator that comes back takes over from its own former life: the parent has ended that one. */
async function clientOf({ chainId }: StartOrder, socket: string): Promise<Store> {
  return await LanekeeperClient.connect(`unix:${socket}`, { writer: chainId, takeOver: true });
}

/** If power may be cut, writes that are not acknowledged can be taken back. */
export async function openHonestly(start: StartOrder, verifier: Verifier): Promise<Lanekeeper> {
  const { directory, chainId, retainBytes, undoDirectory } = start;
  const epoch = epochOfKeys(start.keys);
  const epochOf = (index: bigint) => (index === epoch.index ? epoch : undefined);
  const choices = { chainId, epochOf, retainBytes, verifier };
  if (undoDirectory === undefined) return await Lanekeeper.open(directory, choices);
  const real = new RealDisk();
  const surroundings = {
    ...realSurroundings(),
    disk: new UndoDisk(real, undoDirectory),
    openMap: (index: string, end: JournalEnd) => openLogMap(real, index, end),
  };
  return await Lanekeeper.openOn(surroundings, directory, choices);
}
