/**
 * A cut: the journal at one moment, while it goes on. It is exactly what a kill would leave there if every
 * group in flight had not arrived: the segments that the head of the current one lists, up to the last
 * group that was acknowledged, and a mark that names it.
 *
 * # Invariants
 *
 * - Everything is taken in one synchronous step: segments, mark and pins are of one moment.
 * - The bytes of the cut do not change as long as it is held. Segments are never overwritten below their
 *   end, and their slots are held.
 */
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { SealedSegment } from "../form/head.js";
import type { Mark } from "../form/mark.js";
import type { MarkFile } from "../segment/mark-file.js";
import { sealSegment } from "../space/current-segment.js";
import type { Segments } from "../space/segments.js";
import type { Space } from "../space/slots.js";

export interface JournalCut {
  /** Names the last segment of the cut, its last group as acknowledged, and the pins that stood. */
  readonly mark: Mark;
  /** Oldest first. The last is the one that groups went into, as it would be sealed at the cut. */
  readonly segments: readonly SealedSegment[];
  /**
   * Up to `length` bytes of a segment from `position` on; as `DiskFile.read`.
   *
   * @throws {PersisterError} DISK_FULL where the store needed the room of a segment; IO.
   */
  read(
    segment: SealedSegment,
    position: number,
    length: number,
    into?: Uint8Array,
  ): Promise<Uint8Array>;
  /** Lets the segments go. Idempotent. */
  end(): void;
}

export function cutOf({
  segments: { current, sealed },
  space,
  markFile,
}: {
  readonly segments: Segments;
  readonly space: Space;
  readonly markFile: MarkFile;
}): JournalCut {
  const segments = [...sealed, sealSegment(current)];
  // A rotation may be under way, whose head the mark names already.
  const mark = { ...markFile.current, headSequence: current.sequence };
  assert(mark.acked < current.nextLsn, "the cut holds what its mark names as acknowledged");
  const hold = space.hold(segments.map(({ slot }) => slot));
  const files = new Map(segments.map((segment) => [segment, space.slot(segment.slot).file]));
  return {
    mark,
    segments,
    read: async (segment, position, length, into) => {
      const file = files.get(segment);
      assert(file !== undefined, "a segment of the cut is read");
      const bytes = await file.read(position, length, into);
      if (hold.isBroken) throw brokenError(file.path);
      return bytes;
    },
    end: () => space.letGo(hold),
  };
}

function brokenError(file: string): PersisterError {
  const text = `${file}: the disk is full, and the store needed the room of a segment that was being copied`;
  return new PersisterError("DISK_FULL", `${text}; free some space, and begin the copy again`, {
    file,
  });
}
