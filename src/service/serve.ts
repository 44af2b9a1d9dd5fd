/**
 * The life of a served store: from its settings to its end. Signals are the caller's: `reload` reads tokens,
 * certificates, committees and keys anew, `close` drains.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { JobStore } from "../jobs/job-store.js";
import { Journal } from "../records/journal.js";
import type { ArchiveToChoices } from "../archive/writing/options.js";
import { Lanekeeper } from "../node/lanekeeper.js";
import type { KeySource } from "../keys/source.js";
import type { OpenChoices } from "../node/options.js";
import { SOCKET_FILE } from "../journal/form/store.js";
import { PersisterError } from "../types/errors.js";
import { type AccessList, readAccessList } from "./access/access-file.js";
import { type Notice, notifySystemd } from "./admin/notify.js";
import { Certificates } from "./access/certificates.js";
import { Epochs } from "./config/epochs.js";
import type { Settings } from "./config/keys.js";
import type { ServiceLog } from "./config/log.js";
import { StoreKeys } from "./config/store-keys.js";
import type { Listener } from "./grpc/door/listeners.js";
import type { Families } from "./metrics/families.js";
import { JobsMeter } from "./metrics/jobs-meter.js";
import { isInUse } from "./listen/unix-socket.js";
import { jobsServed } from "./grpc/stores/jobs.js";
import { journalServed } from "./grpc/stores/journal.js";
import { type OtherStore, Service } from "./service.js";

export interface ServeOptions {
  readonly store: string;
  readonly settings: Settings;
  readonly version: string;
  readonly log: ServiceLog;
  /** The operator's word that the store was moved, and that the original never runs again. */
  readonly moved: boolean;
}

/** A store that is served. */
export interface ServedStore {
  readonly service: Service;
  /** Each part that cannot be read anew stays as it is, and the log says why. */
  readonly reload: () => Promise<void>;
}

/**
 * Begins to serve; resolved when the store was opened or refused.
 *
 * @throws {PersisterError} USAGE where a file of the settings cannot be used, or an address not be listened
 * on; the refusal of the store, if the settings are strict or nobody could be told of it.
 */
export async function serveStore(options: ServeOptions): Promise<ServedStore> {
  const { store, settings, version, log, moved } = options;
  const { chainId, epochs, people, keys, archive } = await named(settings, log);
  const { listeners, unlisted } = await listenersOf(store, settings, people.certificates);
  const service = await Service.start({
    directory: store,
    version,
    log,
    epochs,
    listeners,
    limits: {
      messageBytes: settings["limits.message"],
      streams: settings["limits.streams"],
      connections: settings["limits.connections"],
      inFlightBytes: settings["limits.inFlight"],
    },
    access: () => people.access,
    others: await othersOf(settings, keys, log),
    keys,
    ...adminOf(settings),
    open: async (observe) => {
      const keeper = await Lanekeeper.open(store, {
        chainId,
        epochOf: epochs.epochOf,
        segmentBytes: settings.segment,
        retainBytes: settings.retain,
        cacheBytes: settings.cache,
        moved,
        observe,
        keys: keys.choices,
        archive,
        reserve: reserveOf(settings),
        log: ({ level, event, facts }) => log.write(level, event, facts),
      });
      keys.add({
        name: "keeper",
        rotateKey: (key) => keeper.rotateKey(key),
        keys: () => keeper.status().keys,
      });
      return keeper;
    },
  });
  service.meters.addProcess();
  // A store that opens is in use: without its socket its validator would look for it in vain.
  const refusal = (await service.opened()) ?? unlisted;
  const isHeard = listeners.length > 0 || service.adminAddress !== undefined;
  if (refusal && (settings.strict || !isHeard || refusal === unlisted)) {
    await service.close();
    throw refusal;
  }
  log.write("info", "serving", { targets: service.targets, admin: service.adminAddress });
  await notified("ready", log);
  return { service, reload: () => reloaded(log, [epochs, people, keys]) };
}

/**
 * Checks everything that a service is given, as far as it goes without its store: what is needed is there, and the
 * files that the settings name can be used.
 *
 * @throws {PersisterError} USAGE, KEY_REFUSED as `serveStore`.
 */
export async function checkSettings(settings: Settings, log: ServiceLog): Promise<void> {
  refuseDeaf(settings);
  const { keys } = await named(settings, log);
  keys.close();
}

interface Named {
  readonly chainId: string;
  readonly epochs: Epochs;
  readonly people: People;
  readonly keys: StoreKeys;
  readonly archive: ArchiveToChoices | undefined;
}

/** Everything that the settings name, read from its files. */
async function named(settings: Settings, log: ServiceLog): Promise<Named> {
  const chainId = needed("chainId", settings.chainId);
  const epochs = await Epochs.read(needed("committee", settings.committee));
  const people = await People.read(settings);
  const archive = await archiveOf(settings);
  return { chainId, epochs, people, archive, keys: await StoreKeys.read(settings, log) };
}

/** The reservations that the settings ask for. The validator is in a process of its own. */
function reserveOf(settings: Settings): OpenChoices["reserve"] {
  const { "reserve.at": at, "reserve.validator": key, "reserve.places": places } = settings;
  if (at === undefined || key === undefined) return undefined;
  return { at, validator: Buffer.from(key, "hex"), places, remote: true };
}

