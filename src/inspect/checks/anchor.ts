/** Checks the two A/B pairs, the messages in them, and the logs against the anchor. */
import type { Disk } from "../../disk/disk.js";
import { LogTable } from "../../journal/form/log-table.js";
import { ROAD } from "../../persist/kinds.js";
import { refuseContradictions } from "../../persist/anchor.js";
import type { PairWitness } from "../../persist/pair-persister.js";
import { decodePersistedInner } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import type { CommitQC, PruneAnchor } from "../../wire/messages.js";
import { attempted, type Finding, findingOf } from "../finding.js";
import { checkPair, type HeldMessage } from "./pair.js";
import { type Depth, knowsEpoch, readAnchor } from "../walk/proof.js";

export interface PairsSeen {
  readonly findings: readonly Finding[];
  readonly anchor: PruneAnchor | undefined;
  /** Whether it is certain which anchor counts, or that there is none. */
  readonly isAnchorSettled: boolean;
  readonly anchorSlot: HeldMessage | undefined;
  readonly voteSlot: HeldMessage | undefined;
  /** Whether it is certain which vote state counts, or that there is none. */
  readonly isVoteSettled: boolean;
}

/** Looks at both pairs; `witness` is what the mark and the newest head name of them. */
export async function checkPairs(
  disk: Disk,
  directory: string,
  depth: Depth,
  witness: PairWitness,
): Promise<PairsSeen> {
  const anchorPair = await checkPair(disk, directory, "anchor", witness);
  const votePair = await checkPair(disk, directory, "vote", witness);
  const findings = [...anchorPair.findings, ...votePair.findings];
  if (votePair.held && depth.kind !== "forms") findings.push(...doubtsOfVote(votePair.held));
  const anchor = anchorPair.held && (await anchorIn(anchorPair.held, depth, findings));
  return {
    findings,
    anchor,
    isAnchorSettled: anchorPair.isAccepted && (anchor !== undefined || !anchorPair.held),
    anchorSlot: anchorPair.held,
    voteSlot: votePair.held,
    isVoteSettled: votePair.isAccepted,
  };
}

async function anchorIn(
  { file, message }: HeldMessage,
  depth: Depth,
  findings: Finding[],
): Promise<PruneAnchor | undefined> {
  const read = await attempted(() => readAnchor(message, file, depth));
  if ("error" in read) {
    findings.push(findingOf(read.error, "error", { file }));
    return undefined;
  }
  const { commitQC } = read.value;
  if (depth.kind === "committees" && !knowsEpoch(depth, commitQC)) {
    const text = `no committee was given for epoch ${commitQC.vote.view.epochIndex}`;
    const unchecked = `${text}: the anchor's signatures were checked, membership and quorum were not`;
    findings.push({ class: "WRONG_COMMITTEE", severity: "warning", file, message: unchecked });
  }
  return read.value;
}

/** The store keeps the vote state as it was given; only the node that wrote it can read it. */
function doubtsOfVote({ file, message }: HeldMessage): Finding[] {
  try {
    decodePersistedInner(message);
    return [];
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const text = `the vote state is no PersistedInner: ${cause.message}`;
    return [{ class: "INVALID", severity: "warning", file, message: text }];
  }
}

/**
 * Each log that contradicts the anchor, or the lack of one, each by itself. `file` is where the logs are
 * listed.
 */
export async function contradictionsIn(
  table: LogTable,
  road: ReadonlyMap<bigint, CommitQC>,
  anchor: PruneAnchor | undefined,
  file: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const entry of table.entries()) {
    const alone = new LogTable([entry], table.nextLog);
    const held = entry.name === ROAD ? road : new Map<bigint, CommitQC>();
    const judged = await attempted(() => refuseContradictions(alone, held, anchor));
    if ("error" in judged) findings.push(findingOf(judged.error, "error", { file }));
  }
  return findings;
}
