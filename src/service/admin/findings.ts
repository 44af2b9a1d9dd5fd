/**
 * The verdict on a service: a table of cases, the worst first. Each case says in one sentence how this
 * validator stands; the advice is that of the error's code. The first case that holds is the verdict, and
 * all others that hold are told below it. The alert rules in scripts/monitoring have the same limits.
 */
import { guardWarnings } from "../../node/signing/verdict.js";
import type { Status } from "../../node/status.js";
import { type ErrorCode, errorCodes } from "../../types/error-codes.js";
import type { LaneId } from "../../types/lane.js";
import type { Space } from "../metrics/values/space.js";
import type { StoreState } from "../observed.js";
import type { Finding, Latency, Level } from "../page/look.js";
import { archiveFindings, reservationFindings } from "./off-machine-findings.js";

/** Everything that the cases judge. */
export interface Facts {
  readonly state: StoreState;
  readonly isDraining: boolean;
  /** Of an open store. */
  readonly status: Status | undefined;
  readonly labels: ReadonlyMap<LaneId, string>;
  readonly space: Space | undefined;
  /** Of the last minute. */
  readonly flush: Latency | undefined;
  readonly certificates: readonly { readonly file: string; readonly expiresMs: number }[];
  readonly nowMs: number;
}

const DAY_MS = 24 * 3600 * 1000;

/** The limits of the cases; alerts.yml has the same ones. */
export const limits = {
  oldestWaitingMs: 5000,
  laneLagBlocks: 20n,
  anchorAgeMs: 10 * 60 * 1000,
  flushP99Ms: { warning: 100, danger: 500 },
  freeShare: { warning: 0.15, danger: 0.05 },
  certificateMs: { warning: 14 * DAY_MS, danger: 3 * DAY_MS },
} as const;

type Case = (facts: Facts) => Finding | undefined;

/** A finding with the advice of an error's code. */
function coded(level: Level, code: ErrorCode, title: string, detail?: string): Finding {
  const { remedy, never } = errorCodes[code];
  return { level, code, title, remedy, never, ...(detail === undefined ? {} : { detail }) };
}

const refusedStore: Case = ({ state }) => {
  if (state.kind !== "refused") return undefined;
  const { code, message } = state.error;
  return coded("danger", code, "The store did not open: this validator must not sign", message);
};

const poisoned: Case = ({ status }) => {
  if (!status?.poison) return undefined;
  const { message } = status.poison;
  return coded("danger", "POISONED", "Poisoned: nothing is acknowledged any more", message);
};

const stalled: Case = ({ status }) => {
  if (!status?.stalled) return undefined;
  const { code, message } = status.stalled;
  return coded(
    "danger",
    code,
    "Stalled: nothing new becomes durable until there is space",
    message,
  );
};

const refusedLane: Case = ({ status, labels }) => {
  const refused = [...(status?.lanes ?? [])].flatMap(([lane, { refused: error }]) => {
    return error ? [{ label: labels.get(lane) ?? lane, error }] : [];
  });
  const [first] = refused;
  if (!first) return undefined;
  const which = refused.length === 1 ? `Lane ${first.label} goes` : `${refused.length} lanes go`;
  const title = `${which} no further; the others do`;
  return coded("danger", first.error.code, title, first.error.message);
};

const memory: Case = ({ status }) => {
  if (!status || status.durable) return undefined;
  return {
    level: "danger",
    title: "Memory mode: nothing survives this process",
    detail: "The store has no disk. A validator that signs with it forgets what it signed.",
    remedy: "serve a directory, before this validator signs anything",
    never: "sign with a store in memory",
  };
};

const diskSpace: Case = ({ space }) => {
  if (!space || space.sizeBytes === 0) return undefined;
  const share = space.freeBytes / space.sizeBytes;
  if (share >= limits.freeShare.warning) return undefined;
  const level = share < limits.freeShare.danger ? "danger" : "warning";
  const percent = (100 * share).toFixed(1);
  return coded(level, "DISK_FULL", `The disk has ${percent} % left`);
};

const slowFlush: Case = ({ flush }) => {
  if (!flush || flush.p99Ms < limits.flushP99Ms.warning) return undefined;
  const level = flush.p99Ms < limits.flushP99Ms.danger ? "warning" : "danger";
  return {
    level,
    title: `The disk is slow: one flush in a hundred takes ${Math.round(flush.p99Ms)} ms or more`,
    remedy: "look for other load on this disk, and at its own health",
  };
};

const waitingBlock: Case = ({ status, labels }) => {
  const late = lanesWhere(status, labels, (lane) => lane.oldestWaitingMs > limits.oldestWaitingMs);
  if (!late) return undefined;
  const title = `Blocks of ${late} wait for the disk for more than ${limits.oldestWaitingMs / 1000} s`;
  return { level: "warning", title, remedy: "look for other load on this disk" };
};

const lag: Case = ({ status, labels }) => {
  const late = lanesWhere(status, labels, (lane) => lane.lag > limits.laneLagBlocks);
  if (!late) return undefined;
  const title = `More than ${limits.laneLagBlocks} blocks of ${late} are not durable yet`;
  return { level: "warning", title, remedy: "look for other load on this disk" };
};

