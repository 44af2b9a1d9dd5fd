/** A running service that a command asks. It alone loads the gRPC library: commands import it when they need it. */
import { readFile } from "node:fs/promises";
import { callFailure } from "../../../client/link/failures.js";
import { type Answered, type Asked, Link, type Named } from "../../../client/link/link.js";
import { targetOf } from "../../../client/link/target.js";
import { checkConnect } from "../../../client/options.js";
import { throwIfAborted, whenAborted } from "../../../async/signal.js";
import type { Service } from "../../../rpc/method.js";
import { PersisterError } from "../../../types/errors.js";
import type { Papers } from "./target.js";

/** A service that does not answer a look within this time is not well. */
const ANSWER_MS = 10_000;

export class AskedService {
  readonly address: string;
  readonly #link: Link;
  readonly #stop: AbortSignal;

  private constructor(address: string, link: Link, stop: AbortSignal) {
    this.address = address;
    this.#link = link;
    this.#stop = stop;
  }

  /** @throws {PersisterError} USAGE where the address or a file of the papers cannot be used. */
  static async at(address: string, papers: Papers, stop: AbortSignal): Promise<AskedService> {
    const [token, ca, cert, key] = await Promise.all(
      [papers.token, papers.tlsCa, papers.tlsCert, papers.tlsKey].map(textOf),
    );
    const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    const tls = Object.keys(given).length === 0 ? {} : { tls: given };
    const settings = checkConnect({ ...tls, ...(token && { token: token.trim() }) });
    return new AskedService(address, new Link(targetOf(address, settings)), stop);
  }

  /** One answer. @throws {PersisterError} as the service says; UNREACHABLE; ABORTED. */
  async ask<S extends Service, N extends Named<S, "unary">>(
    service: S,
    name: N,
    request: Asked<S, N>,
  ): Promise<Answered<S, N>> {
    const options = { deadline: Date.now() + ANSWER_MS, signal: this.#stop };
    try {
      return await this.#link.unary(service, name, request, options);
    } catch (cause) {
      throw this.#told(cause);
    }
  }

  /** Answers as they come. A reader that stops early ends the call. */
  async *follow<S extends Service, N extends Named<S, "serverStream">>(
    service: S,
    name: N,
    request: Asked<S, N>,
  ): AsyncGenerator<Answered<S, N>> {
    const call = this.#link.serverStream(service, name, request);
    const takeBack = whenAborted(this.#stop, () => call.cancel());
    try {
      for await (const answer of call) yield answer as Answered<S, N>;
    } catch (cause) {
      throw this.#told(cause);
    } finally {
      takeBack();
      call.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#link.close();
  }

  #told(cause: unknown): Error {
    throwIfAborted(this.#stop, "the look");
    return callFailure(cause, this.address).error;
  }
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new PersisterError("USAGE", `${file} cannot be read`, { file, cause });
  }
}
