/**
 * The thing that a command looks at: the files of a store, or a running service. A directory whose service answers
 * on its socket is asked through that service, since the service knows what is durable.
 */
import { stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Command } from "commander";
import { SOCKET_FILE } from "../../../journal/form/store.js";
import { PersisterError } from "../../../types/errors.js";
import { placeOf } from "../../store/places.js";

export type Target =
  | { readonly kind: "files"; readonly directory: string }
  /** `unix:PATH`, or `HOST:PORT`. */
  | { readonly kind: "service"; readonly address: string };

/** The papers with which a service is asked, each in a file. */
export interface Papers {
  readonly token?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Adds the argument that names a store or a service, and the options with which a service is asked. */
export function withTarget(command: Command): Command {
  return command
    .argument("<store>", "a state directory, the socket of a service, or its HOST:PORT")
    .option("--files", "read the files of the directory, though a service answers")
    .option("--token <file>", "the token with which the service is asked")
    .option("--tls-ca <file>", "the authority of the service's certificate")
    .option("--tls-cert <file>", "a certificate of one's own, where the service wants one")
    .option("--tls-key <file>", "the key of that certificate");
}

/** The target that `named` names. @throws {PersisterError} USAGE, NOT_A_STORE. */
export async function targetOf(named: string, isOfFiles: boolean): Promise<Target> {
  if (named === "") throw new PersisterError("USAGE", "the store must have a name");
  if (named.startsWith("unix:")) return { kind: "service", address: named };
  const found = await stat(named).catch(() => undefined);
  if (found?.isSocket()) return { kind: "service", address: `unix:${named}` };
  if (!found && /^[^/]+:\d{1,5}$/.test(named)) return { kind: "service", address: named };
  const directory = await placeOf(named);
  const socket = join(directory, SOCKET_FILE);
  if (!isOfFiles && (await answers(socket))) return { kind: "service", address: `unix:${socket}` };
  return { kind: "files", directory };
}

/** Whether somebody listens on the socket at `path`. */
async function answers(path: string): Promise<boolean> {
  const isSocket = (await stat(path).catch(() => undefined))?.isSocket() === true;
  if (!isSocket) return false;
  return await new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}