const pins: Case = ({ status, labels }) => {
  const [first] = status?.pins ?? [];
  if (!status || !first) return undefined;
  const count = status.pins.length;
  const title = count === 1 ? "One block number is pinned" : `${count} block numbers are pinned`;
  const where = `lane ${labels.get(first.lane) ?? first.lane}, block ${first.number}`;
  return coded("warning", "PINNED", title, count === 1 ? where : `the first: ${where}`);
};

const abstention: Case = ({ status }) => {
  const through = status?.recovery.abstainThrough;
  if (!status || through === undefined || status.road.durable > through) return undefined;
  return {
    level: "warning",
    title: `A vote was lost as it was written: no vote up to road index ${through}`,
    remedy: `let the validator abstain until the commit QC of road index ${through} is here`,
    never: "vote at such an index again: the lost vote may have left",
  };
};

const guarded: Case = ({ status }) => {
  const [warning] = guardWarnings(status?.guards);
  if (warning === undefined) return undefined;
  const what = status?.guards?.standing.join(" and ") ?? "";
  const title = `This store was restored, and is guarded: ${what} wait for what the old one has signed`;
  return coded("warning", "GUARDED", title, warning);
};

const anchorStill: Case = ({ status }) => {
  if (!status || status.anchorAgeMs < limits.anchorAgeMs) return undefined;
  const isFull = [...status.lanes.values()].some(({ capacityLeft }) => capacityLeft === 0n);
  if (!isFull) return undefined;
  return {
    level: "warning",
    title: "Lanes are full, and no anchor came for ten minutes",
    remedy: "see why the validator executes nothing: it makes no app QC, so nothing can be pruned",
  };
};

const certificates: Case = ({ certificates: all, nowMs }) => {
  const [soonest] = [...all].sort((a, b) => a.expiresMs - b.expiresMs);
  if (!soonest || soonest.expiresMs - nowMs > limits.certificateMs.warning) return undefined;
  const left = soonest.expiresMs - nowMs;
  const level = left < limits.certificateMs.danger ? "danger" : "warning";
  const days = Math.max(0, Math.floor(left / DAY_MS));
  const title = `The certificate ${soonest.file} expires in ${days} days`;
  return { level, title, remedy: "put a new certificate in its place, and send SIGHUP" };
};

const missingKeys: Case = ({ status }) => {
  const missing = (status?.keys ?? []).filter(({ state }) => state === "missing");
  if (missing.length === 0) return undefined;
  const ids = missing.map(({ content }) => content).join(", ");
  const title = "Pruned records cannot be read: they need a key that was not given";
  return coded("warning", "KEY_MISSING", title, `missing: ${ids}`);
};

const opening: Case = ({ state }) => {
  if (state.kind !== "opening") return undefined;
  return { level: "waiting", title: "The store is being recovered: nothing is taken yet" };
};

const ending: Case = ({ state, isDraining }) => {
  if (state.kind !== "closed" && !isDraining) return undefined;
  return { level: "waiting", title: "The service is ending: nothing new is taken" };
};

const mapWarnings: Case = ({ status }) => {
  const newest = status?.mapWarnings.at(-1);
  if (newest === undefined) return undefined;
  const title =
    "The map of retained records was not what it should be: this costs time, never data";
  return { level: "warning", title, detail: newest };
};

/** In the order of the page: of two that hold, the upper one counts more. */
const cases: readonly Case[] = [
  refusedStore,
  poisoned,
  refusedLane,
  stalled,
  memory,
  diskSpace,
  slowFlush,
  pins,
  guarded,
  abstention,
  waitingBlock,
  lag,
  anchorStill,
  certificates,
  missingKeys,
  ending,
  opening,
  mapWarnings,
];

const order: readonly Level[] = ["danger", "warning", "waiting", "safe"];

const safe: Finding = {
  level: "safe",
  title: "Safe: everything acknowledged is on disk",
};

/** Every finding, the worst first. There is always one. */
export function findingsOf(facts: Facts): readonly [Finding, ...Finding[]] {
  const beside = [
    ...reservationFindings(facts.status?.reservations),
    ...archiveFindings(facts.status?.archive, facts.labels),
  ];
  const found = [
    ...cases.flatMap((each) => each(facts) ?? []),
    ...beside.map(({ level, code, title, detail }) => coded(level, code, title, detail)),
  ];
  // The sort is stable: within a level the order of the table stands.
  const [first, ...rest] = found.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return first ? [first, ...rest] : [safe];
}

/** "lane 3", or "4 lanes": those of which `isSuch` holds; `undefined` if it holds of none. */
function lanesWhere(
  status: Status | undefined,
  labels: ReadonlyMap<LaneId, string>,
  isSuch: (lane: Status["lanes"] extends ReadonlyMap<LaneId, infer Lane> ? Lane : never) => boolean,
): string | undefined {
  const such = [...(status?.lanes ?? [])].filter(([, lane]) => isSuch(lane));
  const [first] = such;
  if (!first) return undefined;
  return such.length === 1 ? `lane ${labels.get(first[0]) ?? first[0]}` : `${such.length} lanes`;
}
