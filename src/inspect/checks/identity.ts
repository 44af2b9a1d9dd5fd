/** Looks at what tells a store from any other directory: STORE, and the names around it. */
import type { Disk } from "../../disk/disk.js";
import { MARK_FILE } from "../../journal/form/mark.js";
import {
  identityIn,
  INIT_FILE,
  JOURNAL_DIRECTORY,
  RECORDS_CHAIN,
  RESTORED_FILE,
  STORE_FILE,
  type StoreIdentity,
} from "../../journal/form/store.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import type { PersisterError } from "../../types/errors.js";
import type { StoreKind } from "../walk/judge.js";
import { readRestored, type Restored } from "../../journal/form/restored.js";
import { foreignNames } from "../../persist/checked-store.js";
import { type Attempt, attempted, type Finding, findingOf } from "../finding.js";
import { FOREIGN } from "./slots.js";

/** Every name in the folder of a journal that is ours. */
const JOURNAL_NAMES: ReadonlySet<string> = new Set([
  STORE_FILE,
  INIT_FILE,
  RESTORED_FILE,
  MARK_FILE,
  JOURNAL_DIRECTORY,
]);

export interface IdentitySeen {
  readonly findings: readonly Finding[];
  /** The identity in STORE, or the error with which open refuses it. */
  readonly store: Attempt<StoreIdentity>;
  /** A validator's, unless STORE says that it is a journal of records. */
  readonly kind: StoreKind;
  /** The error with which open refuses a store that was retired, whatever is in it. */
  readonly retired: PersisterError | undefined;
  /** The record of a restore whose guard is not in the journal yet. */
  readonly restored: Attempt<Restored | undefined>;
  /** Whether there is anything of a store, of a format that can be read. */
  readonly isWorthReading: boolean;
  readonly hasIndex: boolean;
}

export async function checkIdentity(disk: Disk, directory: string): Promise<IdentitySeen> {
  const file = `${directory}/${STORE_FILE}`;
  const store = await attempted(() => identityIn(disk, directory, { evenRetired: true }));
  const asked = await attempted(() => identityIn(disk, directory, {}));
  const retired = "error" in asked && asked.error.code === "RETIRED" ? asked.error : undefined;
  const restored = await attempted(() => readRestored(disk, directory));
  const names = await attempted(() => namesIn(disk, directory));
  const findings: Finding[] = [];
  if ("error" in store) findings.push(findingOf(store.error, "error", { file }));
  if (retired) findings.push(findingOf(retired, "error", { file }));
  if ("error" in names) findings.push(findingOf(names.error, "error", { file: directory }));
  const found = "value" in names ? names.value : new Set<string>();
  const hasParts = [MARK_FILE, JOURNAL_DIRECTORY].some((name) => found.has(name));
  const code = "error" in store ? store.error.code : undefined;
  // An unfinished init has made no store yet: nothing was ever stored in it.
  const isUnfinished = code === "NOT_A_STORE" && found.has(INIT_FILE);
  const isWorthReading = hasParts && !isUnfinished && code !== "FORMAT_TOO_NEW";
  const isOfRecords = "value" in store && store.value.chainId === RECORDS_CHAIN;
  const kind = isOfRecords ? "records" : "validator";
  if (isWorthReading) findings.push(...(await nameFindings(disk, directory, { found, kind })));
  const hasIndex = kind === "validator" && found.has(INDEX_DIRECTORY);
  return { findings, store, kind, retired, restored, isWorthReading, hasIndex };
}

async function namesIn(disk: Disk, directory: string): Promise<Set<string>> {
  if ((await disk.kind(directory)) !== "directory") return new Set();
  return new Set((await disk.list(directory))?.map(({ name }) => name));
}

async function nameFindings(
  disk: Disk,
  directory: string,
  { found: names, kind }: { readonly found: ReadonlySet<string>; readonly kind: StoreKind },
): Promise<Finding[]> {
  const others = [...names].filter((name) => !JOURNAL_NAMES.has(name)).sort();
  const foreign =
    kind === "records"
      ? others.map((name) => `${directory}/${name}`)
      : await foreignNames(disk, directory);
  const findings = foreign.map((file): Finding => {
    return { class: "NOT_A_STORE", severity: "warning", file, message: FOREIGN };
  });
  if (names.has(INIT_FILE) && names.has(STORE_FILE)) {
    const message = "left by an init that was stopped at its very end: the next open removes it";
    const file = `${directory}/${INIT_FILE}`;
    findings.push({ class: "NOT_A_STORE", severity: "warning", file, message });
  }
  return findings;
}
