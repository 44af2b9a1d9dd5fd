import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { encodeSlot, SLOT_HEAD_BYTES } from "../../../src/disk/slots/form.js";
import { readVoteSlots } from "../../../src/sei/format/vote-slots.js";
import { currentView } from "../../../src/sei/import/vote-state.js";
import { writeVoteSlots } from "../../../src/sei/write/write-state.js";
import { signCommitVote, signPrepareVote, signTimeoutVote } from "../../../src/wire/build.js";
import { buildPrepareQC } from "../../../src/testing/certificates.js";
import { encodePersistedInner } from "../../../src/wire/codec/encode.js";
import type { PersistedInner, Proposal, TimeoutQC, View } from "../../../src/wire/messages.js";
import { lookingOnly, putFile } from "../../golden/kit/directories.js";
import { TestChain } from "../../model/chain.js";
import { importedFrom, STATE } from "../kit.js";

const chain = new TestChain();
const { epochOf } = chain;
const refusal = (errorClass: string) => expect.objectContaining({ name: "StateError", errorClass });
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const slot = (seq: bigint, message: Uint8Array): Uint8Array =>
  encodeSlot(seq, message, SLOT_HEAD_BYTES + message.length);
/** A message of one unknown field, which every parser skips. */
const unknown = (value: number): Uint8Array => Uint8Array.of(0xfa, 0x7f, 1, value);

const empty: PersistedInner = {
  commitQC: undefined,
  prepareQC: undefined,
  timeoutQC: undefined,
  timeoutVote: undefined,
  commitVote: undefined,
  prepareVote: undefined,
};
const view = (number: bigint): View => ({ index: 3n, number, epochIndex: 0n });
const at = (number: bigint): Proposal => ({ ...chain.qc(3n).qc.vote, view: view(number) });
const [voter, second] = chain.keys;
if (!voter || !second) throw new Error("the chain has keys");

const timeoutQC: TimeoutQC = {
  votes: chain.keys.map((pair) =>
    signTimeoutVote({ view: view(0n), latestPrepareQcViewNumber: undefined }, pair),
  ),
  latestPrepareQC: undefined,
};
/** All that a node can keep, in view 1 of road 3. */
const full: PersistedInner = {
  commitQC: chain.qc(2n).qc,
  timeoutQC,
  prepareQC: buildPrepareQC(at(1n), chain.keys),
  prepareVote: signPrepareVote(at(1n), voter),
  commitVote: signCommitVote(at(1n), voter),
  timeoutVote: {
    vote: signTimeoutVote({ view: view(1n), latestPrepareQcViewNumber: 1n }, voter),
    latestPrepareQC: buildPrepareQC(at(1n), chain.keys),
  },
};

async function stateOf(files: Readonly<Record<string, Uint8Array>>): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(STATE);
  for (const [name, bytes] of Object.entries(files)) await putFile(disk, `${STATE}/${name}`, bytes);
  return disk;
}

describe("the pair", () => {
  const read = async (files: Readonly<Record<string, Uint8Array>>) =>
    await readVoteSlots(lookingOnly(await stateOf(files)), STATE);

  test("of n writes holds the last two, and goes on after them", async () => {
    for (let writes = 0; writes <= 5; writes++) {
      const disk = await stateOf({});
      const messages = Array.from({ length: writes }, (_, each) => unknown(each + 1));
      await writeVoteSlots(disk, STATE, messages);
      const found = await readVoteSlots(disk, STATE);
      const next = { seq: BigInt(writes + 1), slot: writes % 2 === 0 ? "a" : "b" };
      expect(found).toMatchObject({ next, missing: [] });
      if (found.kind === "loaded") expect(found.message).toEqual(messages.at(-1));
      expect(found.kind).toBe(writes === 0 ? "fresh" : "loaded");
    }
  });

  test("without files is fresh, and both are missing", async () => {
    expect(await read({})).toMatchObject({ kind: "fresh", missing: ["a", "b"] });
  });

  test("with a damaged slot falls back to the other, and tells it", async () => {
    const torn = slot(2n, unknown(2)).subarray(0, 13);
    const found = await read({ "inner_a.pb": slot(1n, unknown(1)), "inner_b.pb": torn });
    expect(found).toMatchObject({ kind: "loaded", slot: "a", seq: 1n, damaged: { slot: "b" } });
  });

  test("all of zeros counts as damaged, unlike our own preallocated slots", async () => {
    const files = { "inner_a.pb": new Uint8Array(40), "inner_b.pb": new Uint8Array(0) };
    await expect(read(files)).rejects.toEqual(refusal("no_valid_slot"));
  });

  test("with one sequence twice is refused", async () => {
    const files = { "inner_a.pb": slot(3n, unknown(1)), "inner_b.pb": slot(3n, unknown(1)) };
    await expect(read(files)).rejects.toEqual(refusal("same_sequence"));
  });

  test("whose newer slot holds no message is refused, whatever the older one holds", async () => {
    const files = { "inner_a.pb": slot(1n, unknown(1)), "inner_b.pb": slot(2n, text("junk")) };
    await expect(read(files)).rejects.toEqual(refusal("unmarshal"));
  });
});

