/** Whole state directories: the votes, and what the availability layer holds under several anchors. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  availabilityOn,
  type Availability,
  type HeldRange,
} from "../../src/sei/read/availability.js";
import { readLayout } from "../../src/sei/format/layout.js";
import { liveRunOf } from "../../src/sei/read/live-run.js";
import { StateError } from "../../src/sei/format/state-error.js";
import { readVoteSlots } from "../../src/sei/format/vote-slots.js";
import { verifyVoteState } from "../../src/sei/import/vote-state.js";
import {
  decodeCommitQC,
  decodePersistedInner,
  decodeSignedBlock,
} from "../../src/wire/codec/decode.js";
import { encodeCommitQC, encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { sha256 } from "../../src/wire/hash.js";
import { toHex } from "../wire/bytes.js";
import { decimal, describeGolden, eachCase, forPeople, hexText } from "./kit/cases.js";
import { contextOf, epochOneShape, goldenChain, type OpeningContext } from "./kit/chain.js";
import { type DirectoryOnDisk, inPlace, namesUnder } from "./kit/directories.js";

const layout = z.strictObject({
  about: z.record(z.string(), forPeople),
  cases: z.array(z.unknown()).min(1),
});
const stored = z.array(z.tuple([decimal, hexText]));
const opening = z.discriminatedUnion("accept", [
  z.strictObject({
    accept: z.literal(true),
    anchorRoad: decimal.nullable(),
    laneDirsAfterOpen: z.array(z.string()).nullable(),
    latestCommitQC: z.tuple([decimal, hexText]).optional(),
    roadFirst: decimal,
    roadNext: decimal,
    roads: stored,
    lanes: z.record(
      hexText,
      z.strictObject({
        first: decimal,
        next: decimal,
        nextToPersist: decimal,
        blocks: stored,
      }),
    ),
  }),
  z.strictObject({
    accept: z.literal(false),
    anchorRoad: decimal.nullable(),
    errorClass: z.string(),
    goError: forPeople.optional(),
  }),
]);
const inner = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("fresh") }),
  z.strictObject({
    outcome: z.literal("loaded"),
    seq: decimal,
    slot: z.enum(["a", "b"]),
    dataLength: z.number(),
    dataSha256: hexText,
    messageDecodes: z.literal(true),
    messageValid: z.literal(true),
  }),
]);
const state = z.strictObject({
  name: z.string(),
  note: forPeople,
  files: z.array(z.string()),
  inner,
  opens: z.array(opening).min(1),
  epoch1: epochOneShape.optional(),
});

async function innerOf({ disk, directory }: DirectoryOnDisk, context: OpeningContext) {
  const found = await readVoteSlots(disk, directory);
  if (found.kind === "fresh") return { outcome: "fresh" };
  const { seq, slot, message } = found;
  const epoch = context.epochOf(0n);
  if (!epoch) throw new Error("epoch 0 is not known");
  await verifyVoteState(decodePersistedInner(message), epoch);
  return {
    outcome: "loaded",
    seq,
    slot,
    dataLength: message.length,
    dataSha256: toHex(sha256(message)),
    messageDecodes: true,
    messageValid: true,
  };
}

/** The answer of our reader to an opening with an anchor, in the words of the golden file. */
async function openingOf(
  found: DirectoryOnDisk,
  context: OpeningContext,
  anchorRoad: bigint | null,
): Promise<unknown> {
  const { latest, epochOf } = context;
  const anchor = anchorRoad === null ? undefined : context.anchors.get(anchorRoad)?.commitQC;
  if (anchorRoad !== null && !anchor) throw new Error(`there is no anchor of road ${anchorRoad}`);
  try {
    const held = await availabilityOn(found.disk, found.directory, {
      latest,
      epochOf,
      ...(anchor ? { anchor } : {}),
    });
    const { latestCommitQC: qc } = held;
    const latestCommitQC = qc && [qc.vote.view.index, toHex(sha256(encodeCommitQC(qc)))];
    return {
      accept: true,
      anchorRoad,
      laneDirsAfterOpen: held.names,
      ...(latestCommitQC ? { latestCommitQC } : {}),
      roadFirst: held.road.first,
      roadNext: held.road.next,
      roads: await roadsIn(found, held.road),
      lanes: await lanesIn(found, held),
    };
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    return { accept: false, anchorRoad, errorClass: cause.errorClass };
  }
}

async function roadsIn({ disk, directory }: DirectoryOnDisk, range: HeldRange) {
  const { commitQCs } = await readLayout(disk, directory);
  const roads: [bigint, string][] = [];
  for await (const { value } of (await liveRunOf(disk, commitQCs, decodeCommitQC)).records()) {
    const { index } = value.vote.view;
    if (isIn(index, range)) roads.push([index, toHex(sha256(encodeCommitQC(value)))]);
  }
  return roads;
}

async function lanesIn({ disk, directory }: DirectoryOnDisk, { lanes }: Availability) {
  const directories = (await readLayout(disk, directory)).lanes;
  const result: Record<string, unknown> = {};
  for (const [lane, range] of lanes) {
    const blocks: [bigint, string][] = [];
    const path = directories.find((each) => each.lane === lane)?.directory ?? directory;
    for await (const { value } of (await liveRunOf(disk, path, decodeSignedBlock)).records()) {
      const number = value.msg.header.blockNumber;
      if (isIn(number, range)) blocks.push([number, toHex(sha256(encodeSignedBlock(value)))]);
    }
    result[lane] = { ...range, nextToPersist: range.next, blocks };
  }
  return result;
}

function isIn(number: bigint, { first, next }: HeldRange): boolean {
  return number >= first && number < next;
}

/** A golden opening without what is said for people. Go writes an empty list as null. */
function wanted(given: z.infer<typeof opening>): unknown {
  if (given.accept) return { ...given, laneDirsAfterOpen: given.laneDirsAfterOpen ?? [] };
  const { goError: _, ...rest } = given;
  return rest;
}

describeGolden("state/cases.json", layout, (sections) => {
  it("the chain behind them is as expected", () => {
    expect(goldenChain().blocks.size).toBeGreaterThan(0);
  });

  describe("directories", () => {
    const cases = { of: "cases", entries: sections("cases"), shape: state, named: ["name"] };
    eachCase(cases, async ({ name, files, inner: votes, opens, epoch1 }) => {
      const context = contextOf(goldenChain(), epoch1);
      const path = `state/${name}`;
      await inPlace(path, async (found) => {
        expect(await innerOf(found, context)).toEqual(votes);
        for (const each of opens) {
          expect(await openingOf(found, context, each.anchorRoad)).toEqual(wanted(each));
        }
      });
      // git keeps no empty directories.
      const kept = files.filter((file) => !isEmptyDirectory(file, files));
      expect(namesUnder(path).filter((file) => !isEmptyDirectory(file, files))).toEqual(
        kept.toSorted(),
      );
    });
  });
});

function isEmptyDirectory(file: string, files: readonly string[]): boolean {
  return file.endsWith("/") && !files.some((each) => each !== file && each.startsWith(file));
}
