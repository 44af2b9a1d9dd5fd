/** A/B pairs of the consensus votes: what opening one gives, and where the next write goes. */
import { describe, expect } from "vitest";
import { z } from "zod";
import { decodeSlot, encodeSlot, SLOT_HEAD_BYTES } from "../../src/disk/slots/form.js";
import { StateError } from "../../src/sei/format/state-error.js";
import { readVoteSlots } from "../../src/sei/format/vote-slots.js";
import { verifyVoteState } from "../../src/sei/import/vote-state.js";
import { PersisterError } from "../../src/types/errors.js";
import type { Epoch } from "../../src/wire/committee.js";
import { decodePersistedInner } from "../../src/wire/codec/decode.js";
import { DecodeError } from "../../src/wire/codec/decode-error.js";
import { encodePersistedInner } from "../../src/wire/codec/encode.js";
import { sha256 } from "../../src/wire/hash.js";
import { VerifyError } from "../../src/wire/verify-error.js";
import { hex, toHex } from "../wire/bytes.js";
import { decimal, describeGolden, eachCase, forPeople, hexText, read } from "./kit/cases.js";
import { member } from "./kit/committees.js";
import {
  changed,
  changeShape,
  committeeShape,
  type DirectoryOnDisk,
  epochOf,
  epochShape,
  expectPristine,
  filesShape,
  inPlace,
} from "./kit/directories.js";

const layout = z.strictObject({
  about: z.record(z.string(), forPeople),
  members: z.array(member).min(1),
  epoch: epochShape,
  messages: z.array(z.unknown()).min(1),
  cases: z.array(z.unknown()).min(1),
  derived: z.array(z.unknown()).min(1),
});
const slotName = z.enum(["a", "b"]);
const nextWrite = z.strictObject({
  slot: slotName,
  seq: decimal,
  emptyMessageFile: hexText.optional(),
});
const filesAfterOpen = z.array(z.string()).optional();
const loaded = {
  outcome: z.literal("loaded"),
  seq: decimal,
  slot: slotName,
  dataLength: z.number(),
  dataSha256: hexText,
  nextWrite,
  filesAfterOpen,
};
const open = z.union([
  z.strictObject({ outcome: z.literal("fresh"), nextWrite, filesAfterOpen }),
  z.strictObject({ ...loaded, messageDecodes: z.literal(true), messageValid: z.boolean() }),
  z.strictObject({ ...loaded, messageDecodes: z.literal(false), messageErrorClass: z.string() }),
  z.strictObject({
    outcome: z.literal("error"),
    errorClass: z.string(),
    goError: forPeople.optional(),
  }),
]);
type Open = z.infer<typeof open>;

const opened = z.strictObject({ name: z.string(), note: forPeople, files: filesShape, open });
const derived = z.strictObject({ from: z.string(), change: changeShape, open });
const message = z.strictObject({
  name: z.string(),
  length: z.number(),
  bytes: hexText,
  sha256: hexText,
  valid: z.boolean(),
  reencodesToInput: z.boolean(),
});

/** The answer of our reader, in the words of the golden file. */
async function openingOf({ disk, directory }: DirectoryOnDisk, epoch: Epoch): Promise<unknown> {
  try {
    const { next, missing, ...found } = await readVoteSlots(disk, directory);
    const made = missing.map((slot) => `inner_${slot}.pb`);
    if (found.kind === "fresh") return { outcome: "fresh", nextWrite: next, made };
    return {
      outcome: "loaded",
      seq: found.seq,
      slot: found.slot,
      dataLength: found.message.length,
      dataSha256: toHex(sha256(found.message)),
      ...(await usabilityOf(found.message, epoch)),
      nextWrite: next,
      made,
    };
  } catch (cause) {
    if (cause instanceof StateError) return { outcome: "error", errorClass: cause.errorClass };
    if (cause instanceof PersisterError && cause.code === "IO") {
      return { outcome: "error", errorClass: "os_read_error" };
    }
    throw cause;
  }
}

async function usabilityOf(bytes: Uint8Array, epoch: Epoch): Promise<object> {
  try {
    await verifyVoteState(decodePersistedInner(bytes), epoch);
    return { messageDecodes: true, messageValid: true };
  } catch (cause) {
    if (cause instanceof DecodeError) {
      return { messageDecodes: false, messageErrorClass: cause.reason };
    }
    if (cause instanceof VerifyError) return { messageDecodes: true, messageValid: false };
    throw cause;
  }
}

/** The same of a golden case; `before` are the names that were there, where the case tells them. */
function wanted(verdict: Open, before?: readonly string[]): unknown {
  if (verdict.outcome === "error") {
    return { outcome: "error", errorClass: verdict.errorClass };
  }
  const { nextWrite: next, filesAfterOpen: after, ...rest } = verdict;
  const made = after && before ? after.filter((name) => !before.includes(name)) : expect.anything();
  return { ...rest, nextWrite: { slot: next.slot, seq: next.seq }, made };
}

/** The file that the next write of an empty message makes is the one that we would make. */
function expectNextWrite({ seq, emptyMessageFile }: z.infer<typeof nextWrite>): void {
  if (emptyMessageFile === undefined) return;
  // sei-chain writes sequence 0 after the last one. We refuse to, since no reader takes it.
  const ours = () => encodeSlot(seq, new Uint8Array(0), SLOT_HEAD_BYTES);
  if (seq > 0n) expect(toHex(ours())).toBe(emptyMessageFile);
  else expect(ours).toThrow("above 0");
  expect(decodeSlot(hex(emptyMessageFile)).status).toBe(seq > 0n ? "valid" : "corrupt");
}

describeGolden("ab/cases.json", layout, (sections, whole) => {
  const epoch = (): Epoch => epochOf(read(committeeShape, whole));

  describe("directories", () => {
    const cases = {
      of: "cases",
      entries: sections("cases"),
      shape: opened,
      named: ["name"],
    };
    eachCase(cases, async ({ name, files, open: verdict }) => {
      const before = files.map(({ path }) => path);
      await inPlace(`ab/${name}`, async (found) => {
        expect(await openingOf(found, epoch())).toEqual(wanted(verdict, before));
      });
      if (verdict.outcome !== "error") expectNextWrite(verdict.nextWrite);
      expectPristine(`ab/${name}`, files);
    });
  });

  describe("changed copies", () => {
    const cases = { of: "derived", entries: sections("derived"), shape: derived, named: ["from"] };
    eachCase(cases, async ({ from, change, open: verdict }) => {
      const found = await changed(`ab/${from}`, change);
      expect(await openingOf(found, epoch())).toEqual(wanted(verdict));
    });
  });

  describe("the messages in them", () => {
    const cases = {
      of: "messages",
      entries: sections("messages"),
      shape: message,
      named: ["name"],
    };
    eachCase(cases, async (each) => {
      const bytes = hex(each.bytes);
      expect([bytes.length, toHex(sha256(bytes))]).toEqual([each.length, each.sha256]);
      const encoded = toHex(encodePersistedInner(decodePersistedInner(bytes)));
      expect(encoded === each.bytes).toBe(each.reencodesToInput);
      const usable = { messageDecodes: true, messageValid: each.valid };
      expect(await usabilityOf(bytes, epoch())).toEqual(usable);
    });
  });
});
