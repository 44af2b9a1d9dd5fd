/**
 * The result that a decoder must have for any bytes. `inspect` foretells it, for framing and
 * limits, and by the second reading, for what a message must have; where both accept, the values
 * are equal, and writing and reading again changes nothing.
 *
 * protobufjs alone is no measure of the framing. It merges repeated messages and takes the last of
 * repeated numbers, where we refuse (`count`); it lets pass numbers of more than 64 bits, which we
 * refuse (`malformed`); and it refuses tags and lengths padded to six bytes and more, more than 100
 * groups in each other, and field numbers over 2^29 - 1 inside groups, which we accept. Such a
 * message it is given once more, with plain framing and without its unknown fields.
 */
import { DecodeError, type DecodeReason } from "../../../src/wire/codec/decode-error.js";
import { difference, readMessage, type SecondReading } from "./messages/reading.js";
import type { Decoded, Subject } from "./messages/subjects.js";
import { inspect, readTree, TreeWriter, type Verdict } from "./messages/tree.js";

export interface Judgement {
  readonly outcome: "accepted" | DecodeReason;
  /** The fault of the decoder. */
  readonly complaint: string | undefined;
  /** protobufjs read it only with plain framing. */
  readonly isReframed: boolean;
}

type Attempt = { readonly decoded: Decoded } | { readonly error: DecodeError };

const reframer = new TreeWriter();

export function judge(subject: Subject, bytes: Uint8Array): Judgement {
  const verdict = inspect(bytes, subject.shape);
  const plain = decodePlain(subject, bytes);
  const isSound = framingFault(verdict) === undefined;
  const isReframed = isSound && plain === undefined;
  let attempt: Attempt;
  try {
    attempt = attemptOf(subject, bytes);
  } catch (error) {
    return { outcome: "malformed", complaint: `throws ${String(error)}`, isReframed };
  }
  const outcome = "error" in attempt ? attempt.error.reason : "accepted";
  const complaint = isSound
    ? complaintOfSound(subject, bytes, { attempt, verdict, plain })
    : complaintOfUnsound(subject, bytes, { attempt, verdict, plain });
  return { outcome, complaint, isReframed };
}

function attemptOf(subject: Subject, bytes: Uint8Array): Attempt {
  try {
    return { decoded: subject.decode(bytes) };
  } catch (error) {
    if (error instanceof DecodeError) return { error };
    throw error;
  }
}

/** The value that protobufjs reads, or undefined if it refuses. */
function decodePlain(subject: Subject, bytes: Uint8Array): object | undefined {
  try {
    return subject.shape.type.decode(bytes);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** The value that protobufjs reads in the same message with plain framing. */
function decodeReframed({ shape }: Subject, bytes: Uint8Array): object {
  return shape.type.decode(reframer.write(readTree(bytes, shape)));
}

/** The reason for which the scan must refuse. */
function framingFault({ limit, fault, hasBadNumber }: Verdict): DecodeReason | undefined {
  if (limit !== undefined) return limit;
  if (fault !== undefined) return "malformed";
  return hasBadNumber ? "field_number" : undefined;
}

interface Evidence {
  readonly attempt: Attempt;
  readonly verdict: Verdict;
  readonly plain: object | undefined;
}

function complaintOfUnsound(
  subject: Subject,
  bytes: Uint8Array,
  { attempt, verdict, plain }: Evidence,
): string | undefined {
  const expected = framingFault(verdict);
  if (!("error" in attempt)) return `accepts what has the fault ${expected}`;
  const { error } = attempt;
  if (error.reason !== expected) return `refuses for ${error.reason}, not ${expected}`;
  const isRefusedByAll = verdict.limit === undefined && verdict.fault !== "number";
  if (isRefusedByAll && plain !== undefined) return "protobufjs reads what is no message";
  return complaintOfError(subject, bytes, error);
}

function complaintOfError(
  { shape }: Subject,
  bytes: Uint8Array,
  { path, offset, message }: DecodeError,
): string | undefined {
  if (path !== shape.name && !path.startsWith(`${shape.name}.`)) return `names the path ${path}`;
  if (!Number.isInteger(offset) || offset < 0 || offset > bytes.length) {
    return `names the offset ${offset}`;
  }
  return message.includes(path) && message.includes(String(offset)) ? undefined : "hides the place";
}

function complaintOfSound(
  subject: Subject,
  bytes: Uint8Array,
  { attempt, verdict, plain }: Evidence,
): string | undefined {
  if (plain === undefined && !verdict.hasOddity) return "protobufjs refuses what is sound";
  const message = plain ?? decodeReframed(subject, bytes);
  const second = readMessage(subject.reading, subject.shape, message);
  if ("decoded" in attempt) return complaintOfValue(subject, attempt.decoded, second);
  const { error } = attempt;
  if (!second.faults.has(`${error.path} ${error.reason}`)) {
    const faults = [...second.faults].join(", ");
    return `refuses for ${error.path} ${error.reason}, but the faults are: ${faults}`;
  }
  return complaintOfError(subject, bytes, error);
}

function complaintOfValue(
  subject: Subject,
  decoded: Decoded,
  second: SecondReading,
): string | undefined {
  if (second.faults.size > 0) return `accepts what has the faults ${[...second.faults].join(", ")}`;
  const other = difference(decoded.value, second.value);
  if (other !== undefined) return `reads another value than protobufjs at ${other}`;
  const canonical = decoded.encode();
  const again = subject.decodeAgain(canonical);
  const moved = difference(again.value, decoded.settled?.() ?? decoded.value);
  if (moved !== undefined) return `does not read back what it wrote at ${moved}`;
  const same = Buffer.compare(again.encode(), canonical) === 0;
  return same ? undefined : "does not write the same bytes again";
}
