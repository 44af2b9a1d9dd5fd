/**
 * Credentials of object storage: from the environment, from the file that other tools share, or from a
 * function. They are asked for again shortly before they end, and when a server calls them expired.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { PersisterError } from "../../types/errors.js";
import type { Environment } from "./address.js";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end; left out where they do not. */
  readonly expiresAt?: Date | undefined;
}

/**
 * The source of credentials:
 * - `"environment"`: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
 * - `file`: a file of profiles, as `~/.aws/credentials` is one;
 * - a function, as of a service that lends them.
 */
export type CredentialSource =
  | "environment"
  | { readonly file: string; readonly profile?: string | undefined }
  | (() => Credentials | Promise<Credentials>);

/** Credentials that end so soon are asked for anew. */
const EARLY_MS = 60_000;

export class CredentialKeeper {
  readonly #source: CredentialSource;
  readonly #environment: Environment;
  #held: Credentials | undefined;

  /** Without `source`: the environment where it has any, else the shared file. */
  constructor(source: CredentialSource | undefined, environment: Environment) {
    this.#environment = environment;
    this.#source = source ?? sourceIn(environment);
  }

  /** @throws {PersisterError} BUCKET_REFUSED where the source has none; CALLBACK_FAILED. */
  async current(): Promise<Credentials> {
    const held = this.#held;
    const endsMs = held?.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    if (held && endsMs - Date.now() > EARLY_MS) return held;
    this.#held = await this.#read();
    return this.#held;
  }

  /** The server calls these expired: the next call reads them anew. */
  forget(): void {
    this.#held = undefined;
  }

  async #read(): Promise<Credentials> {
    if (this.#source === "environment") return inEnvironment(this.#environment);
    if (typeof this.#source !== "function") return await inFile(this.#source);
    try {
      return await this.#source();
    } catch (cause) {
      const text = "the function that gives credentials threw";
      throw new PersisterError("CALLBACK_FAILED", text, { cause });
    }
  }
}

function sourceIn(environment: Environment): CredentialSource {
  if (environment["AWS_ACCESS_KEY_ID"] !== undefined) return "environment";
  return {
    file: environment["AWS_SHARED_CREDENTIALS_FILE"] ?? join(homedir(), ".aws", "credentials"),
    profile: environment["AWS_PROFILE"],
  };
}

function inEnvironment(environment: Environment): Credentials {
  return complete("the environment", {
    aws_access_key_id: environment["AWS_ACCESS_KEY_ID"],
    aws_secret_access_key: environment["AWS_SECRET_ACCESS_KEY"],
    aws_session_token: environment["AWS_SESSION_TOKEN"],
  });
}

async function inFile(source: {
  readonly file: string;
  readonly profile?: string | undefined;
}): Promise<Credentials> {
  const { file, profile = "default" } = source;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw refused(
      `no credentials: the environment has no AWS_ACCESS_KEY_ID, and ${file} cannot be read`,
      cause,
    );
  }
  return complete(`profile ${profile} of ${file}`, fieldsOf(text, profile));
}

/** The fields of one profile. */
function fieldsOf(text: string, profile: string): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  let isMeant = false;
  for (const line of text.split(/\r?\n/)) {
    const [, heading] = /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]/.exec(line) ?? [];
    if (heading !== undefined) isMeant = heading === profile;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/i.exec(line) ?? [];
    if (isMeant && name !== undefined && value !== undefined) fields[name.toLowerCase()] = value;
  }
  return fields;
}

function complete(from: string, fields: Readonly<Record<string, string | undefined>>): Credentials {
  const accessKeyId = fields["aws_access_key_id"];
  const secretAccessKey = fields["aws_secret_access_key"];
  if (!accessKeyId || !secretAccessKey) {
    throw refused(`${from} has no access key id, or no secret access key`);
  }
  const sessionToken = fields["aws_session_token"];
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function refused(text: string, cause?: unknown): PersisterError {
  return new PersisterError("BUCKET_REFUSED", text, cause === undefined ? {} : { cause });
}
