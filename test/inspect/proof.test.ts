/** `verify` proves what open takes on trust: payloads, signatures, QCs, and, by committees, quorums. */
import { describe, expect, test } from "vitest";
import { encodeSlot, SLOT_BYTES_DEFAULT } from "../../src/disk/slots/form.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { Depth } from "../../src/inspect/walk/proof.js";
import { laneIdOf } from "../../src/types/lane.js";
import { buildBlock, signBlock } from "../../src/wire/build.js";
import { buildCommitQC } from "../../src/testing/certificates.js";
import {
  encodeCommitQC,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../../src/wire/codec/encode.js";
import { type CommitQC, type Signature, ZERO_HASH } from "../../src/wire/messages.js";
import { forge, type Forged } from "../journal/kit.js";
import { TestChain } from "../model/chain.js";
import { born, laneAt } from "../node/kit.js";
import { FULL_PAYLOAD, inspected, smallStore } from "./kit.js";

const chain = new TestChain(4, 60);
const lane = laneAt(chain, 0);
const ANCHOR_A = "store/prune_anchor_a.pb";
const signatures: Depth = { kind: "signatures" };
const committees: Depth = { kind: "committees", epochs: [chain.epoch] };

async function holding(...records: readonly Forged[]): Promise<SimulatedDisk> {
  const disk = await born();
  forge(disk, records);
  return disk;
}

function block(number: bigint): Forged {
  return { name: lane, number, payload: chain.block(lane, number).bytes };
}

function qc(changed: CommitQC): Forged {
  return { name: "road", number: changed.vote.view.index, payload: encodeCommitQC(changed) };
}

/** The signature with its last byte changed. */
function broken(sig: Signature): Signature {
  const bytes = Uint8Array.from(sig.bytes);
  bytes[63]! ^= 1;
  return { ...sig, bytes };
}

/** The findings of each depth: class, lane, number and the words that the rule gives. */
async function told(disk: SimulatedDisk, depth: Depth): Promise<string[]> {
  const { findings } = await inspected(disk, depth);
  return findings.map(({ severity, class: code, lane: name, number, message }) => {
    const place = name === undefined ? "" : ` ${name === "road" ? name : "lane"} ${number}`;
    return `${severity} ${code}${place} ${/\((\w+)\)/.exec(message)?.[1] ?? message}`;
  });
}

test("a whole store: every block and QC is proven, and nothing is found", async () => {
  const full = new TestChain(2, FULL_PAYLOAD);
  const disk = await smallStore(full);
  for (const depth of [signatures, { kind: "committees", epochs: [full.epoch] } as const]) {
    const { findings, summary } = await inspected(disk.kill(), depth);
    expect(findings).toEqual([]);
    expect(summary.proven).toEqual({ blocks: 18, commitQCs: 9 });
    expect(summary.depth).toBe(depth.kind);
  }
  const { summary } = await inspected(disk.kill());
  expect(summary.proven).toEqual({ blocks: 0, commitQCs: 0 });
});

describe("a block", () => {
  const { signed } = chain.block(lane, 1n);
  const other = chain.block(laneAt(chain, 1), 1n).signed;
  const wrong: readonly (readonly [string, Parameters<typeof encodeSignedBlock>[0]])[] = [
    [
      "payload_hash",
      { ...signed, msg: { ...signed.msg, payload: { ...signed.msg.payload, totalGasWanted: 9n } } },
    ],
    ["bad_signature", { ...signed, sig: broken(signed.sig) }],
    ["wrong_signer", { ...signed, sig: other.sig }],
  ];

  test.each(wrong)("%s: open takes it, verify does not", async (rule, changed) => {
    const payload = encodeSignedBlock(changed);
    const disk = await holding(block(0n), { name: lane, number: 1n, payload }, block(2n));
    const { findings, summary } = await inspected(disk);
    expect([findings, summary.verdict]).toEqual([[], { opens: true }]);
    for (const depth of [signatures, committees]) {
      expect(await told(disk, depth)).toEqual([`error INVALID lane 1 ${rule}`]);
    }
  });

  test("two wrong ones are both found, and the one between them is proven", async () => {
    const bad = (number: bigint): Forged => {
      const made = chain.block(lane, number).signed;
      return { name: lane, number, payload: encodeSignedBlock({ ...made, sig: broken(made.sig) }) };
    };
    const { errors, summary } = await inspected(
      await holding(bad(0n), block(1n), bad(2n)),
      signatures,
    );
    expect(errors.map(({ number }) => number)).toEqual([0n, 2n]);
    expect(summary.proven.blocks).toBe(1);
  });

  test("whose payload does not decode", async () => {
    const { bytes } = chain.block(lane, 0n);
    const at = Buffer.from(bytes).indexOf(chain.block(lane, 0n).signed.msg.payload.txs[0]!);
    const payload = Uint8Array.from(bytes);
    // The length before the transaction: it runs over the payload now.
    payload[at - 1] = 0x7f;
    const disk = await holding({ name: lane, number: 0n, payload });
    expect((await inspected(disk)).errors).toEqual([]);
    expect(await told(disk, signatures)).toEqual(["error INVALID lane 0 malformed"]);
  });

  test("of a validator that joined later, or is in no committee: by the key in its lane", async () => {
    const keys = chain.keysOf(lane);
    const later = laneIdOf(keys.publicKey, 5n);
    const records = [0n, 1n].map((number): Forged => {
      const parentHash = number === 0n ? ZERO_HASH : chain.block(lane, 0n).hash;
      const made = buildBlock({
        lane: later,
        blockNumber: number,
        parentHash,
        payload: chain.block(lane, number).signed.msg.payload,
      });
      return { name: later, number, payload: encodeSignedBlock(signBlock(made, keys)) };
    });
    const disk = await holding(records[0]!);
    expect(await told(disk, signatures)).toEqual([]);
    const [only] = await told(disk, committees);
    expect(only).toMatch(/^warning INVALID lane 0 the lane is in no committee that was given: /);
  });
});

describe("a commit QC", () => {
  const { qc: whole } = chain.qc(0n);
  const proposal = whole.vote;

  test("with a wrong signature, one twice, or none", async () => {
    const [first, ...rest] = whole.sigs as [Signature, ...Signature[]];
    const cases: readonly (readonly [string, readonly Signature[]])[] = [
      ["bad_signature", [broken(first), ...rest]],
      ["duplicate_signer", [first, ...rest, first]],
      ["quorum", []],
    ];
    for (const [rule, sigs] of cases) {
      const disk = await holding(qc({ vote: proposal, sigs }));
      expect((await inspected(disk)).errors).toEqual([]);
      for (const depth of [signatures, committees]) {
        expect(await told(disk, depth)).toEqual([`error INVALID road 0 ${rule}`]);
      }
    }
  });

  test("of too few, or with a stranger: found where the committee is known", async () => {
    const strangers = new TestChain(5, 60);
    const few = await holding(qc(buildCommitQC(proposal, chain.keys.slice(0, 2))));
    const strange = await holding(qc(buildCommitQC(proposal, strangers.keys)));
    for (const disk of [few, strange]) expect(await told(disk, signatures)).toEqual([]);
    expect(await told(few, committees)).toEqual(["error INVALID road 0 quorum"]);
    expect(await told(strange, committees)).toEqual(["error INVALID road 0 not_a_replica"]);
  });

  test("of an epoch that was not given: told once, the signatures are checked", async () => {
    const epoch = { ...proposal.view, epochIndex: 3n };
    const later = (index: bigint): Forged => {
      const view = { ...epoch, index };
      return qc(buildCommitQC({ ...proposal, view }, chain.keys));
    };
    const disk = await holding(later(0n), later(1n));
    const { findings, summary } = await inspected(disk, committees);
    expect(findings.map(({ severity, number }) => [severity, number])).toEqual([["warning", 0n]]);
    expect(summary.proven.commitQCs).toBe(2);
  });
});

describe("the A/B slots", () => {
  async function anchored(message: Uint8Array): Promise<SimulatedDisk> {
    const disk = await born();
    disk.damage(ANCHOR_A, 0, encodeSlot(1n, message, SLOT_BYTES_DEFAULT));
    return disk;
  }

  test("an anchor with a wrong signature is refused by verify alone", async () => {
    const { appQC, commitQC } = chain.qc(2n).anchor;
    const [first, ...rest] = appQC.sigs as [Signature, ...Signature[]];
    const forged = { commitQC, appQC: { ...appQC, sigs: [broken(first), ...rest] } };
    const disk = await anchored(encodePruneAnchor(forged));
    expect((await inspected(disk)).errors).toEqual([]);
    for (const depth of [signatures, committees]) {
      const { errors, summary } = await inspected(disk, depth);
      expect(errors).toMatchObject([{ class: "ANCHOR_CORRUPT", file: ANCHOR_A }]);
      expect(summary.verdict).toMatchObject({ opens: false, class: "ANCHOR_CORRUPT" });
    }
  });

  test("an anchor of a foreign committee is refused where ours is known", async () => {
    const disk = await anchored(encodePruneAnchor(new TestChain(2, 60).qc(2n).anchor));
    expect((await inspected(disk, signatures)).errors).toEqual([]);
    expect((await inspected(disk, committees)).errors).toMatchObject([
      { class: "WRONG_COMMITTEE" },
    ]);
  });

  test("an anchor of an epoch that was not given: a warning", async () => {
    const disk = await anchored(encodePruneAnchor(chain.qc(2n).anchor));
    const none: Depth = { kind: "committees", epochs: [{ ...chain.epoch, index: 7n }] };
    const { findings, summary } = await inspected(disk, none);
    expect(findings).toMatchObject([{ class: "WRONG_COMMITTEE", severity: "warning" }]);
    expect(summary.verdict).toEqual({ opens: true });
  });

  test("a vote state that nobody can read is a warning of verify", async () => {
    const disk = await born();
    const file = "store/consensus_a.pb";
    disk.damage(file, 0, encodeSlot(1n, Buffer.from("votes?"), SLOT_BYTES_DEFAULT));
    expect((await inspected(disk)).findings).toEqual([]);
    const { findings } = await inspected(disk, signatures);
    expect(findings).toMatchObject([{ class: "INVALID", severity: "warning", file }]);
  });
});
