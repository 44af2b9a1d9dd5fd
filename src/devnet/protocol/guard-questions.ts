/**
 * The questions of a validator whose store was restored: how far its earlier life may have gone. Until peers of
 * enough weight have answered, it signs nothing new (D6). `heightsFromPeers` has the argument; its two
 * conditions are kept here and by the host: a peer whose own guard stands does not answer, nor does one that
 * may yet receive something from the earlier life. A peer that was started since then answers for votes alone,
 * unless it has heard the end of our lane from that life. Pure.
 */
import { heightsFromPeers, type PeerAnswer } from "../../persist/guards/peers.js";
import type { LaneId } from "../../types/lane.js";
import type { Committee } from "../../wire/committee.js";
import type { PeerStatus } from "./message.js";
import type { Output } from "./step.js";

/** A member that is away for longer is not waited for. Our lane stands still then, until it has caught up. */
const WAIT_TICKS_MAX = 100;

export class GuardQuestions {
  readonly #own: LaneId;
  readonly #committee: Committee;
  readonly #answers = new Map<LaneId, PeerAnswer>();
  #isOpen: boolean;
  #ticks = 0;

  /** `isUnknown`: there are guards whose heights are not known. */
  constructor(own: LaneId, committee: Committee, isUnknown: boolean) {
    this.#own = own;
    this.#committee = committee;
    this.#isOpen = isUnknown;
  }

  /** Asks every peer that has not answered, once more. */
  tick(out: Output[]): void {
    if (!this.#isOpen) return;
    this.#ticks += 1;
    for (const { lane: to } of this.#committee.members) {
      if (to === this.#own || this.#answers.has(to)) continue;
      out.push({ kind: "send", to, message: { kind: "askSigned", lane: this.#own } });
    }
    this.#settle(out);
  }

  answered(from: LaneId, { road, lanes, isWhole }: PeerStatus, out: Output[]): void {
    if (!this.#isOpen || !this.#committee.memberOfLane(from)) return;
    this.#answers.set(from, {
      votedNext: road.next,
      laneEnds: new Map(lanes.map(({ lane, first }) => [lane, first])),
      heldNext: isWhole ? lanes.find(({ lane }) => lane === this.#own)?.next : undefined,
    });
    this.#settle(out);
  }

  #settle(out: Output[]): void {
    const heights = heightsFromPeers(this.#committee, this.#own, this.#answers);
    const areAllHere = this.#answers.size === this.#committee.members.length - 1;
    if (!heights || (!areAllHere && this.#ticks < WAIT_TICKS_MAX)) return;
    this.#isOpen = false;
    const said = `${this.#answers.size} of ${this.#committee.members.length - 1} peers`;
    const reason = `${said} said how far they had voted, and what they hold of this lane`;
    out.push({ kind: "raiseGuard", raise: heights.raise, reason });
  }
}
