/** The part of a store that says what may be signed: by what is held, guarded and reserved. */
import type { WaitOptions } from "../../async/signal.js";
import type { Inner } from "../../avail/inner.js";
import type { MaySign, Place } from "../../persist/guards/may-sign.js";
import type { Taking } from "../../reserve/port.js";
import type { Reservations } from "../../reserve/reservations.js";
import { PersisterError } from "../../types/errors.js";
import type { OpenedStore } from "../open-store.js";
import type { OpenSettings } from "../options.js";
import {
  openReservations,
  type ReservationStatus,
  reservationStatusOf,
  seriesOf,
} from "./reserving.js";
import { maySignAt } from "./verdict.js";

type Store = Pick<OpenedStore, "persisters" | "recovery" | "surroundings" | "settings" | "events">;

export class Signing {
  readonly #store: Store;
  readonly #inner: Inner;
  #reservations: Reservations | undefined;
  #isClosed = false;

  constructor(store: Store, inner: Inner) {
    const { persisters, recovery, surroundings, settings, events } = store;
    this.#store = { persisters, recovery, surroundings, settings, events };
    this.#inner = inner;
  }

  get reservations(): ReservationStatus | undefined {
    return this.#reservations && reservationStatusOf(this.#reservations.status);
  }

  /** Begins to reserve. Until then, and without it, every place is this machine's. */
  async reserve(choices: NonNullable<OpenSettings["reserve"]>): Promise<void> {
    const { persisters, surroundings, settings, events } = this.#store;
    const opened = await openReservations(choices, {
      persisters,
      surroundings,
      inner: this.#inner,
      chainId: settings.chainId,
      onUnreserved: (error) => events.emit("unreserved", { error }),
    });
    // The open was called off meanwhile.
    if (this.#isClosed) await opened.close();
    else this.#reservations = opened;
  }

  maySign(place: Place): MaySign {
    const { persisters, recovery } = this.#store;
    const inner = this.#inner;
    if (persisters.journal.poison) throw persisters.journal.poison;
    inner.refuseWhenClosing();
    const { abstainThrough } = recovery;
    const reservations = this.#reservations;
    return maySignAt(place, { persisters, inner, abstainThrough, reservations });
  }

  async reserved(place: Place, options?: WaitOptions): Promise<void> {
    const series = seriesOf(place);
    if (series) await this.#reservations?.reserved(series.name, series.number, options);
  }

  async take(taking: Taking, options?: WaitOptions): Promise<void> {
    this.refuseWithoutReservations();
    await this.#reservations?.take(taking, options);
  }

  /** @throws {PersisterError} USAGE. */
  refuseWithoutReservations(): void {
    if (this.#reservations) return;
    throw new PersisterError("USAGE", "this store was opened without `reserve`");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reservations?.close();
  }
}
