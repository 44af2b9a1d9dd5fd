/**
 * Errors of ours as they travel: as a `Failure` inside a message, and as the details of a status
 * (google.rpc.Status with an ErrorInfo, and a RetryInfo where waiting helps).
 *
 * The bytes of a conflict do not travel: clients refuse details above a few KiB. The hash of the bytes that
 * are held does, and a read returns them.
 */
import { hex } from "../codec/hex.js";
import { createHash } from "node:crypto";
import { errorCodes, type ErrorCode } from "../types/error-codes.js";
import { isErrorCode, PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import type { LanekeeperError } from "../types/lanekeeper-error.js";
import { Malformed } from "../wire/codec/cursor.js";
import type { Failure } from "./api/types.js";
import { bytes, inner, message, repeated, text, u32 } from "./message.js";
import { Duration, fromMs } from "./times.js";

const DOMAIN = "lanekeeper";
const TYPES = "type.googleapis.com/google.rpc";
/**
 * Python refuses trailers above 16 KiB. These bytes, in base64, and a shorter message beside them, stay
 * below 8 KiB.
 */
const MESSAGE_BYTES_MAX = 2048;
const FILE_BYTES_MAX = 1024;

/** The codes that go away by themselves, or with an anchor, and how long to wait before trying again. */
const retryMs: ReadonlyMap<ErrorCode, number> = new Map([
  ["NOT_READY", 1000],
  ["DISK_FULL", 5000],
  ["ARCHIVE_BEHIND", 5000],
  ["LANE_FULL", 1000],
  ["OVERLOADED", 1000],
  ["WRITER_PRESENT", 5000],
]);

const Any = message("Any", { typeUrl: text(1), value: bytes(2) });
const Status = message("Status", {
  code: u32(1),
  message: text(2),
  details: repeated(inner(3, Any)),
});
const Entry = message("Entry", { key: text(1), value: text(2) });
const ErrorInfo = message("ErrorInfo", {
  reason: text(1),
  domain: text(2),
  metadata: repeated(inner(3, Entry)),
});
const RetryInfo = message("RetryInfo", { retryDelay: inner(1, Duration) });

type Facts = Partial<Omit<Failure, "code" | "message">>;

export function failureOf(error: LanekeeperError): Partial<Failure> {
  return {
    code: error.code,
    message: shortened(error.message, MESSAGE_BYTES_MAX),
    ...factsOf(error),
  };
}

/** The facts of an error, by the names of `Failure`. */
function factsOf(error: LanekeeperError): Facts {
  const { lane, blockNumber, roadIndex, file, offset, held } = error as Partial<PersisterError>;
  return {
    ...(isLaneId(lane) ? { lane: laneBytes(lane) } : {}),
    ...(blockNumber === undefined ? {} : { blockNumber }),
    ...(roadIndex === undefined ? {} : { roadIndex }),
    ...(file === undefined ? {} : { file: shortened(file, FILE_BYTES_MAX) }),
    ...(typeof offset === "number" ? { offset: BigInt(offset) } : {}),
    ...(held === undefined ? {} : { heldSha256: createHash("sha256").update(held).digest() }),
  };
}

/** The error that a failure tells of, with the same code and the same facts. */
export function errorOf(failure: Failure): PersisterError {
  const { blockNumber, roadIndex, file, offset } = failure;
  const lane = laneOf(failure.lane);
  return new PersisterError(codeOf(failure.code), failure.message, {
    ...(lane === undefined ? {} : { lane }),
    ...(blockNumber === undefined ? {} : { blockNumber }),
    ...(roadIndex === undefined ? {} : { roadIndex }),
    ...(file === "" ? {} : { file }),
    ...(offset === undefined ? {} : { offset: Number(offset) }),
  });
}

/** The number of each status, as gRPC has them. */
export const statusNumbers = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The status number of an error. */
export function statusNumberOf({ code }: LanekeeperError): number {
  return statusNumbers[errorCodes[code].status];
}

/** The bytes of `grpc-status-details-bin`. */
export function detailsOf(error: LanekeeperError): Uint8Array {
  const { lane, blockNumber, roadIndex, file, offset, heldSha256 } = factsOf(error);
  const facts = {
    lane: lane && hex(lane),
    block_number: blockNumber,
    road_index: roadIndex,
    file,
    offset,
    held_sha256: heldSha256 && hex(heldSha256),
  };
  const metadata = Object.entries(facts).flatMap(([key, value]) => {
    return value === undefined ? [] : [{ key, value: String(value) }];
  });
  const info = ErrorInfo.encode({ reason: error.code, domain: DOMAIN, metadata });
  const details = [{ typeUrl: `${TYPES}.ErrorInfo`, value: info }];
  const delayMs = retryMs.get(error.code);
  if (delayMs !== undefined) {
    const retry = RetryInfo.encode({ retryDelay: fromMs(delayMs) });
    details.push({ typeUrl: `${TYPES}.RetryInfo`, value: retry });
  }
  const told = shortened(error.message, MESSAGE_BYTES_MAX);
  return Status.encode({ code: statusNumberOf(error), message: told, details });
}

/** The error in the details of a status; `undefined` where they are not ours. */
export function errorOfDetails(details: Uint8Array): PersisterError | undefined {
  try {
    const status = Status.decode(details);
    const found = status.details.find(({ typeUrl }) => typeUrl === `${TYPES}.ErrorInfo`);
    const info = found && ErrorInfo.decode(found.value);
    if (info?.domain !== DOMAIN) return undefined;
    const facts = new Map(info.metadata.map(({ key, value }) => [key, value]));
    return errorOf(failureOfFacts(info.reason, status.message, facts));
  } catch (cause) {
    if (cause instanceof Malformed || cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function failureOfFacts(code: string, told: string, facts: ReadonlyMap<string, string>): Failure {
  const numberAt = (key: string): bigint | undefined => {
    const value = facts.get(key);
    return value === undefined ? undefined : BigInt(value);
  };
  return {
    code,
    message: told,
    lane: Buffer.from(facts.get("lane") ?? "", "hex"),
    blockNumber: numberAt("block_number"),
    roadIndex: numberAt("road_index"),
    file: facts.get("file") ?? "",
    offset: numberAt("offset"),
    heldSha256: Buffer.from(facts.get("held_sha256") ?? "", "hex"),
  };
}

/** A code of a newer service is one of its bugs to this client, and its own word stays in the message. */
function codeOf(code: string): ErrorCode {
  return isErrorCode(code) ? code : "INTERNAL";
}

/** A lane id as its 40 bytes. */
export function laneBytes(lane: LaneId): Uint8Array {
  return Buffer.from(lane, "hex");
}

/** The lane id of 40 bytes; `undefined` for what is none. */
export function laneOf(encoded: Uint8Array): LaneId | undefined {
  const lane = hex(encoded);
  return isLaneId(lane) ? lane : undefined;
}

/**
 * The beginning of `told`, in at most `bytesMax` bytes of UTF-8. No letter is cut in two: half of one cannot
 * be written into a header, and the library would throw.
 */
export function shortened(told: string, bytesMax: number): string {
  const encoded = Buffer.from(told, "utf8");
  if (encoded.length <= bytesMax) return encoded.toString("utf8");
  let end = bytesMax - 3;
  while (isInsideLetter(encoded[end])) end -= 1;
  return `${encoded.toString("utf8", 0, end)}...`;
}

function isInsideLetter(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}
