/**
 * `lanekeeper key rotate` of a store that a service runs: the service reads the keys of its settings anew, and this
 * command waits until no byte needs another one. A command that was stopped stops nothing: the service goes on.
 */
import { setTimeout as pause } from "node:timers/promises";
import { authorHere } from "../terminal/author.js";
import { aborted } from "../../async/signal.js";
import type { Decoded } from "../../rpc/message.js";
import type { ListKeysResponse } from "../../rpc/api/operator.js";
import { PersisterError } from "../../types/errors.js";
import type { RotateChoices } from "../store/key-rotate.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { showWork } from "../terminal/progress.js";
import { formatSize } from "../terminal/sizes.js";
import { targetOf } from "./view/target.js";

/** A rotation is looked at so often. */
const LOOK_MS = 250;

type Stores = Decoded<typeof ListKeysResponse>["stores"];

/**
 * Tells whether `named` is a service, and then rotates there.
 *
 * @throws {PersisterError} USAGE where a key is given, or the settings name none; KEY_REFUSED, KEY_MISSING; ABORTED;
 * UNREACHABLE.
 */
export async function rotateServed(
  named: string,
  choices: RotateChoices,
  port: CliPort,
): Promise<boolean> {
  const target = await targetOf(named, false);
  if (target.kind === "files") return false;
  const { key, read = [], dryRun = false, json } = choices;
  if (key !== undefined || read.length > 0) {
    const text =
      "a service takes its keys from its settings: put the new one first there, without --key and --read";
    throw new PersisterError("USAGE", text);
  }
  const { AskedService } = await import("./view/asked.js");
  const { OperatorService } = await import("../../rpc/api/operator.js");
  const { address } = target;
  using service = await AskedService.at(address, choices, port.stop);
  const keysOf = async (): Promise<Stores> => {
    return (await service.ask(OperatorService, "listKeys", {})).stores;
  };
  if (dryRun) {
    const stores = await keysOf();
    const text = stores.map(({ store, keys }) => `${store}: ${keys.map(shownKey).join(", ")}\n`);
    await tellDone(port, json, { address, stores, dryRun }, text.join(""));
    return true;
  }
  const { by: who = authorHere(), reason: why = "" } = choices;
  const { keyId, changed } = await service.ask(OperatorService, "rotateKey", {
    reason: { who, why },
  });
  const stores = await finished(keyId, keysOf, port);
  const text = `${address} needs the key ${keyId} alone: older keys can go\n`;
  await tellDone(port, json, { address, key: keyId, changed, stores }, text);
  return true;
}

function shownKey({ content, state, bytes }: Stores[number]["keys"][number]): string {
  return `${content} ${state}, ${formatSize(Number(bytes))}`;
}

/** Looks until every store needs this key alone; returns the keys that lie on disk then. */
async function finished(id: string, keysOf: () => Promise<Stores>, port: CliPort): Promise<Stores> {
  let stores = await keysOf();
  let most = 0;
  const view = showWork(() => {
    const left = othersIn(stores, id).reduce((sum, { bytes }) => sum + Number(bytes), 0);
    most = Math.max(most, left);
    return { name: "sealing", unit: "bytes", done: most - left, total: most };
  }, port);
  try {
    for (;;) {
      const others = othersIn(stores, id);
      const missing = others.find(({ state }) => state === "missing");
      if (others.length === 0) return stores;
      if (missing && others.every(({ state }) => state === "missing"))
        throw keyMissing(missing.content);
      await pause(LOOK_MS, undefined, { signal: port.stop }).catch(() => undefined);
      if (port.stop.aborted) throw aborted(port.stop, "the wait for the rotation");
      stores = await keysOf();
    }
  } finally {
    view.stop();
  }
}

function othersIn(stores: Stores, id: string): Stores[number]["keys"] {
  return stores.flatMap(({ keys }) => keys.filter(({ content }) => content !== id));
}

function keyMissing(id: string): PersisterError {
  const text = `retained records need key ${id}, which the service was not given; put it into its settings, and start it again`;
  return new PersisterError("KEY_MISSING", text);
}