describe("imported votes", () => {
  const importOf = async (votes: PersistedInner | Uint8Array) => {
    const message = votes instanceof Uint8Array ? votes : encodePersistedInner(votes);
    return await importedFrom(await stateOf({ "inner_a.pb": slot(1n, message) }), { epochOf });
  };

  test("are given with their message and the road that the node votes on", async () => {
    const { items, refusals } = await importOf(full);
    expect(refusals).toEqual([]);
    const [votes] = items.filter(({ kind }) => kind === "votes");
    expect(votes).toMatchObject({ roadIndex: 3n, votes: full });
    expect(currentView(full, 0n)).toEqual(view(1n));
  });

  test("of a node that has not voted yet are given, for road 0", async () => {
    const { items } = await importOf(empty);
    expect(items.filter(({ kind }) => kind === "votes")).toMatchObject([{ roadIndex: 0n }]);
  });

  test.each<readonly [string, string, PersistedInner]>([
    [
      "a commit QC without a quorum",
      "quorum",
      { ...empty, commitQC: { ...chain.qc(2n).qc, sigs: [] } },
    ],
    ["a timeout QC of another road", "timeout_road_index", { ...full, commitQC: chain.qc(1n).qc }],
    ["a commit vote without its prepare QC", "missing", { ...full, prepareQC: undefined }],
    [
      "a prepare QC of another view",
      "other",
      { ...full, prepareQC: buildPrepareQC(at(0n), chain.keys) },
    ],
    [
      "a prepare vote of another view",
      "other",
      { ...full, prepareVote: signPrepareVote(at(0n), voter) },
    ],
    [
      "a commit vote with another's signature",
      "bad_signature",
      { ...full, commitVote: signPrepareVote(at(1n), voter) },
    ],
    [
      "a vote of a stranger",
      "not_a_replica",
      { ...full, prepareVote: signPrepareVote(at(1n), new TestChain(9).keys[8] ?? voter) },
    ],
    [
      "a timeout vote without the prepare QC that it names",
      "missing",
      {
        ...full,
        timeoutVote: full.timeoutVote && { ...full.timeoutVote, latestPrepareQC: undefined },
      },
    ],
    [
      "a timeout vote with a prepare QC that it does not name",
      "unnecessary_prepare_qc",
      {
        ...full,
        timeoutVote: full.timeoutVote && {
          ...full.timeoutVote,
          vote: signTimeoutVote({ view: view(1n), latestPrepareQcViewNumber: undefined }, voter),
        },
      },
    ],
  ])("with %s are refused (%s)", async (_, reason, votes) => {
    const { items, refusals } = await importOf(votes);
    expect(refusals).toMatchObject([{ reason, lane: undefined, file: STATE }]);
    expect(items.filter(({ kind }) => kind === "votes")).toEqual([]);
  });

  test("with a timeout QC of a road beyond its epoch are refused", async () => {
    const message = encodePersistedInner({ ...empty, commitQC: full.commitQC, timeoutQC });
    const ended = { ...chain.epoch, nextRoad: 3n };
    const disk = await stateOf({ "inner_a.pb": slot(1n, message) });
    const { refusals } = await importedFrom(disk, { epochOf: () => ended });
    expect(refusals).toMatchObject([{ reason: "road_range" }]);
  });

  test("of an epoch that is not known are refused", async () => {
    const strange = {
      ...full.prepareVote,
      msg: { ...at(0n), view: { ...view(0n), epochIndex: 9n } },
    };
    const prepareVote = { ...strange, sig: signPrepareVote(strange.msg, voter).sig };
    expect((await importOf({ ...empty, prepareVote })).refusals).toMatchObject([
      { reason: "epoch" },
    ]);
  });

  test("that parse and do not decode are refused", async () => {
    const incomplete = Uint8Array.of(0x0a, 0);
    const { refusals } = await importOf(incomplete);
    expect(refusals).toMatchObject([{ reason: "record_does_not_decode" }]);
  });

  test("in a pair that cannot be used are refused", async () => {
    const disk = await stateOf({ "inner_a.pb": text("torn") });
    const { refusals } = await importedFrom(disk, { epochOf });
    expect(refusals).toMatchObject([{ reason: "no_valid_slot" }]);
  });
});
