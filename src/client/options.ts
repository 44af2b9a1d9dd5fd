/** The options of a client, checked once, with every default and its reason in one table. */
import { z } from "zod";
import { checkChoices } from "../types/choices.js";

const defaults = {
  /** Longer than a service takes to start again, and to recover. */
  reachMs: 60_000,
} as const;

/** Keys for a connection over TLS: each the text of a PEM file. */
export interface TlsChoices {
  /** The authority that signed the service's certificate; those that Node knows if it is left out. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and its key, where the service asks for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name in the service's certificate, if that is not the host of the address. */
  readonly serverName?: string;
}

export interface ConnectChoices {
  /**
   * The name of the writer, put on record in the store: 1 to 128 printable ASCII characters. A client
   * without it reads and waits; every push is refused.
   */
  readonly writer?: string;
  /** Takes the store from the writer that has it: everything of that one fails from then on. */
  readonly takeOver?: boolean;
  readonly tls?: TlsChoices;
  /** The token of this client's role. */
  readonly token?: string;
  /**
   * How long, in milliseconds, the service may be away, at the begin and later, before the client gives up
   * with UNREACHABLE.
   *
   * @defaultValue 60,000
   */
  readonly reachMs?: number;
  /** Ends the attempt to connect with ABORTED; of no meaning later. */
  readonly signal?: AbortSignal;
}

const pem = z.union([z.string().min(1), z.instanceof(Uint8Array)]);

const schema = z.strictObject({
  writer: z
    .string()
    .regex(/^[\x20-\x7e]{1,128}$/, "1 to 128 printable ASCII characters")
    .optional(),
  takeOver: z.boolean().default(false),
  tls: z
    .strictObject({
      ca: pem.optional(),
      cert: pem.optional(),
      key: pem.optional(),
      serverName: z.string().min(1).optional(),
    })
    .refine(
      ({ cert, key }) => (cert === undefined) === (key === undefined),
      "cert and key belong together",
    )
    .optional(),
  token: z.string().min(1).optional(),
  reachMs: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(defaults.reachMs),
  signal: z.instanceof(AbortSignal).optional(),
});

export type ClientSettings = z.output<typeof schema>;

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkConnect(choices: ConnectChoices): ClientSettings {
  return checkChoices(schema, choices);
}
