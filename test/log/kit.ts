/**
 * The journals of the log's tests: a segment takes four small records, each with its
 * truncation: every group takes two blocks.
 */
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import * as kit from "../journal/kit.js";

export {
  all,
  DIRECTORY,
  forge,
  forgeHead,
  newestSegment,
  retainedPaths,
  text,
  textKind,
} from "../journal/kit.js";
export type { JournalChoices, OpenJournal } from "../journal/kit.js";

export const SEGMENT_BYTES = 88 * 1024;

export function bornJournal(segmentBytes = SEGMENT_BYTES): Promise<SimulatedDisk> {
  return kit.bornJournal(segmentBytes);
}

export function openJournal(
  disk: SimulatedDisk,
  choices: kit.JournalChoices = {},
): Promise<kit.OpenJournal> {
  return kit.openJournal(disk, { segmentBytes: SEGMENT_BYTES, ...choices });
}
