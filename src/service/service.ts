/**
 * A service: listeners in front of one store. The listeners come first, so that a store that is being
 * recovered, or that was refused, can be asked about. It ends in the opposite order: no new work, then the
 * store is closed, and with it every wait, then the listeners.
 */
import { ByteBudget } from "../async/byte-budget.js";
import { inTurn } from "../async/all-ended.js";
import type { Lanekeeper } from "../node/lanekeeper.js";
import { InvariantError } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { isLanekeeperError, type LanekeeperError } from "../types/lanekeeper-error.js";
import type { Observe } from "../types/measures.js";
import { loginOf } from "./admin/access.js";
import { type Admin, startAdmin } from "./admin/admin.js";
import type { AccessList } from "./access/access-file.js";
import { Door } from "./access/access.js";
import type { Epochs } from "./config/epochs.js";
import { Fence } from "./fence.js";
import type { Served, Surroundings } from "./grpc/adapter.js";
import type { Home, OpenHome } from "./grpc/home.js";
import { serviceStatusForm } from "./grpc/status-form.js";
import { keeperServed } from "./grpc/keeper/keeper.js";
import { type Controls, operatorServed } from "./grpc/operator.js";
import { listen, type Listener, type OpenListener } from "./grpc/door/listeners.js";
import { defaultLimits, type Limits } from "./config/limits.js";
import { type ServiceLog, silentLog } from "./config/log.js";
import type { StoreKeys } from "./config/store-keys.js";
import type { Families } from "./metrics/families.js";
import { Meters } from "./metrics/meters.js";
import { kindOfCall } from "./metrics/refusals.js";
import type { Observed, StoreState, Writer } from "./observed.js";
import { healthOf, readinessOf } from "./readiness.js";

export interface ServiceOptions {
  readonly directory: string;
  readonly version: string;
  /** Opens the store. A refusal is told to all who ask, and the service stays up. */
  readonly open: (observe: Observe) => Promise<Lanekeeper>;
  readonly epochs: Epochs;
  readonly listeners: readonly Listener[];
  readonly admin?: {
    readonly host: string;
    readonly port: number;
    readonly hosts: readonly string[];
  };
  /** Those who may call over TCP, as they are now. */
  readonly access?: () => AccessList | undefined;
  /** The keys of all stores that are served. */
  readonly keys?: StoreKeys;
  /** Services beside the keeper: a journal, jobs. They are closed with this one. */
  readonly others?: readonly OtherStore[];
  readonly limits?: Partial<Limits>;
  readonly log?: ServiceLog;
}

/** A store beside the keeper's, and its service. */
export interface OtherStore {
  readonly served: Served;
  /** Takes work: not poisoned. */
  readonly isServing: () => boolean;
  /** Puts its own values into a scrape. */
  readonly fill?: (families: Families) => void;
  readonly close: () => Promise<void>;
}

/** The time for calls to end once the store is closed. */
const ENDING_MS = 2_000;
/** A disk that has room again is noticed so soon. */
const HEALTH_MS = 500;

