/**
 * The service of one validator as a process of its own: it has the store, and the validator has a socket.
 * It may be killed at any moment, with its validator or without it, and it ends at once where its parent is
 * gone.
 */
import type { Readable } from "node:stream";
import { Epochs } from "../../service/config/epochs.js";
import { Service } from "../../service/service.js";
import { assert } from "../../types/assert.js";
import { errorCodes } from "../../types/errors.js";
import { Verifier } from "../../wire/verifier.js";
import type { Report } from "../judge/report.js";
import { epochOfKeys, ordersFrom, type StartOrder } from "./orders.js";
import { openHonestly } from "./validator-process.js";

export interface ServiceProcessPort {
  readonly input: Readable;
  readonly report: (report: Report) => void;
  /** Ends the process at once. */
  readonly end: () => void;
}

/** Serves one parent; returns the exit code. */
export async function runService({ input, report, end }: ServiceProcessPort): Promise<number> {
  const orders = ordersFrom(input, end);
  await using verifier = new Verifier();
  const { value: start, done } = await orders.next();
  if (done) return 0;
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
