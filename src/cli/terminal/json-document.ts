/** JSON that a command prints: one document, with its version, and numbers of 64 bits as strings. */
import { once } from "node:events";
import type { Writable } from "node:stream";

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

  #begin(): string {
    this.#begun = true;
    return `{"version":${JSON_VERSION},${JSON.stringify(this.#name)}:[`;
  }
}

/** Writes `text` and waits until the stream takes more. */
export async function put(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}
