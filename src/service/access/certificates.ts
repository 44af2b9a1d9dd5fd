/**
 * The certificates of a TLS listener, which can be read anew while it runs: a pair that does not match, or
 * that cannot be read, leaves the one in use as it is. Streams that are open go on.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { experimental } from "@grpc/grpc-js";
import { PersisterError } from "../../types/errors.js";

type Provider = experimental.CertificateProvider;
type Identity = { readonly certificate: Buffer; readonly privateKey: Buffer };
type OnIdentity = Parameters<Provider["addIdentityCertificateListener"]>[0];
type OnCa = Parameters<Provider["addCaCertificateListener"]>[0];

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** The authority of client certificates; without it none is asked for. */
  readonly clientCa: string | undefined;
}

interface Loaded {
  readonly identity: Identity;
  readonly ca: Buffer | undefined;
  readonly expiresMs: number;
}

export class Certificates implements Provider {
  readonly #files: CertificateFiles;
  readonly #onIdentity = new Set<OnIdentity>();
  readonly #onCa = new Set<OnCa>();
  #loaded: Loaded;

  private constructor(files: CertificateFiles, loaded: Loaded) {
    this.#files = files;
    this.#loaded = loaded;
  }

  /** @throws {PersisterError} USAGE for files that cannot be used. */
  static async load(files: CertificateFiles): Promise<Certificates> {
    return new Certificates(files, await load(files));
  }

  /** Reads the files anew. @throws {PersisterError} USAGE, and those in use stay. */
  async reload(): Promise<void> {
    const { identity, ca } = (this.#loaded = await load(this.#files));
    for (const tell of this.#onIdentity) tell(identity);
    for (const tell of this.#onCa) tell(ca ? { caCertificate: ca } : null);
  }

  /** Clients are asked for a certificate, and one without is not let in. */
  get asksClients(): boolean {
    return this.#files.clientCa !== undefined;
  }

  /** For metrics: the file and its end. */
  get expiry(): { readonly file: string; readonly expiresMs: number } {
    return { file: basename(this.#files.certificate), expiresMs: this.#loaded.expiresMs };
  }

  addIdentityCertificateListener(listener: OnIdentity): void {
    this.#onIdentity.add(listener);
    process.nextTick(listener, this.#loaded.identity);
  }

  removeIdentityCertificateListener(listener: OnIdentity): void {
    this.#onIdentity.delete(listener);
  }

  addCaCertificateListener(listener: OnCa): void {
    this.#onCa.add(listener);
    const { ca } = this.#loaded;
    process.nextTick(listener, ca ? { caCertificate: ca } : null);
  }

  removeCaCertificateListener(listener: OnCa): void {
    this.#onCa.delete(listener);
  }
}

async function load({ certificate, key, clientCa }: CertificateFiles): Promise<Loaded> {
  const chain = await readFor("certificate", certificate);
  const privateKey = await readFor("key", key);
  const ca = clientCa === undefined ? undefined : await readFor("authority", clientCa);
  try {
    const leaf = new X509Certificate(chain);
    if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) {
      throw new PersisterError("USAGE", `${key} is not the key of ${certificate}`, { file: key });
    }
    if (ca) void new X509Certificate(ca);
    const identity = { certificate: chain, privateKey };
    return { identity, ca, expiresMs: Date.parse(leaf.validTo) };
  } catch (cause) {
    if (cause instanceof PersisterError) throw cause;
    const text = `${certificate}, ${key} or the authority is no certificate or key in PEM form`;
    throw new PersisterError("USAGE", text, { file: certificate, cause });
  }
}

async function readFor(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new PersisterError("USAGE", `the TLS ${what} ${file} cannot be read`, { file, cause });
  }
}
