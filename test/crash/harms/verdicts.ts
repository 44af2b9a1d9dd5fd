/**
 * The verdicts that an open may give of damage, as data (D5, D6): every harm comes to exactly one verdict, and
 * nothing is lost or changed in silence.
 */
import { isDeepStrictEqual } from "node:util";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { copyWorld } from "../../../src/testing/simulated/world.js";
import { type ErrorCode, PersisterError } from "../../../src/types/errors.js";
import type { RecoveredStore, ReferenceModel } from "../../model/reference-model.js";
import { DIRECTORY } from "../../node/surroundings.js";
import type { FileClass, Harm, HarmKind } from "./harms.js";
import { openOn, recoveredOf, type Stand } from "../history/session.js";

export const verdicts = ["harmless", "repaired", "pinned", "refused"] as const;
export type Verdict = (typeof verdicts)[number];

/** A rule for harms of one file, of one kind or of all that no rule before it names. */
interface VerdictRule {
  readonly label: string;
  readonly file: FileClass;
  readonly kinds?: readonly HarmKind[];
  /** The verdicts that it allows. */
  readonly allows: readonly Verdict[];
  /** With these codes. */
  readonly codes: readonly ErrorCode[];
  /** The name in a refusal: the file, either file of its pair, or some file of its folder. */
  readonly names: (path: string) => RegExp;
  /** Whether it must name a byte, too. */
  readonly namesByte?: boolean;
}

const itself = (path: string): RegExp => new RegExp(`^${path.slice(1)}$`);
const pair = (path: string): RegExp =>
  new RegExp(`^${path.slice(1).replace(/[ab]\.pb$/, "[ab].pb")}$`);
const journal = (): RegExp => new RegExp(`^${DIRECTORY}/journal`);

/** The newest head is damaged: which slot it was in, nobody knows. The folder is named, and its head. */
const LOST_HEAD = /the segment with head \d+, which the mark names, is missing/;

/** The first that fits decides. */
export const verdictRules: readonly VerdictRule[] = [
  {
    label: "STORE as it was",
    file: "store",
    kinds: ["stale"],
    allows: ["harmless"],
    codes: [],
    names: itself,
  },
  {
    label: "STORE: its identity is all that it is",
    file: "store",
    allows: ["refused"],
    codes: ["NOT_A_STORE", "FORMAT_TOO_NEW"],
    names: itself,
  },
  {
    label: "the mark is not there",
    file: "mark",
    kinds: ["missing", "renamed", "emptied", "copied over another"],
    allows: ["refused"],
    codes: ["MARK_CORRUPT"],
    names: itself,
  },
  {
    label:
      "an older mark: refused, by its own name or by that of a slot that is newer than it names",
    file: "mark",
    kinds: ["stale"],
    allows: ["harmless", "repaired", "pinned", "refused"],
    codes: ["MARK_CORRUPT", "ANCHOR_CORRUPT"],
    names: () => /mark|_[ab]\.pb/,
  },
  {
    label: "the mark: one slot stands in for the other, both bad are refused",
    file: "mark",
    allows: ["harmless", "repaired", "pinned", "refused"],
    codes: ["MARK_CORRUPT"],
    names: itself,
  },
  {
    label: "an anchor slot that is not there",
    file: "anchor",
    kinds: ["missing", "renamed"],
    allows: ["refused"],
    codes: ["ANCHOR_CORRUPT"],
    names: pair,
  },
  {
    label: "the acknowledged anchor is refused, the older one is of no more use",
    file: "anchor",
    allows: ["harmless", "repaired", "pinned", "refused"],
    codes: ["ANCHOR_CORRUPT"],
    names: pair,
  },
  {
    label: "a vote slot that is not there",
    file: "vote",
    kinds: ["missing", "renamed"],
    allows: ["refused"],
    codes: ["ANCHOR_CORRUPT"],
    names: pair,
  },
  {
    label: "the acknowledged vote state is refused, the older one is of no more use",
    file: "vote",
    allows: ["harmless", "repaired", "pinned", "refused"],
    codes: ["ANCHOR_CORRUPT"],
    names: pair,
  },
  {
    label: "journal: what is live is refused or pinned, what is free or dead harms nothing",
    file: "journal",
    allows: ["harmless", "repaired", "pinned", "refused"],
    codes: ["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST", "RECOVERY_MISMATCH", "FORMAT_TOO_NEW"],
    names: journal,
    namesByte: true,
  },
];

/** A whole store, what it recovers, and what it promised. */
export interface Promised {
  readonly stand: Stand;
  readonly model: ReferenceModel;
  readonly recovered: RecoveredStore;
  readonly warnings: number;
}

/** The outcome of a harm; `wrong` says how it breaks its rule. */
export interface Judged {
  readonly verdict: Verdict | "silent";
  readonly wrong: string | undefined;
}

/** Opens the harmed store, and says what it came to. */
export async function judgeHarm(
  { file, kind, path, words, world }: Harm,
  promised: Promised,
  seed: number,
): Promise<Judged> {
  const rule = verdictRules.find((each) => {
    return each.file === file && (each.kinds === undefined || each.kinds.includes(kind));
  });
  if (!rule) throw new Error(`no rule for ${kind} of ${file}`);
  const disk = SimulatedDisk.holding(copyWorld(world));
  const wrong = (what: string): string => `${words}: ${what} [${rule.label}]`;
  try {
    const keeper = await openOn(disk, seed, promised.stand);
    const { warnings } = keeper.recovery;
    const verdict = verdictOf(await recoveredOf(keeper), warnings.length, promised);
    const isAllowed = (rule.allows as readonly string[]).includes(verdict);
    return { verdict, wrong: isAllowed ? undefined : wrong(verdict) };
  } catch (cause) {
    if (!(cause instanceof PersisterError))
      return { verdict: "refused", wrong: wrong(String(cause)) };
    const faults = [
      ...(rule.allows.includes("refused") ? [] : ["is refused"]),
      ...(rule.codes.includes(cause.code) ? [] : [`is refused with ${cause.code}`]),
      ...(rule.names(path).test(cause.file ?? "") ? [] : [`names ${cause.file}`]),
      ...(namesByte(rule, cause) ? [] : ["names no byte"]),
      ...(disk.steps > 0 ? ["has changed the disk"] : []),
    ];
    const what = `${faults.join(", ")}: ${cause.message}`;
    return { verdict: "refused", wrong: faults.length > 0 ? wrong(what) : undefined };
  }
}

function namesByte(rule: VerdictRule, { offset, message }: PersisterError): boolean {
  return !rule.namesByte || offset !== undefined || LOST_HEAD.test(message);
}

/** D6: what was in flight may be gone where the open tells: by pins, by abstaining, by a warning. */
function verdictOf(got: RecoveredStore, warnings: number, promised: Promised): Verdict | "silent" {
  const { recovered, model } = promised;
  const isReported = warnings > promised.warnings;
  if (isDeepStrictEqual(got, recovered)) return isReported ? "repaired" : "harmless";
  const isTold =
    isReported ||
    got.pins.length > recovered.pins.length ||
    got.abstainThrough !== recovered.abstainThrough;
  return isTold && model.judgeDamaged(got).length === 0 ? "pinned" : "silent";
}
