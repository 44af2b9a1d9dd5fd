/**
 * The meaning of a reply of object storage, as a table: the first row that fits decides. Servers differ in
 * their words, so that a status without a known word is judged by itself.
 */
import type { HttpReply } from "./send.js";

/** The next step behind a reply. */
export type Verdict =
  | { readonly step: "done" }
  /** There is no such object. */
  | { readonly step: "absent" }
  /** The condition of a put did not hold. */
  | { readonly step: "held" }
  | { readonly step: "again"; readonly why: string; readonly afterMs: number }
  /** The credentials have expired: ask for them anew. */
  | { readonly step: "renew"; readonly why: string }
  | { readonly step: "refused"; readonly why: string };

interface Row {
  readonly statuses: readonly number[];
  /** The word in the body; a row without it fits any. */
  readonly word?: RegExp;
  readonly step: "absent" | "held" | "again" | "renew" | "refused";
  readonly advice?: string;
}

const table: readonly Row[] = [
  { statuses: [404], word: /NoSuchBucket/, step: "refused", advice: "there is no such bucket" },
  { statuses: [404], step: "absent" },
  { statuses: [412], step: "held" },
  { statuses: [409, 429, 500, 502, 503, 504], step: "again" },
  { statuses: [400], word: /RequestTimeout|IncompleteBody|BadDigest/, step: "again" },
  { statuses: [400, 401, 403], word: /Expired|TokenRefreshRequired/, step: "renew" },
  {
    statuses: [400, 403],
    word: /RequestTimeTooSkewed/,
    step: "refused",
    advice: "the clock of this machine is wrong: set it",
  },
  {
    statuses: [400, 403],
    word: /SignatureDoesNotMatch|InvalidAccessKeyId|AuthorizationHeaderMalformed/,
    step: "refused",
    advice: "the credentials or the region are not those of the bucket",
  },
  {
    statuses: [401, 403],
    step: "refused",
    advice: "the credentials have not the right to read, to list and to create there",
  },
  {
    statuses: [301, 302, 307, 308],
    step: "refused",
    advice: "the bucket is at another endpoint: give its region, or `endpoint`",
  },
  {
    statuses: [501],
    step: "refused",
    advice: "the server does not know a header of ours: say `checksum=none` in the address",
  },
];

export function verdictOf({ status, headers, body }: HttpReply): Verdict {
  if (status >= 200 && status < 300) return { step: "done" };
  const text = body.subarray(0, 4096).toString("utf8");
  const row = table.find(({ statuses, word }) => {
    return statuses.includes(status) && (word === undefined || word.test(text));
  });
  const why = reasonIn(status, text);
  switch (row?.step) {
    case "absent":
    case "held":
      return { step: row.step };
    case "again":
      return { step: "again", why, afterMs: retryAfterMs(headers["retry-after"]) };
    case "renew":
      return { step: "renew", why };
    case "refused":
    case undefined: {
      const advice = row?.advice ?? "see the words of the server";
      return { step: "refused", why: `${why} (${advice})` };
    }
  }
}

function reasonIn(status: number, text: string): string {
  const part = (name: string): string | undefined => {
    return new RegExp(`<${name}>([^<]{1,200})</${name}>`).exec(text)?.[1];
  };
  const words = [part("Code"), part("Message")].filter((word) => word !== undefined);
  return words.length === 0 ? `status ${status}` : `status ${status}, ${words.join(": ")}`;
}

/** Seconds, or a date; 0 where it is neither. */
function retryAfterMs(text: string | undefined): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms > 0 ? ms : 0;
}
