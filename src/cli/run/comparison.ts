/**
 * Judges what a recovery returned by the ledger, piece by piece as it arrives, so that a recovery
 * which is killed half-way is judged as far as it came.
 *
 * What must be there: everything acknowledged, unchanged, from where the recovered anchor lets a log
 * start. What may be there: what was sent after it, exactly as sent. Nothing else.
 */
import { assert } from "../../types/assert.js";
import type { LaneId } from "../../types/lane.js";
import { decodeSignedBlock } from "../../wire/codec/decode.js";
import { headerHash, sameBytes } from "../../wire/hash.js";
import type { Ledger, SentLog } from "./ledger.js";
import type { FoundEvent, Range } from "./messages.js";

/** What can be wrong, in a user's words. */
export const rules = {
  LOST: "acknowledged, and not recovered",
  CHANGED: "recovered with other bytes than were sent",
  UNKNOWN: "recovered, and never sent",
  HOLE: "missing inside the recovered range",
  PRUNED_TOO_FAR: "pruned at or above the recovered anchor",
  NOT_PRUNED: "recovered below the recovered anchor",
  ANCHOR_LOST: "the acknowledged anchor, or a newer one, was not recovered",
  PIN_WRONG: "pinned to another block than was sent, or pinned below the recovered next",
  ACK_UNKNOWN: "acknowledged, and never sent",
  OPEN_REFUSED: "the store refused to open after a mere kill",
} as const;

export interface Violation {
  readonly rule: keyof typeof rules;
  /** The lane, or `road`, or `anchor`, and the numbers. */
  readonly where: string;
}

interface Found extends Range {
  readonly what: string;
  readonly sent: SentLog;
  /** The number that must come next. */
  expected: bigint;
}

export class Comparison {
  readonly violations: Violation[] = [];
  /** Records compared byte for byte. */
  compared = 0;
  readonly #ledger: Ledger;
  readonly #lanes = new Map<LaneId, Found>();
  #road: Found | undefined;
  #anchor: bigint | undefined;

  /** `ledger` must not change before `finish`. */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Takes the next piece: the anchor before the lanes and the road, a range before its records. */
  take(event: FoundEvent): void {
    switch (event.kind) {
      case "anchorFound":
        return this.#takeAnchor(event.index, event.bytes);
      case "laneFound":
        return this.#takeLane(event.lane, event);
      case "roadFound":
        this.#road = this.#range("road", this.#ledger.road, event, this.#anchor ?? 0n);
        return;
      case "blockFound":
        return this.#takeRecord(this.#lanes.get(event.lane), event.number, event.bytes);
      case "commitQcFound":
        return this.#takeRecord(this.#road, event.index, event.bytes);
      case "pinFound":
        return this.#takePin(event);
    }
  }

  /** Judges what is missing, after the last piece; what was recovered counts as acknowledged now. */
  finish(): void {
    const { ackedAnchor } = this.#ledger;
    if (ackedAnchor !== undefined && (this.#anchor === undefined || this.#anchor < ackedAnchor)) {
      this.#violate("ANCHOR_LOST", `anchor ${ackedAnchor}, found ${this.#anchor ?? "none"}`);
    }
    for (const [lane, sent] of this.#ledger.lanes) {
      this.#finishLog(this.#lanes.get(lane), sent, `lane ${lane}`);
    }
    this.#finishLog(this.#road, this.#ledger.road, "road");
    if (this.#anchor !== undefined) this.#ledger.acknowledgeAnchor(this.#anchor);
  }

  /** The recovered next of each lane, and of the road; 0 where nothing was returned. */
  laneNext(lane: LaneId): bigint {
    return this.#lanes.get(lane)?.next ?? 0n;
  }

  get roadNext(): bigint {
    return this.#road?.next ?? 0n;
  }

  #takeAnchor(index: bigint, bytes: Uint8Array): void {
    const sent = this.#ledger.anchorAt(index);
    const { ackedAnchor } = this.#ledger;
    if (sent === undefined) {
      const isOld = ackedAnchor !== undefined && index < ackedAnchor;
      // An older anchor is judged as the loss of the newer one, at the end.
      if (!isOld) this.#violate("UNKNOWN", `anchor ${index}`);
      return;
    }
    this.#anchor = index;
    this.compared++;
    if (!sameBytes(sent.bytes, bytes)) this.#violate("CHANGED", `anchor ${index}`);
  }

  #takeLane(lane: LaneId, range: Range): void {
    const sent = this.#ledger.lanes.get(lane);
    if (sent === undefined) {
      this.#violate("UNKNOWN", `lane ${lane}`);
      return;
    }
    const start = this.#ledger.startUnder(this.#anchor, lane);
    this.#lanes.set(lane, this.#range(`lane ${lane}`, sent, range, start));
  }

  #range(what: string, sent: SentLog, { first, next }: Range, start: bigint): Found {
    if (first > start) this.#violate("PRUNED_TOO_FAR", numbers(what, start, first));
    if (first < start) this.#violate("NOT_PRUNED", numbers(what, first, start));
    if (next > sent.next) this.#violate("UNKNOWN", numbers(what, sent.next, next));
    return { what, sent, first, next, expected: first };
  }

  #takeRecord(found: Found | undefined, number: bigint, bytes: Uint8Array): void {
    if (found === undefined || number < found.expected || number >= found.next) {
      this.#violate("UNKNOWN", `${found?.what ?? "a lane not named"} ${number}`);
      return;
    }
    if (number > found.expected) {
      this.#violate("HOLE", numbers(found.what, found.expected, number));
    }
    found.expected = number + 1n;
    const sent = found.sent.at(number);
    this.compared++;
    // A number that was never sent, or lies below the anchor, is judged by its range.
    if (sent !== undefined && !sameBytes(sent, bytes)) {
      this.#violate("CHANGED", `${found.what} ${number}`);
    }
  }

  #takePin(pin: Extract<FoundEvent, { kind: "pinFound" }>): void {
    const where = `pin of lane ${pin.lane} ${pin.number}`;
    const sent = this.#ledger.lanes.get(pin.lane)?.at(pin.number);
    const hash = sent === undefined ? undefined : headerHash(decodeSignedBlock(sent).msg.header);
    const isOpen = pin.number >= this.laneNext(pin.lane);
    if (!isOpen || hash === undefined || !sameBytes(hash, pin.headerHash)) {
      this.#violate("PIN_WRONG", where);
    }
  }

  #finishLog(found: Found | undefined, sent: SentLog, what: string): void {
    const next = found?.next ?? 0n;
    if (next < sent.ackedNext) this.#violate("LOST", numbers(what, next, sent.ackedNext));
    if (found === undefined) return;
    if (found.expected < next) this.#violate("HOLE", numbers(what, found.expected, next));
    if (next <= sent.next) {
      const known = sent.acknowledgeTo(next);
      assert(known, "what was recovered was sent");
    }
  }

  #violate(rule: Violation["rule"], where: string): void {
    this.violations.push({ rule, where });
  }
}

function numbers(what: string, first: bigint, next: bigint): string {
  return `${what} [${first}, ${next})`;
}