export class Service implements Observed {
  readonly version: string;
  readonly directory: string;
  readonly startedAtMs = Date.now();
  readonly meters = new Meters();
  readonly #options: ServiceOptions;
  readonly #log: ServiceLog;
  readonly #inFlight: ByteBudget;
  readonly #ending = new AbortController();
  readonly #listeners: OpenListener[] = [];
  readonly #health: NodeJS.Timeout;
  #admin: Admin | undefined;
  #state: StoreState = { kind: "opening" };
  #home: OpenHome | undefined;
  /** Resolves when an operator asks for the end of the service. */
  readonly draining: Promise<void>;
  #askToDrain = (): void => undefined;
  #isDraining = false;
  #opening: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: ServiceOptions) {
    this.#options = options;
    this.version = options.version;
    this.directory = options.directory;
    this.#log = options.log ?? silentLog;
    this.#inFlight = new ByteBudget(options.limits?.inFlightBytes ?? defaultLimits.inFlightBytes);
    this.draining = new Promise((resolve) => {
      this.#askToDrain = resolve;
    });
    for (const { fill } of options.others ?? []) if (fill) this.meters.others.push(fill);
    this.#health = setInterval(() => this.#tellHealth(), HEALTH_MS).unref();
  }

  /**
   * Listens, and begins to open the store: `opened` tells how that went.
   *
   * @throws {PersisterError} USAGE where an address cannot be listened on; STORE_LOCKED where another
   * service answers on the socket.
   */
  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    try {
      await service.#listen();
    } catch (cause) {
      await service.close();
      throw cause;
    }
    service.#opening = service.#open();
    return service;
  }

  /** Resolves when the store was opened, or refused: with the refusal then. */
  async opened(): Promise<LanekeeperError | undefined> {
    await this.#opening;
    return this.#state.kind === "refused" ? this.#state.error : undefined;
  }

  /** A target for clients, for each gRPC listener. */
  get targets(): readonly string[] {
    return this.#listeners.map(({ target }) => target);
  }

  /** The address of the admin listener. */
  get adminAddress(): Admin["address"] | undefined {
    return this.#admin?.address;
  }

  readonly store = (): StoreState => this.#state;
  readonly isDraining = (): boolean => this.#isDraining;

  readonly writer = (): Writer | undefined => {
    const { fence, writer, isPresent } = this.#home?.fence.newest ?? {};
    if (fence === undefined || writer === undefined || fence === 0n) return undefined;
    return { fence, name: writer, isConnected: isPresent === true };
  };

  readonly laneIndex = (lane: LaneId, epochIndex: bigint): number | undefined => {
    return this.#options.epochs.memberOf(epochIndex, lane);
  };

  readonly certificates = (): ReturnType<Observed["certificates"]> => {
    return this.#options.listeners.flatMap((listener) => {
      const expiry = listener.kind === "tcp" ? listener.certificates?.expiry : undefined;
      return expiry ? [expiry] : [];
    });
  };

  /**
   * Takes no new work, writes what is queued, and lets go of the store. Idempotent.
   *
   * @throws {PersisterError} as the store's own close.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#isDraining = true;
    this.#tellHealth();
    for (const listener of this.#listeners) listener.refuse();
    await inTurn([
      async () => await this.#opening,
      async () => await this.#home?.keeper.close(),
      ...(this.#options.others ?? []).map(({ close }) => close),
      async () => {
        this.#state = { kind: "closed" };
        this.#ending.abort(notReady("the service has ended"));
        await Promise.all(this.#listeners.map((listener) => listener.close(ENDING_MS)));
      },
      async () => {
        clearInterval(this.#health);
        this.#options.keys?.close();
        await this.#admin?.close();
      },
    ]);
  }

  async #listen(): Promise<void> {
    const { admin, access, listeners, log = silentLog } = this.#options;
    if (admin) {
      this.#admin = await startAdmin({
        observed: this,
        meters: this.meters,
        listen: admin,
        hosts: admin.hosts,
        tokens: access?.() && ((given) => loginOf(access()?.byToken(given))),
        log: (level, event, facts) => log.write(level, event, facts),
      });
    }
    const home = this.#homeOfCalls();
    const services: Served[] = [
      keeperServed(home),
      operatorServed(home, this.#controls()),
      ...(this.#options.others ?? []).map(({ served }) => served),
    ];
    const limits = { ...defaultLimits, ...this.#options.limits };
    for (const listener of listeners) {
      const around = this.#surroundings(listener);
      this.#listeners.push(await listen(listener, services, around, limits));
    }
  }

  async #open(): Promise<void> {
    try {
      const keeper = await this.#options.open(this.meters.store.observe);
      const fence = await Fence.open(keeper.notes.fences, () => performance.now());
      this.#home = { keeper, fence };
      this.#state = { kind: "open", keeper };
      this.#log.write("info", "storeOpened", { directory: this.directory });
    } catch (cause) {
      if (!isLanekeeperError(cause)) throw cause;
      this.#state = { kind: "refused", error: cause };
      this.#log.write("error", "storeRefused", { error: cause });
    }
    this.#tellHealth();
  }

  #homeOfCalls(): Home {
    return {
      open: () => {
        if (!this.#home || this.#isDraining) throw notReady(this.#whyNotReady());
        return this.#home;
      },
      status: () => serviceStatusForm(this),
      inFlight: this.#inFlight,
      refused: (refused) => this.meters.refusals.note(refused),
    };
  }

  #controls(): Controls {
    const { epochs, directory, keys } = this.#options;
    return { epochs, keys, log: this.#log, directory, drain: () => this.#askToDrain() };
  }

  #surroundings(listener: Listener): Surroundings {
    const isOpen = listener.kind === "unix" || listener.isOpen;
    const list = this.#options.access ?? (() => undefined);
    const door = new Door(list, isOpen, () => performance.now());
    return {
      meters: this.meters,
      ending: this.#ending.signal,
      admit: (papers, allowed) => door.admit(papers, allowed),
      refused: (path, from, error) => this.#callerRefused(path, from, error),
      failed: (path, caller, cause) => this.#callFailed(path, caller.name, cause),
    };
  }

  #callerRefused(path: string, from: string, { code, message }: LanekeeperError): void {
    // Of a flood the first ones have their line: the others fill no disk.
    const level = code === "OVERLOADED" ? "debug" : "warn";
    this.#log.write(level, "callerRefused", { path, from, code, message });
    const told = code === "NOT_ALLOWED" ? "PERMISSION_DENIED" : code;
    this.meters.refusals.note({ code: told, kind: "login", message });
  }

  #callFailed(path: string, caller: string, cause: unknown): void {
    if (!isLanekeeperError(cause) || cause instanceof InvariantError) {
      this.#log.write("error", "callBroke", { path, caller, stack: (cause as Error).stack });
      return;
    }
    const { code, message } = cause;
    this.#log.write("debug", "callFailed", { path, caller, code, message });
    // A caller who went away was not refused.
    if (code !== "ABORTED") this.meters.refusals.note({ code, kind: kindOfCall(path), message });
  }

  #whyNotReady(): string {
    const readiness = readinessOf(this);
    return readiness.isReady ? "the service is ending" : readiness.why;
  }

  #tellHealth(): void {
    const health = healthOf(this, this.#options.others ?? []);
    for (const listener of this.#listeners) listener.tellHealth(health);
  }
}

function notReady(why: string): PersisterError {
  return new PersisterError("NOT_READY", `the store takes no calls: ${why}`);
}
