/** The store's word on places that are to be signed. A place that is not reserved yet is waited for. */
import type { MaySign, Place } from "../../../persist/guards/may-sign.js";
import { PersisterError } from "../../../types/errors.js";
import type { Store } from "./store.js";

/** The ends of a wait for a place that this machine does not get. */
const isNotOurs: ReadonlySet<string> = new Set(["UNRESERVED", "ABORTED", "CLOSED"]);

export interface PlacesPort {
  readonly signal: AbortSignal;
  /** Work that goes on by itself. */
  readonly watch: (work: Promise<void>) => void;
}

export class Places {
  readonly #store: Store;
  readonly #port: PlacesPort;
  /** The places that are waited for. */
  readonly #awaited = new Set<string>();

  constructor(store: Store, port: PlacesPort) {
    this.#store = store;
    this.#port = port;
  }

  /** The verdict, behind the wait for the reservation. */
  async verdict(place: Place): Promise<MaySign> {
    const verdict = await this.#store.maySign(place);
    if (!isUnreserved(verdict) || !(await this.#isReserved(place))) return verdict;
    return await this.#store.maySign(place);
  }

  /** Whether the store allows a signature now. A place that it has not reserved yet comes back `later`. */
  async mayNow(place: Place, later?: () => void): Promise<boolean> {
    const verdict = await this.#store.maySign(place);
    if (isUnreserved(verdict)) this.#await(place, later);
    return verdict.may;
  }

  /** One wait for each place. */
  #await(place: Place, later?: () => void): void {
    const name = nameOf(place);
    if (this.#awaited.has(name)) return;
    this.#awaited.add(name);
    const wait = async (): Promise<void> => {
      const isReserved = await this.#isReserved(place);
      this.#awaited.delete(name);
      if (isReserved && (await this.#store.maySign(place)).may) later?.();
    };
    this.#port.watch(wait());
  }

  /** On a machine that stands by the wait ends at once. */
  async #isReserved(place: Place): Promise<boolean> {
    try {
      await this.#store.reserved?.(place, { signal: this.#port.signal });
      return true;
    } catch (cause) {
      if (cause instanceof PersisterError && isNotOurs.has(cause.code)) return false;
      throw cause;
    }
  }
}

function nameOf(place: Place): string {
  return "lane" in place
    ? `${place.kind} ${place.lane} ${place.number}`
    : `${place.kind} ${place.roadIndex}`;
}

function isUnreserved(verdict: MaySign): boolean {
  return !verdict.may && verdict.code === "UNRESERVED";
}
