/** One look at a store: the same facts, from its files or from the service that runs it. */
import { exitCodeOf, worstOf } from "../../../inspect/finding.js";
import { ROAD } from "../../../persist/kinds.js";
import type { ErrorCode } from "../../../types/errors.js";
import { isLaneId } from "../../../types/lane.js";
import type { ArchiveView } from "./archive.js";
import type { ReservationsView } from "./reservations.js";
import type { GuardsView } from "./guards.js";
import type { Papers } from "./target.js";

export interface Span {
  readonly first: bigint;
  readonly next: bigint;
}

/** A lane, the road, or the log of a journal. */
export interface LogView extends Span {
  readonly name: string;
  /** The first number that is not durable; files alone do not tell. */
  readonly durable?: bigint;
  /** The pruned records that can still be read. */
  readonly retained?: Span;
  /** Why the lane goes no further. */
  readonly refused?: string;
}

export interface PinView {
  readonly lane: string;
  readonly number: bigint;
  readonly headerHash: string;
}

export interface SegmentsView {
  readonly state: string;
  readonly slots: number;
  readonly bytes: number;
}

/** A file that could not be read: nothing is known of what it holds. */
export interface UnreadView {
  readonly file: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface ServiceView {
  readonly address: string;
  readonly version: string;
  readonly startedMs: number;
  readonly writer: string;
  readonly writerPresent: boolean;
  readonly fence: bigint;
}

export interface StoreView {
  readonly directory: string;
  readonly chainId: string | undefined;
  readonly storeId: string | undefined;
  /** The state, in words. */
  readonly state: string;
  /** The error for which the store does not work, if there is one. */
  readonly code: ErrorCode | undefined;
  readonly logs: readonly LogView[];
  readonly anchorRoadIndex: bigint | undefined;
  readonly pins: readonly PinView[];
  /** Of a store that was restored. */
  readonly guards: GuardsView | undefined;
  /** Of a service that archives; files alone do not tell. */
  readonly archive: ArchiveView | undefined;
  /** Of a service whose validator has another machine. */
  readonly reservations: ReservationsView | undefined;
  readonly segments: readonly SegmentsView[];
  /** Of files: a service has read all of its own. */
  readonly unread: readonly UnreadView[];
  readonly service: ServiceView | undefined;
}

export interface LookChoices extends Papers {
  readonly key?: readonly string[];
}

/** The worst that kept a file from being read, and what a command says of it in its document. */
export function worstUnread(unread: readonly UnreadView[]): ErrorCode | undefined {
  return worstOf(new Set(unread.map(({ code }) => code)));
}

export function unreadOutcome(unread: readonly UnreadView[]): {
  readonly ok: boolean;
  readonly exitCode: number;
} {
  const exitCode = exitCodeOf(worstUnread(unread));
  return { ok: exitCode === 0, exitCode };
}

export function lanesOf({ logs }: Pick<StoreView, "logs">): readonly LogView[] {
  return logs.filter(({ name }) => isLaneId(name));
}

export function roadOf({ logs }: Pick<StoreView, "logs">): LogView | undefined {
  return logs.find(({ name }) => name === ROAD);
}

/** The members of a document that tell of the whole store. */
export function viewJson({ logs, code, ...view }: StoreView): object {
  return {
    ok: code === undefined,
    exitCode: exitCodeOf(code),
    code: code ?? null,
    ...view,
    chainId: view.chainId ?? null,
    storeId: view.storeId ?? null,
    anchorRoadIndex: view.anchorRoadIndex ?? null,
    guards: view.guards ?? null,
    archive: view.archive ?? null,
    reservations: view.reservations ?? null,
    service: view.service ?? null,
    lanes: lanesOf({ logs }),
    road: roadOf({ logs }) ?? null,
  };
}
