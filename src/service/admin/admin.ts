/**
 * The operator's side of a service, over HTTP: metrics, health, and the page with its events. It changes
 * nothing in the store. It begins before the store opens, so that a store that is refused can be seen.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PersisterError } from "../../types/errors.js";
import type { Meters } from "../metrics/meters.js";
import type { Observed } from "../observed.js";
import type { Look } from "../page/look.js";
import { Access, type AccessOptions } from "./access.js";
import { PAGE_DIRECTORY, readAssets } from "./assets.js";
import { EventStream } from "./event-stream.js";
import { History } from "./history.js";
import { lookOf } from "./look-of.js";
import { Releases } from "./releases.js";
import { answer, type Refused } from "./routes.js";

/** Connections at once; pages and scrapes need few. */
const CONNECTIONS_MAX = 64;
const HEADERS_BYTES_MAX = 8 * 1024;

/** A request has so long to come whole, and a connection without one stays so long. */
const REQUEST_MS = 10_000;
const IDLE_MS = 30_000;

/** Gets each failure of the admin listener, and each caller who was refused. */
export type AdminLog = (
  level: "warn" | "error",
  event: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

export interface AdminOptions extends AccessOptions {
  readonly observed: Observed;
  readonly meters: Meters;
  readonly listen: { readonly host: string; readonly port: number };
  readonly log: AdminLog;
  /** The page's files; where the build puts them, if it is left out. */
  readonly pageDirectory?: string;
}

/** A running admin listener. */
export interface Admin {
  /** With the port that was bound, where 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens. Resolved when requests are answered.
 *
 * @throws {PersisterError} USAGE if the address cannot be listened on.
 */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { observed, meters, listen, log, pageDirectory = PAGE_DIRECTORY } = options;
  const startedAtMs = Date.now();
  const assets = await readAssets(pageDirectory);
  const failed = (cause: unknown): void => log("error", "adminFailed", { cause: String(cause) });
  const history = new History(observed, meters, failed);
  // The first page finds a sample, and the space of the disk.
  await history.take();
  const releases = new Releases(observed);
  const look = async (): Promise<Look> => {
    return lookOf({ observed, meters, history, startedAtMs, releases: await releases.newest() });
  };
  const events = new EventStream({ look, samples: () => history.samples, failed });
  history.onSample = (sample) => events.sample(sample);
  const access = new Access(options);
  const refused: Refused = ({ code, message }, path, from) => {
    meters.refusals.note({ code, kind: "login", message });
    // Of a flood the first ones have their line: the others fill no disk.
    if (code !== "OVERLOADED") log("warn", "callerRefused", { path, from, code, message });
  };
  const server = createServer(
    { maxHeaderSize: HEADERS_BYTES_MAX, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      const parts = { observed, meters, access, refused, assets, events, look };
      answer(parts, request, response).catch((cause: unknown) => {
        failed(cause);
        response.destroy();
      });
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(IDLE_MS);
  try {
    await listening(server, listen);
  } catch (cause) {
    history.close();
    throw cause;
  }
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: listen.host, port },
    close: async () => {
      history.close();
      events.close();
      await closed(server);
    },
  };
}

async function listening(server: Server, { host, port }: AdminOptions["listen"]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const advice = "choose another address, or end the program that has this one";
      const text = `admin: cannot listen on ${host}:${port}: ${cause.message}; ${advice}`;
      reject(new PersisterError("USAGE", text, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
