/** No flipped bit, wherever it lies, is read as something else than was written. */
import { beforeAll, describe, expect, test } from "vitest";
import type { World } from "../../../src/testing/simulated/world.js";
import { decodeSlot } from "../../../src/disk/slots/form.js";
import {
  chainStart,
  expectedHeaderCrc,
  RECORD_HEADER_BYTES,
  recordsStart,
} from "../../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";
import { decodeMark, MARK_SLOT_BYTES } from "../../../src/journal/form/mark.js";
import { decodeStore } from "../../../src/journal/form/store.js";
import { Campaign } from "../states/campaign.js";
import { STORE_PATH } from "./harms.js";
import { steadyWork } from "../history/workloads.js";
import { bytesIn } from "../history/worlds.js";
import { ONE_IN } from "../../scale.js";

const SEED = 17;
const MIB = 1024 * 1024;
let world: World;

beforeAll(async () => {
  const campaign = new Campaign(SEED);
  ({ world } = (await campaign.run(await campaign.born(), steadyWork, "lived", 1)).end);
});

/** Up to this length every bit is tried at any scale. */
const SMALL_BYTES = 1024;

/** Flips the bits of `bytes` in turn, of many the share of the scale; those that `isRead` takes for whole. */
function acceptedFlips(bytes: Uint8Array, isRead: (flipped: Uint8Array) => boolean): number[] {
  const flipped = Uint8Array.from(bytes);
  expect(isRead(flipped)).toBe(true);
  const accepted: number[] = [];
  const step = bytes.length > SMALL_BYTES ? ONE_IN : 1;
  for (let bit = 0; bit < 8 * bytes.length; bit += step) {
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    if (isRead(flipped)) accepted.push(bit);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
  }
  return accepted;
}

const slotFiles = ["prune_anchor_a.pb", "prune_anchor_b.pb", "consensus_a.pb", "consensus_b.pb"];

describe("every bit of it, flipped", () => {
  test.each(slotFiles)("%s is corrupt", (name) => {
    const bytes = bytesIn(world, `${STORE_PATH}/${name}`, 0, MIB);
    expect(acceptedFlips(bytes, (slot) => decodeSlot(slot).status === "valid")).toEqual([]);
  });

  test.each([0, 1])("mark slot %i is bad; what lies behind its content is not looked at", (at) => {
    const slot = bytesIn(world, `${STORE_PATH}/mark`, at * MARK_SLOT_BYTES, MARK_SLOT_BYTES);
    const contentBytes = 8 + Buffer.from(slot).readUInt32LE(0);
    const isRead = (bytes: Uint8Array): boolean => decodeMark(bytes).status === "valid";
    const whole = Buffer.alloc(MARK_SLOT_BYTES);
    const withTail = (content: Uint8Array): Uint8Array => {
      whole.set(content);
      return whole;
    };
    const content = slot.subarray(0, contentBytes);
    expect(acceptedFlips(content, (bytes) => isRead(withTail(bytes)))).toEqual([]);
    const behind = Uint8Array.from(slot).fill(0xa5, contentBytes);
    expect(decodeMark(behind)).toEqual(decodeMark(slot));
  });

  test("STORE is damaged, not ours, or too new", () => {
    const bytes = bytesIn(world, `${STORE_PATH}/STORE`, 0, MIB);
    expect(acceptedFlips(bytes, (store) => decodeStore(store).status === "valid")).toEqual([]);
  });

  test("a head is none, or too new", () => {
    const segment = bytesIn(world, `${STORE_PATH}/journal/0000.seg`, 0, MIB);
    const head = segment.subarray(0, claimedHeadBytes(segment) ?? 0);
    expect(head.length).toBeGreaterThan(0);
    expect(acceptedFlips(head, (bytes) => decodeHead(bytes).status === "head")).toEqual([]);
  });
});

test("a record's header, every bit of it, and the salt of its segment are under its checksum", () => {
  const segment = Buffer.from(bytesIn(world, `${STORE_PATH}/journal/0000.seg`, 0, MIB));
  const headBytes = claimedHeadBytes(segment) ?? 0;
  const found = decodeHead(segment.subarray(0, headBytes));
  if (found.status !== "head") throw new Error("the first slot holds a segment");
  const start = chainStart(found.head.salt);
  const from = recordsStart(headBytes);
  const header = segment.subarray(from, from + RECORD_HEADER_BYTES);
  const isRead = (bytes: Uint8Array): boolean => {
    const view = Buffer.from(bytes);
    return view.readUInt32LE(0) === expectedHeaderCrc(view, 0, start);
  };
  expect(acceptedFlips(header, isRead)).toEqual([]);
  const isSalted = (salt: Uint8Array): boolean => chainStart(salt) === start;
  expect(acceptedFlips(found.head.salt, isSalted)).toEqual([]);
});
