/**
 * The heights of the guards (D6), and the note in which they are durable.
 *
 * A store that was restored from a backup is an older life of its validator. The life in between may
 * have signed above everything that is held here. So each lane, and the votes on the road, have a height:
 * numbers below it may have been signed. While a height is unknown, any number may have been.
 *
 * A guard is never taken back when the chain passes it, and need not be: a quorum has decided what lies
 * below, so a signature there is of no use. It only stops to matter.
 */
import { u64Text } from "../../codec/u64-text.js";
import { z } from "zod";
import { isLaneId, type LaneId } from "../../types/lane.js";

/** Numbers below a height may have been signed; all of them, while it is unknown. */
export type Height = bigint | "unknown";

export interface Heights {
  /** Of the blocks and votes of each lane that `byLane` does not name. */
  readonly lanes: Height;
  readonly byLane: ReadonlyMap<LaneId, Height>;
  /** Of votes on the road, and of proposals: a road index. */
  readonly votes: Height;
}

/** Heights to raise to. Those that are left out stay as they are. */
export interface Raise {
  readonly lanes?: bigint | undefined;
  readonly byLane?: ReadonlyMap<LaneId, bigint> | undefined;
  readonly votes?: bigint | undefined;
}

/** The sources of heights. `restored` and `repaired` are the store's own, and set them to unknown. */
export const guardAuthors = ["restored", "repaired", "watermarks", "peers", "operator"] as const;
export type RaisedBy = (typeof guardAuthors)[number];

/** The guards as they stand from the moment of this note on. */
export interface GuardNote extends Heights {
  /**
   * The end of each lane in the store that was restored: the life in between began with the blocks below,
   * and can have voted for no others.
   */
  readonly proven: ReadonlyMap<LaneId, bigint>;
  /** Of the newest restore: this life is another machine than the lives before. Empty without one. */
  readonly life: string;
  readonly by: RaisedBy;
  readonly reason: string;
  readonly atMs: number;
}

/** The heights of a store that was never restored: nothing is guarded. */
export const NO_GUARDS: Heights = { lanes: 0n, byLane: new Map(), votes: 0n };

export function laneHeight({ lanes, byLane }: Heights, lane: LaneId): Height {
  return byLane.get(lane) ?? lanes;
}

/** Whether `number` lies below the height. */
export function isBelow(number: bigint, height: Height): boolean {
  return height === "unknown" || number < height;
}

/** A lane that is given no height of its own gets that of all lanes. */
export function raised(heights: Heights, raise: Raise): Heights {
  const named = new Set([...heights.byLane.keys(), ...(raise.byLane?.keys() ?? [])]);
  const byLane = [...named].map((lane) => {
    return [
      lane,
      higher(laneHeight(heights, lane), raise.byLane?.get(lane) ?? raise.lanes),
    ] as const;
  });
  return {
    lanes: higher(heights.lanes, raise.lanes),
    byLane: new Map(byLane),
    votes: higher(heights.votes, raise.votes),
  };
}

/** An operator may also lower a height: it is a decision, on record with its reason (D6). */
export function decided(heights: Heights, raise: Raise): Heights {
  // Heights for all lanes are for those with a height of their own, too.
  const byLane = raise.lanes === undefined ? [...heights.byLane] : [];
  return {
    lanes: raise.lanes ?? heights.lanes,
    byLane: new Map([...byLane, ...(raise.byLane ?? [])]),
    votes: raise.votes ?? heights.votes,
  };
}

function higher(height: Height, other: bigint | undefined): Height {
  if (other === undefined) return height;
  return height === "unknown" || other > height ? other : height;
}

const height = z.union([z.literal("unknown"), u64Text]);
const lane = z.custom<LaneId>(isLaneId);

function eachLane<Value extends z.ZodType>(value: Value) {
  const entries = z.record(z.string(), value).transform((fields) => Object.entries(fields));
  return entries.pipe(z.array(z.tuple([lane, z.custom<z.output<Value>>()]))).transform((each) => {
    return new Map(each);
  });
}

const note = z.object({
  lanes: height,
  byLane: eachLane(height),
  votes: height,
  proven: eachLane(u64Text),
  life: z.string().default(""),
  by: z.enum(guardAuthors),
  reason: z.string(),
  atMs: z.number(),
});

/** The note in the fields of a JSON object; `undefined` if there is none. */
export function readGuardNote(fields: unknown): GuardNote | undefined {
  return note.safeParse(fields).data;
}
