/**
 * The end of a call that failed, as an error of ours, and whether another connection may do better.
 *
 * Every failure of a service of ours says its code in the details of the status. A failure without them is
 * one of the way between: the socket is gone, a proxy answers, another program listens there.
 */
import { Metadata, status } from "@grpc/grpc-js";
import { errorOfDetails } from "../../rpc/failures.js";
import { type ErrorCode, errorCodes, PersisterError } from "../../types/errors.js";

export interface CallFailure {
  readonly error: PersisterError;
  /** The same call on a new connection may succeed. */
  readonly mayRetry: boolean;
}

/** The meaning of a status without details: none of them says anything of the store. */
const outside: ReadonlyMap<number, { readonly code: ErrorCode; readonly mayRetry: boolean }> =
  new Map([
    [status.CANCELLED, { code: "UNREACHABLE", mayRetry: true }],
    [status.UNKNOWN, { code: "UNREACHABLE", mayRetry: true }],
    [status.DEADLINE_EXCEEDED, { code: "UNREACHABLE", mayRetry: true }],
    [status.INTERNAL, { code: "UNREACHABLE", mayRetry: true }],
    [status.UNAVAILABLE, { code: "UNREACHABLE", mayRetry: true }],
    [status.RESOURCE_EXHAUSTED, { code: "OVERLOADED", mayRetry: true }],
    [status.UNAUTHENTICATED, { code: "UNAUTHENTICATED", mayRetry: false }],
    [status.PERMISSION_DENIED, { code: "UNAUTHENTICATED", mayRetry: false }],
  ]);

const DETAILS = "grpc-status-details-bin";

export function callFailure(cause: unknown, address: string): CallFailure {
  const { code, details, metadata } = cause as {
    readonly code?: unknown;
    readonly details?: unknown;
    readonly metadata?: unknown;
  };
  const [told] = metadata instanceof Metadata ? metadata.get(DETAILS) : [];
  const error = told instanceof Uint8Array ? errorOfDetails(told) : undefined;
  if (error) return { error, mayRetry: errorCodes[error.code].status === "UNAVAILABLE" };
  const why = typeof details === "string" && details !== "" ? details : String(cause);
  const known = typeof code === "number" ? outside.get(code) : undefined;
  const { code: ours, mayRetry } = known ?? { code: "UNREACHABLE", mayRetry: false };
  return { error: new PersisterError(ours, `${address}: ${why}`, { cause }), mayRetry };
}
