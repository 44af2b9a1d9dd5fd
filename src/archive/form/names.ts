/**
 * Names of objects in a bucket:
 *
 * ```
 * CHAIN/road/FIRST-NEXT                commit QCs of the road indexes [FIRST, NEXT)
 * CHAIN/lane/LANE/FIRST-NEXT           blocks of the numbers [FIRST, NEXT)
 * CHAIN/road/chain/ORDINAL             the links of a log, from 0 on
 * CHAIN/lane/LANE/chain/ORDINAL
 * CHAIN/.../receipt/ORDINAL            the hash of a link that was there
 * CHAIN/.../conflict/FIRST-NEXT-SHA    evidence: records that differ from those that are archived
 * ```
 *
 * Numbers have leading zeros, so that a list is in their order.
 */
import { hex } from "../../codec/hex.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { ROAD } from "../../persist/kinds.js";

/** A log that is archived: the road, or a lane under its own name. */
export type ArchivedLog = "road" | LaneId;

const NUMBER_DIGITS = 20;
const ORDINAL_DIGITS = 10;

/**
 * A chain id as the first part of names: letters that names do not have, and a dot at its begin, are
 * written as "_" and two hex digits. No two ids become the same.
 */
export function chainPart(chainId: string): string {
  return chainId.replace(/[^a-z0-9.-]|^\./g, (letter) => {
    return `_${letter.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** The prefix of every name of a log, without a slash at its end. */
export function logFolder(chainId: string, log: ArchivedLog): string {
  const chain = chainPart(chainId);
  return log === ROAD ? `${chain}/road` : `${chain}/lane/${log}`;
}

export function objectName(folder: string, first: bigint, next: bigint): string {
  return `${folder}/${padded(first)}-${padded(next)}`;
}

export function linkName(folder: string, ordinal: number): string {
  return `${folder}/chain/${String(ordinal).padStart(ORDINAL_DIGITS, "0")}`;
}

/** The name of the receipt of a link. */
export function receiptName(folder: string, ordinal: number): string {
  return `${folder}/receipt/${String(ordinal).padStart(ORDINAL_DIGITS, "0")}`;
}

/** The name of evidence: `sha256` is that of the object. */
export function conflictName(
  folder: string,
  { first, next }: { readonly first: bigint; readonly next: bigint },
  sha256: Uint8Array,
): string {
  return `${folder}/conflict/${padded(first)}-${padded(next)}-${hex(sha256).slice(0, 16)}`;
}

/** The range in the name of an object; `undefined` for another name. */
export function rangeInName(name: string): { first: bigint; next: bigint } | undefined {
  const [, first, next] = /\/(\d{20})-(\d{20})$/.exec(name) ?? [];
  if (first === undefined || next === undefined) return undefined;
  return { first: BigInt(first), next: BigInt(next) };
}

/** The log in a name, as far as it has one. */
export function logInName(chainId: string, name: string): ArchivedLog | undefined {
  const [chain, kind, lane] = name.split("/");
  if (chain !== chainPart(chainId)) return undefined;
  if (kind === "road") return ROAD;
  return kind === "lane" && isLaneId(lane) ? lane : undefined;
}

function padded(number: bigint): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}
