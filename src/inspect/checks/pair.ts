/** Looks at both slots of an A/B pair, and at what open would make of them. */
import type { Disk } from "../../disk/disk.js";
import { readSlots, type SlotState, slotPath } from "../../disk/slots/slots.js";
import type { PairRole } from "../../journal/group/group.js";
import {
  ANCHOR_NAME,
  type PairWitness,
  recoverPair,
  VOTE_NAME,
} from "../../persist/pair-persister.js";
import { attempted, type Finding, findingOf } from "../finding.js";

export interface PairSeen {
  readonly findings: readonly Finding[];
  /** The message that the pair holds, if open would take it. */
  readonly held: HeldMessage | undefined;
  /** Whether open would go on with it, be it with nothing in it. */
  readonly isAccepted: boolean;
}

export interface HeldMessage {
  readonly file: string;
  readonly sequence: bigint;
  /** With the padding of its slot. */
  readonly message: Uint8Array;
}

const names: Readonly<Record<PairRole, string>> = { anchor: ANCHOR_NAME, vote: VOTE_NAME };

export async function checkPair(
  disk: Disk,
  directory: string,
  role: PairRole,
  witness: PairWitness,
): Promise<PairSeen> {
  const name = names[role];
  const read = await attempted(() => readSlots(disk, directory, name));
  if ("error" in read) {
    const finding = findingOf(read.error, "error", { file: slotPath(directory, name, "a") });
    return { findings: [finding], held: undefined, isAccepted: false };
  }
  const judged = await attempted(() => recoverPair(disk, directory, role, witness));
  const isAccepted = "value" in judged;
  const findings = (["a", "b"] as const).flatMap((slot) => {
    const file = slotPath(directory, name, slot);
    return damageOf(read.value[slot], file, isAccepted ? "warning" : "error");
  });
  if ("error" in judged) {
    findings.push(findingOf(judged.error, "error", { file: slotPath(directory, name, "a") }));
    return { findings, held: undefined, isAccepted };
  }
  const { pair, winner, warning, file } = judged.value;
  await pair.close();
  if (warning !== undefined && findings.length === 0) {
    findings.push({ class: "ANCHOR_CORRUPT", severity: "warning", file, message: warning });
  }
  return { findings, held: winner && heldIn(pair[winner], file), isAccepted };
}

function damageOf(state: SlotState, file: string, severity: Finding["severity"]): Finding[] {
  switch (state.status) {
    case "missing":
      return [{ class: "ANCHOR_CORRUPT", severity, file, message: "the slot's file is missing" }];
    case "corrupt":
      return [{ class: "ANCHOR_CORRUPT", severity, file, offset: 0, message: state.reason }];
    case "absent":
    case "valid":
      return [];
  }
}

function heldIn(state: SlotState, file: string): HeldMessage | undefined {
  return state.status === "valid"
    ? { file, sequence: state.seq, message: state.message }
    : undefined;
}
