/**
 * The names in the mark on a disk, read by the judge itself: which numbers must still be pinned after an
 * open, and at which road index the node must abstain (D6).
 */
import { bytesOf, type Content, emptyContent } from "../../../src/testing/simulated/content.js";
import type { World } from "../../../src/testing/simulated/world.js";
import { decodeSlot } from "../../../src/disk/slots/form.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { decodeMark, MARK_SLOT_BYTES, type Mark } from "../../../src/journal/form/mark.js";
import type { NamedInFlight } from "../../model/reference-model.js";
import { DIRECTORY } from "../../node/surroundings.js";
import { hex } from "./session.js";
import { filesOf } from "./worlds.js";

/** A mark's content has its length in front of it, and a checksum. */
const FRAME_BYTES = 8;

/** `undefined` where no slot of the mark can be read. */
export function namedOn(disk: SimulatedDisk): NamedInFlight | undefined {
  const bytes = disk.readNow(`/${DIRECTORY}/mark`);
  const marks = [bytes.subarray(0, MARK_SLOT_BYTES), bytes.subarray(MARK_SLOT_BYTES)].map(markOf);
  const votes = ["a", "b"].map((slot) => {
    return voteSequenceOf(disk.readNow(`/${DIRECTORY}/consensus_${slot}.pb`));
  });
  return namedBy(marks, votes);
}

/** As `namedOn`, of a disk as a value: what was decoded before is known again. */
export function namedIn(world: World): NamedInFlight | undefined {
  const files = filesOf(world);
  const at = (name: string): Content => files.get(`/${DIRECTORY}/${name}`)?.visible ?? emptyContent;
  const votes = ["a", "b"].map((slot) => knownVote(at(`consensus_${slot}.pb`)));
  return namedBy(knownMarks(at("mark")), votes);
}

/** The mark that counts; `undefined` where no slot of it can be read. */
export function newestMarkIn(world: World): Mark | undefined {
  return newestOf(knownMarks(filesOf(world).get(`/${DIRECTORY}/mark`)?.visible ?? emptyContent));
}

function newestOf(slots: readonly (Mark | undefined)[]): Mark | undefined {
  const marks = slots.filter((mark) => mark !== undefined);
  return marks.sort((one, other) => (one.sequence > other.sequence ? -1 : 1))[0];
}

function namedBy(
  slots: readonly (Mark | undefined)[],
  votes: readonly bigint[],
): NamedInFlight | undefined {
  const mark = newestOf(slots);
  if (!mark) return undefined;
  const pins = mark.pins.map(({ name, number, hash }) => ({
    lane: name,
    number,
    hash: hex(hash),
  }));
  const newest = votes.reduce((highest, seq) => (seq > highest ? seq : highest), 0n);
  const lostVote = mark.vote.inFlight > newest ? mark.voteRoadIndex : undefined;
  return { pins, lostVote };
}

function markOf(slot: Uint8Array): Mark | undefined {
  const found = decodeMark(slot);
  return found.status === "valid" ? found.mark : undefined;
}

function voteSequenceOf(slot: Uint8Array): bigint {
  const state = decodeSlot(slot);
  return state.status === "valid" ? state.seq : 0n;
}

const votesKnown = new WeakMap<Content, bigint>();
const marksKnown = new WeakMap<Content, readonly (Mark | undefined)[]>();

function knownVote(content: Content): bigint {
  const known = votesKnown.get(content);
  if (known !== undefined) return known;
  const vote = voteSequenceOf(bytesOf(content, 0, content.size));
  votesKnown.set(content, vote);
  return vote;
}

function knownMarks(content: Content): readonly (Mark | undefined)[] {
  const known = marksKnown.get(content);
  if (known) return known;
  const marks = [0, MARK_SLOT_BYTES].map((offset) => {
    const [length] = new Uint32Array(bytesOf(content, offset, 4).slice().buffer);
    // No more of the slot than the mark takes: most of it are zeros.
    const bytes = Math.min(MARK_SLOT_BYTES, FRAME_BYTES + (length ?? 0));
    return markOf(bytesOf(content, offset, bytes));
  });
  marksKnown.set(content, marks);
  return marks;
}
