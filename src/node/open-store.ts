/**
 * Opens a store for `Lanekeeper`: parts, recovery, and what the availability state begins with. An open
 * that fails leaves nothing open, whatever failed: a file, a record, or a function of the caller's.
 */
import type { AvailStart } from "../avail/avail-start.js";
import { inTurn } from "../async/all-ended.js";
import { OPENING } from "../async/opening.js";
import { throwIfAborted } from "../async/signal.js";
import { ringOf } from "../keys/ring.js";
import { INDEX_DIRECTORY } from "../log/map/log-map.js";
import { openPersisters, type Persisters, withoutFound } from "../persist/persisters.js";
import { Verifier } from "../wire/verifier.js";
import { Archiving, gateOf } from "../archive/writing/archiving.js";
import { guardedEpochOf, guardedVerifier, measuredVerifier } from "./callbacks.js";
import { archiveTellerOf, Events } from "./events.js";
import { checkOpen, type OpenChoices, type OpenSettings } from "./options.js";
import { type Recovery, recoveryOf, startOf } from "./start.js";
import type { Observe } from "../types/measures.js";
import { flushIn } from "../disk/surroundings.js";
import type { Surroundings } from "./surroundings.js";

export interface OpenedStore {
  readonly directory: string;
  readonly surroundings: Surroundings;
  readonly settings: Omit<OpenSettings, "keys" | "signal" | "onProgress">;
  /** The caller's, or one of the store's own. */
  readonly verifier: Verifier;
  /** Gets the measures of the store; a caller's function that throws harms nothing. */
  readonly observe: Observe | undefined;
  /** Tells what happens in the store from here on. */
  readonly events: Events;
  readonly persisters: Persisters;
  readonly archiving: Archiving | undefined;
  readonly recovery: Recovery;
  readonly start: AvailStart;
  /** Closes files, lock and map, zeroes the keys; and closes the verifier, if it is the store's own. */
  readonly close: () => Promise<void>;
}

/** @throws {PersisterError} as `Lanekeeper.open`. */
export async function openStore(
  surroundings: Surroundings,
  directory: string,
  choices: OpenChoices,
): Promise<OpenedStore> {
  const { keys, signal, onProgress, ...settings } = checkOpen(choices);
  throwIfAborted(signal, OPENING);
  const events = new Events(settings.log);
  const observe = events.observing(settings.observe);
  const own = settings.verifier === undefined ? new Verifier() : undefined;
  const verifier = settings.verifier ?? own ?? new Verifier();
  // Taken in this order, at the end of the store or of an open that fails.
  const steps = [async () => own?.close()];
  const close = (): Promise<void> => inTurn(steps);
  const epochOf = guardedEpochOf(settings.epochOf);
  const guarded = measuredVerifier(guardedVerifier(verifier), observe);
  const began = surroundings.nowMs();
  try {
    const ring = keys && (await ringOf(keys, signal));
    steps.push(async () => ring?.close());
    const gate = gateOf(settings.archive);
    const opened = await openPersisters({
      ...surroundings,
      ...settings,
      ring,
      gate,
      observe,
      flush: flushIn(surroundings, settings.flush),
      signal,
      onProgress,
      directory,
      verifyAnchor: (anchor) => guarded.verifyAnchor(anchor, epochOf),
      openMap: (end) => surroundings.openMap(`${directory}/${INDEX_DIRECTORY}`, end),
    });
    // The journal seals until it is closed.
    steps.unshift(() => opened.close());
    const recovery = recoveryOf(opened, epochOf, surroundings.nowMs() - began);
    const start = {
      ...startOf(opened, { ...settings, epochOf }, guarded),
      observe,
    };
    const persisters = withoutFound(opened);
    const { archive } = settings;
    const { nowMs } = surroundings;
    const tell = archiveTellerOf(events);
    const parts = { ...settings, persisters, gate, ring, tell, nowMs, observe };
    const archiving = archive && (await Archiving.start({ ...parts, settings: archive }));
    // Before the store: what it has archived becomes durable there.
    if (archiving) steps.unshift(() => archiving.close());
    throwIfAborted(signal, OPENING);
    return {
      directory,
      surroundings,
      settings,
      verifier,
      observe,
      events,
      persisters,
      archiving,
      recovery,
      start,
      close,
    };
  } catch (cause) {
    // The failure itself is told; a second one, in closing, would add nothing.
    await close().catch(() => {});
    throw cause;
  }
}
