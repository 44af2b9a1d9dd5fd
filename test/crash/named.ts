/**
 * What the mark on a disk names as in flight, read by the judge itself: which numbers must be pinned
 * after an open, and at which road index the node must abstain (D6).
 */
import { decodeSlot } from "../../src/disk/slot-form.js";
import type { SimulatedDisk } from "../../src/disk/simulated.js";
import { decodeMark, MARK_SLOT_BYTES } from "../../src/journal/mark.js";
import type { NamedInFlight } from "../model/reference-model.js";
import { DIRECTORY } from "../node/surroundings.js";
import { hex } from "./session.js";

/** `undefined` where no slot of the mark can be read. */
export function namedOn(disk: SimulatedDisk): NamedInFlight | undefined {
  const bytes = disk.readNow(`/${DIRECTORY}/mark`);
  const slots = [bytes.subarray(0, MARK_SLOT_BYTES), bytes.subarray(MARK_SLOT_BYTES)];
  const marks = slots
    .map(decodeMark)
    .flatMap((slot) => (slot.status === "valid" ? [slot.mark] : []));
  const [mark] = marks.sort((one, other) => (one.sequence > other.sequence ? -1 : 1));
  if (!mark) return undefined;
  const pins = [...mark.pins, ...mark.appends].map(({ name, number, hash }) => ({
    lane: name,
    number,
    hash: hex(hash),
  }));
  const lostVote = mark.vote.inFlight > newestVote(disk) ? mark.voteRoadIndex : undefined;
  return { pins, lostVote };
}

function newestVote(disk: SimulatedDisk): bigint {
  const found = ["a", "b"].map((slot) => {
    const state = decodeSlot(disk.readNow(`/${DIRECTORY}/consensus_${slot}.pb`));
    return state.status === "valid" ? state.seq : 0n;
  });
  return found.reduce((highest, seq) => (seq > highest ? seq : highest), 0n);
}
