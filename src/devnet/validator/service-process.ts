/**
 * The service of one validator as a process of its own: it has the store, and the validator has a socket.
 * It may be killed at any moment, with its validator or without it. When its input ends, it closes the store
 * and ends.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Epochs } from "../../service/config/epochs.js";
import { Service } from "../../service/service.js";
import { assert } from "../../types/assert.js";
import { errorCodes } from "../../types/errors.js";
import { Verifier } from "../../wire/verifier.js";
import type { Report } from "../judge/report.js";
import { decodeOrder, epochOfKeys, type StartOrder } from "./orders.js";
import { openHonestly } from "./validator-process.js";

export interface ServiceProcessPort {
  readonly input: Readable;
  readonly report: (report: Report) => void;
}

/** Serves one parent; returns the exit code. */
export async function runService({ input, report }: ServiceProcessPort): Promise<number> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const orders = lines[Symbol.asyncIterator]();
  await using verifier = new Verifier();
  const first = await orders.next();
  if (first.done === true) return 0;
  const start = decodeOrder(first.value);
  assert(start.kind === "start", "the first order starts the service");
  const service = await serviceOf(start, verifier);
  const refusal = await service.opened();
  if (refusal) {
    report({ kind: "failed", code: refusal.code, message: refusal.message });
    return errorCodes[refusal.code].exit;
  }
  const store = service.store();
  assert(store.kind === "open", "a store that is not refused is open");
  const { pins, abstainThrough, warnings, durationMs } = store.keeper.status().recovery;
  const abstains = abstainThrough !== undefined;
  report({ kind: "served", pins: pins.length, abstains, warnings, durationMs });
  await orders.next();
  await service.close();
  return 0;
}

async function serviceOf(start: StartOrder, verifier: Verifier): Promise<Service> {
  const { directory, keys, socket } = start;
  assert(socket !== undefined, "a service has a socket");
  return await Service.start({
    directory,
    version: "devnet",
    open: () => openHonestly(start, verifier),
    epochs: new Epochs([epochOfKeys(keys)]),
    listeners: [{ kind: "unix", path: socket }],
  });
}
