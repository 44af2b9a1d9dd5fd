/** The older revision's A/B files: protobuf without a checksum. */
import { beforeEach, describe, expect, it } from "vitest";
import { MemoryDisk } from "../../src/disk/memory.js";
import { OlderRefusal } from "../../src/sei/older/refusal.js";
import { type KeptMessage, loadSlots } from "../../src/sei/older/slots.js";
import { PersisterError } from "../../src/types/errors.js";
import { hex, toHex } from "../wire/bytes.js";
import { lookOnly, makeDirectories, writeFile } from "./older-files.js";

let disk: MemoryDisk;

beforeEach(async () => {
  disk = new MemoryDisk();
  await makeDirectories(disk, "/state");
});

/** The slot that holds, or the reason why none does. */
async function open(a: string | undefined, b?: string): Promise<string | undefined> {
  if (a !== undefined) await writeFile(disk, "/state/inner_a.pb", hex(a));
  if (b !== undefined) await writeFile(disk, "/state/inner_b.pb", hex(b));
  try {
    return text(await loadSlots(lookOnly(disk), "/state", "inner"));
  } catch (error) {
    if (error instanceof OlderRefusal) return error.reason;
    throw error;
  }
}

function text(kept: KeptMessage | undefined): string {
  if (kept === undefined) return "fresh";
  const message = kept.message === undefined ? "no state" : toHex(kept.message);
  return `${kept.slot} ${kept.seq} ${message}`;
}

describe("the slot that holds", () => {
  const cases: readonly [string, string | undefined, string | undefined, string][] = [
    ["no files", undefined, undefined, "fresh"],
    ["empty files", "", "", "fresh"],
    ["one was written", "08011201aa", "", "a 1 aa"],
    ["B is newer", "08011201aa", "08021201bb", "b 2 bb"],
    ["A is newer", "08031201aa", "08021201bb", "a 3 aa"],
    ["the sequence alone counts, not the place", "08021201aa", "08011201bb", "a 2 aa"],
    ["an empty message is a message", "08011200", "", "a 1 "],
    ["the newer one is cut inside its message", "08011201aa", "08021202bb", "a 1 aa"],
    ["the newer one is cut inside its sequence", "08011201aa", "08", "a 1 aa"],
    [
      "the newer one is cut right after its sequence: it wins",
      "08011201aa",
      "0802",
      "b 2 no state",
    ],
    ["a flipped bit inside the message goes unseen", "08011201ab", "", "a 1 ab"],
    ["a sequence that is missing is 0", "1201aa", undefined, "a 0 aa"],
    ["fields that are unknown are passed over", "080118091201aa", "", "a 1 aa"],
    ["equal sequences", "08021201aa", "08021201aa", "corrupt"],
    ["both are garbage", "ff", "ff", "corrupt"],
    ["one is garbage and the other was never written", "ff", "", "corrupt"],
    ["one is garbage and the other missing", undefined, "ff", "corrupt"],
  ];

  it.for(cases)("%s", async ([, a, b, expected]) => {
    expect(await open(a, b)).toBe(expected);
  });
});

it("an error of the disk is not damage: it is thrown, and the other slot does not stand in", async () => {
  await writeFile(disk, "/state/inner_a.pb", hex("08011201aa"));
  const failing = {
    ...lookOnly(disk),
    openToRead: (path: string) => {
      if (!path.endsWith("_b.pb")) return lookOnly(disk).openToRead(path);
      return Promise.reject(new PersisterError("IO", "the disk does not answer", { file: path }));
    },
  };
  await expect(loadSlots(failing, "/state", "inner")).rejects.toMatchObject({ code: "IO" });
});
