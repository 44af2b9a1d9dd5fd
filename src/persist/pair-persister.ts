/**
 * A message kept in an A/B pair of files beside the journal: the prune anchor, and the consensus vote
 * state. The slots and the mark together settle which slot counts (D6).
 *
 * Crash safety: the mark names a sequence as in flight before or while its slot is written; it is
 * acknowledged when both are on disk. If a slot that was only in flight is not there, the older one
 * stands. A slot that the mark calls acknowledged must be there, or open refuses.
 */
import pLimit from "p-limit";
import type { Disk } from "../disk/disk.js";
import {
  chooseSlot,
  nextSeq,
  otherSlot,
  SLOT_BYTES_MAX,
  type SlotName,
  SlotPair,
  type SlotStates,
  slotOf,
  slotPath,
} from "../disk/slots/slots.js";
import type { PairEntry, PairRole } from "../journal/group/group.js";
import type { LogEngine } from "../journal/log-engine.js";
import type { Head } from "../journal/form/head.js";
import type { Mark, PairNamed } from "../journal/form/mark.js";
import { LOOK_FIRST, PersisterError } from "../types/errors.js";
import { type Observe, timed } from "../types/measures.js";

export const ANCHOR_NAME = "prune_anchor";
export const VOTE_NAME = "consensus";

/** No vote state or anchor comes near it; a slot holds its padding and head beside it. */
const MESSAGE_BYTES_MAX = SLOT_BYTES_MAX / 2;

/** The codes of errors after which no write has failed on its way to the disk. */
const harmlessCodes: ReadonlySet<string> = new Set(["DISK_FULL", "CLOSED"]);

/**
 * How far a slot may be ahead of every mark: the next message waits for a mark that names this one. A
 * sequence that was lost in flight is passed over, with the one of its slot's parity.
 */
const SEQS_AHEAD = 2n;

const fileNames = { anchor: ANCHOR_NAME, vote: VOTE_NAME } as const;
const slotMeasures = { anchor: "anchorSlotMs", vote: "voteSlotMs" } as const;

/** The facts that the pair and the mark give together. */
interface PairFacts {
  readonly verdict: "none" | "use" | "fallback" | "torn first" | "refuse";
  /** Sequence of the slot that counts; 0 where none does. */
  readonly found: bigint;
  /** Highest sequence that the mark or the head calls acknowledged. */
  readonly acked: bigint;
  readonly inFlight: bigint;
}

interface PairCase {
  readonly label: string;
  readonly fits: (facts: PairFacts) => boolean;
  readonly action: "use" | "empty" | "refuse";
  readonly report: string | undefined;
}

/** D6, as a table: the first case that fits decides. */
export const pairCases: readonly PairCase[] = [
  {
    label: "slots-contradict",
    fits: (facts) => facts.verdict === "refuse",
    action: "refuse",
    report: "no crash leaves the two slots like this",
  },
  {
    label: "mark-left-behind",
    fits: ({ found, acked, inFlight }) =>
      found > (acked > inFlight ? acked : inFlight) + SEQS_AHEAD,
    action: "refuse",
    report:
      "the mark names none so new: no crash leaves it so, an old copy of the mark does, or a file in the place of another",
  },
  {
    label: "acknowledged-lost",
    fits: (facts) => facts.found < facts.acked,
    action: "refuse",
    report: "the mark names a newer one as acknowledged, and it is not there",
  },
  {
    label: "in-flight-lost",
    fits: (facts) => facts.inFlight > facts.found && facts.found > 0n,
    action: "use",
    report: "the newer one was in flight and is not there; the older one stands",
  },
  {
    label: "first-in-flight-lost",
    fits: (facts) => facts.inFlight > facts.found,
    action: "empty",
    report: "the first one was in flight and is not there; there is none",
  },
  {
    label: "damaged-other",
    fits: (facts) => facts.verdict === "fallback",
    action: "use",
    report: "the other slot is damaged, and nothing in it was acknowledged",
  },
  {
    label: "torn-first",
    fits: (facts) => facts.verdict === "torn first",
    action: "empty",
    report: "the first write was torn before it was acknowledged",
  },
  {
    label: "never-written",
    fits: (facts) => facts.found === 0n,
    action: "empty",
    report: undefined,
  },
  { label: "newest", fits: () => true, action: "use", report: undefined },
];

/** The sequences of the pairs that the mark and the newest head name. */
export interface PairWitness {
  readonly mark: Pick<Mark, PairRole>;
  readonly head: Pick<Head, "anchorSeq" | "voteSeq">;
}

export interface RecoveredPair {
  readonly role: PairRole;
  readonly pair: SlotPair;
  readonly winner: SlotName | undefined;
  /** The message, with the padding of its slot; `undefined` where there is none. */
  readonly message: Uint8Array | undefined;
  /** The sequences that the next mark is to name, once the winner was written again. */
  readonly named: PairNamed;
  /** The slot that counts was in flight, and is not the one that the mark names. */
  readonly inFlightLost: boolean;
  readonly warning: string | undefined;
  readonly file: string;
}

/**
 * Reads the pair of `role` and decides by `pairCases`; changes nothing.
 *
 * @throws {PersisterError} ANCHOR_CORRUPT as the table says; IO, never a fallback, when a slot cannot
 * be read.
 */
