/** `lanekeeper serve`: from its settings to its end. */
import { detached } from "../../async/detached.js";
import { PersisterError } from "../../types/errors.js";
import type { KeyName } from "../../service/config/keys.js";
import { letHeapGrow } from "../../service/config/heap.js";
import { serviceLog, silentLog } from "../../service/config/log.js";
import {
  merged,
  printedSettings,
  settingsJson,
  settingsOf,
} from "../../service/config/settings.js";
import {
  defaultsGiven,
  environmentGiven,
  fileGiven,
  flagsGiven,
  type GivenByKey,
  strayVariables,
} from "../../service/config/sources.js";
import { checkSettings, type ServedStore, serveStore } from "../../service/serve.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { type endingSignals, exitCodes } from "../terminal/ending.js";
import { makeDev } from "./dev.js";

export interface ServeCall {
  readonly store: string | undefined;
  readonly config: string | undefined;
  readonly flags: ReadonlyMap<KeyName, unknown>;
  readonly dev: boolean;
  readonly moved: boolean;
  readonly json: boolean;
  readonly look: "print" | "check" | undefined;
  readonly version: string;
}

/** The time for a drain; then the process ends without it. */
const DRAIN_MS_MAX = 9_500;
const DRAIN_EXIT = exitCodes.SIGTERM;

/** Resolved when the service has ended. */
export async function serveCommand(call: ServeCall, port: CliPort): Promise<void> {
  const dev = call.dev && call.look === undefined ? await makeDev() : undefined;
  const given = await givenTo(call, dev?.given);
  const settings = settingsOf(given);
  if (call.look !== undefined) {
    const isPrint = call.look === "print";
    if (!isPrint) await checkSettings(settings, silentLog);
    const text = isPrint ? printedSettings(given) : "the settings are right\n";
    await tellDone(port, call.json, isPrint ? { settings: settingsJson(given) } : {}, text);
    return;
  }
  const store = dev?.store ?? call.store;
  if (store === undefined || store === "") {
    throw new PersisterError("USAGE", "name the store to serve, or try --dev");
  }
  letHeapGrow();
  const log = serviceLog(dev ? "warn" : settings["log.level"]);
  for (const name of strayVariables(process.env)) log.write("warn", "unknownVariable", { name });
  const { moved, version } = call;
  // From here on, also while the store is being recovered, a signal drains.
  using signals = new Signals(port, dev !== undefined);
  const served = await serveStore({ store, settings, version, log, moved });
  signals.reload = served.reload;
  const { targets, adminAddress } = served.service;
  if (dev || call.json) {
    const text = dev?.words(adminAddress) ?? "";
    await tellDone(port, call.json, { store, targets, admin: adminAddress }, text);
  }
  await Promise.race([signals.first, served.service.draining]);
  log.write("info", "draining");
  endInTime();
  await served.service.close();
  log.write("info", "ended");
}

/** Ends the process without a drain that takes too long. */
function endInTime(): void {
  setTimeout(() => process.exit(DRAIN_EXIT), DRAIN_MS_MAX).unref();
}

async function givenTo(call: ServeCall, dev: GivenByKey | undefined): Promise<GivenByKey> {
  const file = call.config === undefined ? new Map<KeyName, never>() : await fileGiven(call.config);
  const environment = environmentGiven(process.env);
  return merged(defaultsGiven(), file, environment, dev ?? new Map(), flagsGiven(call.flags));
}

/**
 * SIGHUP reloads, but that a service which goes with its terminal ends; the first SIGINT or SIGTERM drains,
 * and a second one ends the process at once.
 */
class Signals implements Disposable {
  /** Resolves with the first SIGINT or SIGTERM. */
  readonly first: Promise<void>;
  reload: ServedStore["reload"] = async () => undefined;
  #isSecond = false;
  #tellFirst = (): void => undefined;
  readonly #end = (signal: NodeJS.Signals): void => {
    if (this.#isSecond) process.exit(exitCodes[signal as (typeof endingSignals)[number]]);
    this.#isSecond = true;
    // A recovery that is under way may take longer, and no kill harms one.
    endInTime();
    this.#tellFirst();
  };
  readonly #hangUp: (signal: NodeJS.Signals) => void;

  constructor(port: CliPort, goesWithTerminal: boolean) {
    this.#hangUp = goesWithTerminal ? this.#end : () => detached(this.reload());
    this.first = new Promise((resolve) => {
      this.#tellFirst = resolve;
    });
    port.handOverSignals?.();
    process.on("SIGINT", this.#end);
    process.on("SIGTERM", this.#end);
    process.on("SIGHUP", this.#hangUp);
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#end);
    process.off("SIGTERM", this.#end);
    process.off("SIGHUP", this.#hangUp);
  }
}