/** The archive that the settings ask for. */
async function archiveOf(settings: Settings): Promise<ArchiveToChoices | undefined> {
  const { "archive.to": to, "archive.ca": file } = settings;
  const ca = file === undefined ? undefined : await certificatesIn(file);
  if (to === undefined) return undefined;
  return {
    to,
    gate: settings["archive.gate"],
    heldBytes: settings["archive.held"],
    compress: settings["archive.compress"],
    encrypt: settings["archive.encrypt"],
    ca,
  };
}

async function certificatesIn(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new PersisterError("USAGE", `archive.ca: ${file} cannot be read`, { cause });
  }
}

/** The files about those who may call, as they were read last. */
class People {
  readonly certificates: Certificates | undefined;
  access: AccessList | undefined;
  readonly #file: string | undefined;

  private constructor(
    file: string | undefined,
    access: AccessList | undefined,
    certificates: Certificates | undefined,
  ) {
    this.#file = file;
    this.access = access;
    this.certificates = certificates;
  }

  static async read(settings: Settings): Promise<People> {
    const { access: file, "tls.certificate": certificate, "tls.key": key } = settings;
    const clientCa = settings["tls.clientCa"];
    const isTls = certificate !== undefined && key !== undefined;
    const certificates = isTls
      ? await Certificates.load({ certificate, key, clientCa })
      : undefined;
    const access = file === undefined ? undefined : await readAccessList(file);
    return new People(file, access, certificates);
  }

  async reload(): Promise<void> {
    if (this.#file !== undefined) this.access = await readAccessList(this.#file);
    await this.certificates?.reload();
  }
}

async function reloaded(
  log: ServiceLog,
  parts: readonly { readonly reload: () => Promise<void> }[],
): Promise<void> {
  let isWhole = true;
  for (const part of parts) {
    try {
      await part.reload();
    } catch (error) {
      if (!(error instanceof PersisterError)) throw error;
      isWhole = false;
      log.write("error", "reloadFailed", { error });
    }
  }
  if (isWhole) log.write("info", "reloaded");
}

interface Listeners {
  readonly listeners: readonly Listener[];
  /** Why it is not known whether the store is there, and so has no socket. The open says more of it. */
  readonly unlisted: PersisterError | undefined;
}

async function listenersOf(
  store: string,
  settings: Settings,
  certificates: Certificates | undefined,
): Promise<Listeners> {
  refuseDeaf(settings);
  const { socket, listen, insecure, access } = settings;
  const listeners: Listener[] = [];
  const isThere = socket === undefined ? await isInUse(store) : false;
  const path = socket ?? (isThere === true ? join(store, SOCKET_FILE) : "off");
  if (path !== "off") listeners.push({ kind: "unix", path });
  if (listen) {
    const isOpen = insecure && access === undefined;
    listeners.push({ kind: "tcp", address: listen, certificates, isOpen });
  }
  return { listeners, unlisted: typeof isThere === "boolean" ? undefined : isThere };
}

function refuseDeaf({ socket, listen }: Settings): void {
  if (socket !== "off" || listen) return;
  const text = 'nothing listens: the socket is "off", and there is no address';
  throw new PersisterError("USAGE", text);
}

/** A journal and jobs, where the settings name them. A refusal of either is told at once. */
async function othersOf(
  settings: Settings,
  keys: StoreKeys,
  log: ServiceLog,
): Promise<OtherStore[]> {
  const others: OtherStore[] = [];
  const journalDirectory = settings["journal.directory"];
  if (journalDirectory !== undefined) {
    const types = settings["journal.types"];
    const journal = await Journal.open(journalDirectory, { types, keys: keys.choices });
    const rotateKey = (key: KeySource): Promise<void> => journal.rotateKey(key);
    keys.add({ name: "journal", rotateKey, keys: () => journal.keys });
    const served = journalServed(journal);
    const isServing = () => journal.poison === undefined;
    others.push({ served, isServing, close: () => journal.close() });
  }
  const jobsDirectory = settings["jobs.directory"];
  if (jobsDirectory !== undefined) {
    const meter = new JobsMeter();
    const onError = (error: PersisterError, job: string): void => {
      meter.failed(job === "" ? "checkpoint" : "write");
      log.write("error", "jobFailed", { job, error });
    };
    const jobs = await JobStore.open(jobsDirectory, { keys: keys.choices, onError });
    const rotateKey = (key: KeySource): Promise<void> => jobs.rotateKey(key);
    keys.add({ name: "jobs", rotateKey, keys: () => jobs.keys });
    const served = jobsServed(jobs, meter);
    const isServing = () => jobs.poison === undefined;
    const fill = (families: Families): void => meter.fill(families, jobs);
    others.push({ served, isServing, fill, close: () => jobs.close() });
  }
  return others;
}

function adminOf({ "admin.listen": listen, "admin.hosts": hosts }: Settings) {
  return listen === "off" ? {} : { admin: { ...listen, hosts } };
}

function needed(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new PersisterError(
    "USAGE",
    `${name} is missing: set it in the file, by a variable or by a flag`,
  );
}

/** A service manager that cannot be told ends the service by itself, in time. */
async function notified(notice: Notice, log: ServiceLog): Promise<void> {
  try {
    await notifySystemd(notice, { env: process.env, pid: process.pid });
  } catch (error) {
    log.write("error", "notifyFailed", { notice, error });
  }
}
