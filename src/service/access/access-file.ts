/**
 * The file of those who may call over TCP, one a line:
 *
 * ```
 * # kind      name         roles             secret
 * token       validator-3  writer            3f0c...  (32 characters at least)
 * token       prometheus   metrics           9be1...
 * certificate ops-1        operator,reader            (the common name of its subject)
 * ```
 *
 * Secrets are kept as SHA-256 and compared in constant time. The file must be its owner's alone. Credentials
 * of systemd are its user's alone by a list of rights, for which the mode shows those of the group: what it
 * hands over in $CREDENTIALS_DIRECTORY is only not to be for everybody.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { PersisterError } from "../../types/errors.js";
import { type Caller, type Role, roles } from "./caller.js";

const SECRET_CHARS_MIN = 32;
const ALL_BUT_OWNER = 0o077;
const EVERYBODY = 0o007;
const name = /^[\w.@-]{1,64}$/;

interface Token {
  readonly digest: Buffer;
  readonly caller: Caller;
}

export class AccessList {
  readonly #tokens: readonly Token[];
  readonly #certificates: ReadonlyMap<string, Caller>;

  constructor(tokens: readonly Token[], certificates: ReadonlyMap<string, Caller>) {
    this.#tokens = tokens;
    this.#certificates = certificates;
  }

  /** The caller with this token. Every token is compared, whichever is right. */
  byToken(given: string): Caller | undefined {
    const digest = digestOf(given);
    let found: Caller | undefined;
    for (const token of this.#tokens) {
      if (timingSafeEqual(token.digest, digest)) found = token.caller;
    }
    return found;
  }

  /** The caller with a verified certificate of this common name. */
  byCertificate(commonName: string): Caller | undefined {
    return this.#certificates.get(commonName);
  }
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** @throws {PersisterError} USAGE naming the file and the line; no secret is in the message. */
export async function readAccessList(
  file: string,
  credentials = process.env["CREDENTIALS_DIRECTORY"],
): Promise<AccessList> {
  let text: string;
  try {
    const { mode } = await stat(file);
    const isHandedOver =
      credentials !== undefined && dirname(resolve(file)) === resolve(credentials);
    if ((mode & (isHandedOver ? EVERYBODY : ALL_BUT_OWNER)) !== 0)
      throw refused(file, "others than its owner can read it: chmod 600");
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof PersisterError) throw cause;
    throw new PersisterError("USAGE", `${file} cannot be read`, { file, cause });
  }
  return parseAccessList(file, text);
}

/** @throws {PersisterError} USAGE naming the line. */
export function parseAccessList(file: string, text: string): AccessList {
  const tokens: Token[] = [];
  const certificates = new Map<string, Caller>();
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]?.startsWith("#")) continue;
    const [kind, who, wanted, secret, ...rest] = words;
    const place = `line ${at + 1}`;
    if (rest.length > 0) throw refused(file, `${place} has too many words`);
    const caller = { name: nameOf(file, place, who), roles: rolesOf(file, place, wanted) };
    if (kind === "certificate" && secret === undefined) certificates.set(caller.name, caller);
    else if (kind === "token" && secret !== undefined) {
      if (secret.length < SECRET_CHARS_MIN) {
        throw refused(file, `${place}: a secret has ${SECRET_CHARS_MIN} characters at least`);
      }
      tokens.push({ digest: digestOf(secret), caller });
    } else
      throw refused(
        file,
        `${place} is neither "token NAME ROLES SECRET" nor "certificate NAME ROLES"`,
      );
  }
  return new AccessList(tokens, certificates);
}

function nameOf(file: string, place: string, who: string | undefined): string {
  if (who !== undefined && name.test(who)) return who;
  throw refused(file, `${place}: a name has 1 to 64 of A-Z a-z 0-9 _ . @ -`);
}

function rolesOf(file: string, place: string, wanted = ""): ReadonlySet<Role> {
  const found = wanted.split(",").map((word) => roles.find((role) => role === word));
  if (found.length > 0 && !found.includes(undefined)) {
    return new Set(found.filter((role) => role !== undefined));
  }
  throw refused(file, `${place}: roles are some of ${roles.join(",")}`);
}

function refused(file: string, why: string): PersisterError {
  return new PersisterError("USAGE", `${file}: ${why}`, { file });
}
