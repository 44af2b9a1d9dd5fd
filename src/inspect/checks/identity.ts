/** Looks at what tells a store from any other directory: STORE, and the names around it. */
import type { Disk } from "../../disk/disk.js";
import { MARK_FILE } from "../../journal/form/mark.js";
import {
  identityIn,
  INIT_FILE,
  JOURNAL_DIRECTORY,
  RECORDS_CHAIN,
  STORE_FILE,
  type StoreIdentity,
  type StoreMeant,
} from "../../journal/form/store.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import { PersisterError } from "../../types/errors.js";
import { foreignNames } from "../../persist/checked-store.js";
import { type Attempt, attempted, type Finding, findingOf } from "../finding.js";
import { FOREIGN } from "./slots.js";

export interface IdentitySeen {
  readonly findings: readonly Finding[];
  /** The identity in STORE, or the error with which open refuses it. */
  readonly store: Attempt<StoreIdentity>;
  /** The error with which open refuses a store that was retired, whatever is in it. */
  readonly retired: PersisterError | undefined;
  /** Whether there is anything of a store, of a format that can be read. */
  readonly isWorthReading: boolean;
  readonly hasIndex: boolean;
}

export async function checkIdentity(disk: Disk, directory: string): Promise<IdentitySeen> {
  const file = `${directory}/${STORE_FILE}`;
  const store = await attempted(() => ownIdentity(disk, directory, { evenRetired: true }));
  const asked = await attempted(() => ownIdentity(disk, directory, {}));
  const retired = "error" in asked && asked.error.code === "RETIRED" ? asked.error : undefined;
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
  const isOther = code === "FORMAT_TOO_NEW" || code === "WRONG_CHAIN";
  const isWorthReading = hasParts && !isUnfinished && !isOther;
  if (isWorthReading) findings.push(...(await nameFindings(disk, directory, found)));
  return { findings, store, retired, isWorthReading, hasIndex: found.has(INDEX_DIRECTORY) };
}

async function ownIdentity(
  disk: Disk,
  directory: string,
  meant: StoreMeant,
): Promise<StoreIdentity> {
  const identity = await identityIn(disk, directory, meant);
  if (identity.chainId === RECORDS_CHAIN) throw journalOfRecords(directory);
  return identity;
}

/** Its records are none of a validator: each of them would be found to be wrong. */
function journalOfRecords(directory: string): PersisterError {
  const file = `${directory}/${STORE_FILE}`;
  const message = `${directory}: it holds a journal of records, no validator's store: check the path`;
  return new PersisterError("WRONG_CHAIN", message, { file });
}

async function namesIn(disk: Disk, directory: string): Promise<Set<string>> {
  if ((await disk.kind(directory)) !== "directory") return new Set();
  return new Set((await disk.list(directory))?.map(({ name }) => name));
}

async function nameFindings(
  disk: Disk,
  directory: string,
  names: ReadonlySet<string>,
): Promise<Finding[]> {
  const foreign = await foreignNames(disk, directory);
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
