/**
 * JSON that a command prints: one document, with its version, and numbers of 64 bits as strings.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { errorCodes } from "../../types/error-codes.js";
import { LanekeeperError } from "../../types/lanekeeper-error.js";

/** The version of the documents. It rises when a member changes its meaning or goes. */
const JSON_VERSION = 1;

/** `value` as JSON. A bigint becomes a decimal string. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    return typeof each === "bigint" ? each.toString() : each;
  });
}

/** Writes a whole document. */
export async function writeDocument(stream: Writable, members: object): Promise<void> {
  await put(stream, `${jsonOf({ version: JSON_VERSION, ...members })}\n`);
}

/** A document that begins with a list, written as its items come, and ends with other members. */
export class ListDocument {
  readonly #stream: Writable;
  readonly #name: string;
  #begun = false;

  constructor(stream: Writable, name: string) {
    this.#stream = stream;
    this.#name = name;
  }

  async item(value: object): Promise<void> {
    await put(this.#stream, `${this.#begun ? "," : this.#begin()}${jsonOf(value)}`);
  }

  async end(members: object): Promise<void> {
    const rest = jsonOf(members).slice(1);
    await put(this.#stream, `${this.#begun ? "" : this.#begin()}],${rest}\n`);
  }

  /**
   * Ends the document, where it has begun, with the error that stopped the command. Throws in any
   * case.
   *
   * @throws {ToldError} where the document has told `cause`; else `cause` itself.
   */
  async failed(cause: unknown): Promise<never> {
    if (!this.#begun || !(cause instanceof LanekeeperError)) throw cause;
    await this.end(refusalMembers(cause));
    throw new ToldError(cause);
  }

  #begin(): string {
    this.#begun = true;
    return `{"version":${JSON_VERSION},${JSON.stringify(this.#name)}:[`;
  }
}

/** An error that the document tells already, in which the command was stopped by it. */
export class ToldError extends Error {
  override readonly cause: LanekeeperError;

  constructor(cause: LanekeeperError) {
    super(cause.message);
    this.cause = cause;
  }
}

/** The members of a document that tell the error with which a command was refused. */
export function refusalMembers(error: LanekeeperError): object {
  return { ok: false, exitCode: errorCodes[error.code].exit, error };
}

/** Writes `text` and waits until the stream takes more. */
export async function put(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}