export async function recoverPair(
  disk: Disk,
  directory: string,
  role: PairRole,
  names: PairWitness,
): Promise<RecoveredPair> {
  const pair = await SlotPair.open(disk, directory, fileNames[role]);
  try {
    return decide(pair, directory, role, names);
  } catch (error) {
    await pair.close();
    throw error;
  }
}

/** The slot to name in a refusal: the one that was acknowledged last, or a damaged one. */
function slotToName(pair: SlotPair, acked: bigint): SlotName {
  const meant = acked > 0n ? slotOf(acked) : "a";
  const isThere = pair[meant].status === "valid" && pair[meant].seq === acked;
  return isThere ? otherSlot(meant) : meant;
}

function decide(
  pair: SlotPair,
  directory: string,
  role: PairRole,
  names: PairWitness,
): RecoveredPair {
  const { verdict, label } = chooseSlot(pair.a, pair.b);
  const winner =
    verdict.verdict === "use" || verdict.verdict === "fallback" ? verdict.slot : undefined;
  const state = winner && pair[winner];
  const found = state?.status === "valid" ? state.seq : 0n;
  const marked = names.mark[role];
  const headSeq = role === "anchor" ? names.head.anchorSeq : names.head.voteSeq;
  const acked = marked.acked > headSeq ? marked.acked : headSeq;
  const facts: PairFacts = { verdict: verdict.verdict, found, acked, inFlight: marked.inFlight };
  const row = pairCases.find((each) => each.fits(facts));
  if (!row || row.action === "refuse") {
    const file = slotPath(directory, fileNames[role], slotToName(pair, acked));
    throw new PersisterError(
      "ANCHOR_CORRUPT",
      `${file}: ${role} slots: ${row?.report ?? "no case fits"} (${label}; sequence ${found} found, ` +
        `${acked} acknowledged) [${row?.label ?? "none"}]; ${LOOK_FIRST}`,
      { file },
    );
  }
  const file = slotPath(directory, fileNames[role], winner ?? "a");
  return {
    role,
    pair,
    winner,
    message: state?.status === "valid" ? state.message : undefined,
    named: { acked: found, inFlight: marked.inFlight > found ? marked.inFlight : found },
    inFlightLost: marked.inFlight > found,
    warning: row.report && `${file}: ${row.report} [${row.label}]`,
    file,
  };
}

/** D1: what recovery saw is written again, in place, before anything else is. */
export async function writePairAgain(recovered: RecoveredPair): Promise<void> {
  await recovered.pair.fillHoles();
  if (recovered.winner) await recovered.pair.rewrite(recovered.winner);
}

/** Writes messages to the pair, one at a time, each in the slot that does not hold the last good one. */
export class PairPersister {
  readonly #role: PairRole;
  readonly #pair: SlotPair;
  readonly #journal: LogEngine;
  readonly #oneAtATime = pLimit(1);
  readonly #observe: Observe | undefined;
  #winner: SlotName | undefined;

  constructor(recovered: RecoveredPair, journal: LogEngine, observe?: Observe) {
    this.#observe = observe;
    this.#role = recovered.role;
    this.#pair = recovered.pair;
    this.#winner = recovered.winner;
    this.#journal = journal;
  }

  /**
   * Writes `message`; durable when resolved, the mark that names it included. `roadIndex` is that of
   * a vote. Copies `message`.
   *
   * @throws {PersisterError} INVALID when it is too large; DISK_FULL where its slot cannot grow, and
   * nothing was harmed; POISONED after a failed write; CLOSED.
   */
  async write(message: Uint8Array, roadIndex = 0n): Promise<void> {
    if (message.length > MESSAGE_BYTES_MAX) {
      const text = `a message of ${message.length} bytes is too large for the ${this.#role} slots`;
      throw new PersisterError("INVALID", `${text} (at most ${MESSAGE_BYTES_MAX})`);
    }
    const copy = Uint8Array.from(message);
    await this.#oneAtATime(() => this.#write(copy, roadIndex));
  }

  /** The content of both slots, as far as it is durable. */
  get slots(): SlotStates {
    const { a, b } = this.#pair;
    return { a, b };
  }

  /** Writes nothing. */
  close(): Promise<void> {
    return this.#pair.close();
  }

  /** D9: a full disk is noticed here, before anything durable is overwritten. */
  async #makeRoom(seq: bigint, message: Uint8Array): Promise<void> {
    try {
      await this.#pair.makeRoom(seq, message);
    } catch (cause) {
      const harmless = cause instanceof PersisterError && harmlessCodes.has(cause.code);
      throw harmless ? cause : this.#journal.fail(cause);
    }
  }

  async #write(message: Uint8Array, roadIndex: bigint): Promise<void> {
    const { acked, inFlight } = this.#journal.mark[this.#role];
    const seq = nextSeq([acked, inFlight], this.#winner);
    await this.#makeRoom(seq, message);
    await new Promise<void>((resolve, reject) => {
      const entry: PairEntry = {
        type: "pair",
        role: this.#role,
        seq,
        roadIndex,
        write: () =>
          timed(this.#observe, slotMeasures[this.#role], () => this.#pair.write(seq, message)),
        settled: (error) => {
          if (error) reject(error);
          else resolve();
        },
      };
      this.#journal.submit([entry]);
    });
    this.#winner = slotOf(seq);
  }
}
