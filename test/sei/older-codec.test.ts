/** The older revision's messages: frozen bytes, what its decoders accept, and where they panic. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCommitQC,
  decodeMsg,
  decodePersistedInner,
  decodePruneAnchor,
  decodeSignedBlock,
  decodeWrapper,
} from "../../src/sei/older/decode.js";
import {
  encodeCommitQC,
  encodeMsg,
  encodePayload,
  encodePersistedInner,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../../src/sei/older/encode.js";
import { headerHash, msgDigest, payloadHash } from "../../src/sei/older/hash.js";
import { laneKeyOf, type Payload, type PersistedInner } from "../../src/sei/older/messages.js";
import * as schemas from "../../src/sei/older/schema.js";
import { blockNumber } from "../../src/types/numbers.js";
import { DecodeError } from "../../src/wire/decode-error.js";
import { keyPairFromSeed } from "../../src/wire/ed25519.js";
import { sha256 } from "../../src/wire/hash.js";
import { ZERO_HASH } from "../../src/wire/messages.js";
import { hex, seedOf, toHex } from "../wire/bytes.js";
import {
  appQCAt,
  certificate,
  chainOf,
  commitQCAt,
  keys,
  lanes,
  proposalAt,
  range,
  signed,
} from "./older-chain.js";

const owner = keyPairFromSeed(seedOf("node-0"));
const payload: Payload = {
  createdAt: { seconds: 1_700_000_000n, nanos: 5 },
  totalGas: 21_000n,
  edgeCount: 0n,
  coinbase: new Uint8Array(0),
  basefee: 0n,
  txs: [Uint8Array.from(Buffer.from("tx"))],
};
const header = {
  lane: laneKeyOf(owner.publicKey),
  blockNumber: blockNumber(0n),
  parentHash: ZERO_HASH,
  payloadHash: payloadHash(payload),
};

/** A field of bytes: short ones only. */
const field = (number: number, content: string): string =>
  toHex(Uint8Array.of(number * 8 + 2, content.length / 2)) + content;

const errorOf = (decode: () => unknown): DecodeError => {
  try {
    decode();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error("it was accepted");
};

describe("frozen vectors", () => {
  it("the payload has its bytes and hash", () => {
    expect(toHex(encodePayload(payload))).toBe("0a080880e2cfaa0610051088a40118002200280032027478");
    expect(toHex(payloadHash(payload))).toBe(
      "9eb9f77166bad8376e20f13ec23815066a9989642b63cbe92ee63fe88c0aaf6f",
    );
  });

  it("the header has its hash, the block its digest, and the record its signature and bytes", () => {
    expect(toHex(headerHash(header))).toBe(
      "1bc13f534916f37377d7ae18b80ac7dc742911f0d0c00a87c494c523bafd91a0",
    );
    expect(toHex(msgDigest({ arm: "lane_proposal", value: { header, payload } }))).toBe(
      "b094ec62084f157d3081f886357c722c60a34dc21f246a15fa8dbeee17fa0049",
    );
    const block = signed("lane_proposal", { header, payload }, owner);
    expect(toHex(block.sig.bytes)).toBe(
      "5a5fccd365463298a0bd448a1f08e0997531f44583ddb603123a4022a50ca236" +
        "029d9d39ac8ecccd420205d989c8fdddcf312f5140dc0d0c4ef50053340d0300",
    );
    const bytes = encodeSignedBlock(block);
    expect(bytes.length).toBe(244);
    expect(toHex(sha256(bytes))).toBe(
      "3200776b2679be095e297b9b21f760cbcb607ef2e08223ef8a84d5bf8d8e5407",
    );
    expect(decodeSignedBlock(bytes)).toEqual(block);
  });

  it("an A/B file is a sequence and a message", () => {
    const bytes = hex("080112070a0568656c6c6f");
    expect(decodeWrapper(bytes)).toEqual({ seq: 1n, data: hex("0a0568656c6c6f") });
    expect(decodeWrapper(bytes.subarray(0, 2))).toEqual({ seq: 1n, data: undefined });
    expect(decodeWrapper(hex("08011200"))).toEqual({ seq: 1n, data: new Uint8Array(0) });
  });
});

const timeout = { view: { index: proposalAt(5).view.index, number: 2n } };
const prepareQC = certificate("prepare_vote", proposalAt(5), keys);
const inner: PersistedInner = {
  commitQC: commitQCAt(4, [range(lanes[1]!, 2, 3), range(lanes[0]!, 0, 0)]),
  prepareQC,
  timeoutQC: {
    votes: keys.map((by) => {
      return signed("timeout_vote", { ...timeout, latestPrepareQcViewNumber: 0n }, by);
    }),
    latestPrepareQC: prepareQC,
  },
  commitVote: signed("commit_vote", proposalAt(5), owner),
  prepareVote: signed("prepare_vote", proposalAt(5), owner),
  timeoutVote: {
    vote: signed("timeout_vote", { ...timeout, latestPrepareQcViewNumber: undefined }, owner),
    latestPrepareQC: undefined,
  },
};

describe("what is encoded comes back", () => {
  it("consensus votes, all of them and none", () => {
    for (const value of [inner, decodePersistedInner(new Uint8Array(0))]) {
      const bytes = encodePersistedInner(value);
      expect(toHex(encodePersistedInner(decodePersistedInner(bytes)))).toBe(toHex(bytes));
    }
    expect(decodePersistedInner(encodePersistedInner(inner)).timeoutQC).toEqual(inner.timeoutQC);
  });

  it("an anchor, whose app hash may be absent, empty or of any length", () => {
    for (const appHash of [undefined, new Uint8Array(0), new Uint8Array(99)]) {
      const vote = { ...appQCAt(4, 9n).vote, appHash };
      const anchor = { appQC: certificate("app_vote", vote, keys), commitQC: commitQCAt(4) };
      expect(decodePruneAnchor(encodePruneAnchor(anchor))).toEqual(anchor);
    }
  });

  it("a payload with any numbers, present or absent coinbase, any transactions", () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    const any = fc.record({
      createdAt: fc.record({
        seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        nanos: fc.integer({ min: 0, max: 999_999_999 }),
      }),
      totalGas: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      edgeCount: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      coinbase: fc.option(bytes, { nil: undefined }),
      basefee: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      txs: fc.array(bytes, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(any, (value) => {
        const block = signed("lane_proposal", { header, payload: value }, owner);
        const again = decodeSignedBlock(encodeSignedBlock(block));
        expect(again).toEqual(block);
      }),
      { numRuns: 50 },
    );
  });

  it("each of the seven arms, and each has a digest of its own", () => {
    const vote = { ...timeout, latestPrepareQcViewNumber: undefined };
    const value = proposalAt(5, [range(lanes[2]!, 1, 2)]);
    const msgs = [
      { arm: "lane_proposal", value: { header, payload } },
      { arm: "lane_vote", value: header },
      { arm: "proposal", value },
      { arm: "prepare_vote", value },
      { arm: "commit_vote", value },
      { arm: "timeout_vote", value: vote },
      { arm: "app_vote", value: appQCAt(1, 2n).vote },
    ] as const;
    for (const msg of msgs) expect(decodeMsg(encodeMsg(msg))).toEqual(msg);
    expect(new Set(msgs.map((msg) => toHex(msgDigest(msg)))).size).toBe(msgs.length);
  });
});

describe("the decoders mean what plain protobuf means", () => {
  const key = field(1, toHex(owner.publicKey));
  const sig = field(2, field(1, key) + field(2, "00".repeat(64)));

  it("of a number that occurs twice the last one holds", () => {
    expect(decodeWrapper(hex("08010802")).seq).toBe(2n);
  });

  it("messages that occur twice are one", () => {
    const view = field(1, "0805") + field(1, "1006");
    const created = field(2, "0801") + field(2, "1002");
    const { vote } = decodeCommitQC(hex(field(1, view) + field(1, created)));
    expect(vote.view).toEqual({ index: 5n, number: 6n });
    expect(vote.createdAt).toEqual({ seconds: 1n, nanos: 2 });
  });

  it("repeated fields of messages that are one are kept in order", () => {
    const vote = field(1, "12020801") + field(1, "12021002");
    const signature = (byte: string): string => field(3, field(1, key) + field(2, byte.repeat(64)));
    const qc = decodeCommitQC(hex(signature("01") + vote + signature("02")));
    expect(qc.sigs.map(({ bytes }) => bytes[0])).toEqual([1, 2]);
  });

  it("a oneof forgets an arm that another came after, also across its own pieces", () => {
    const number = "0802";
    const road = "1003";
    const apart = field(7, number) + field(7, road);
    expect(decodeMsg(hex(apart))).toMatchObject({ value: { globalNumber: 2n, roadIndex: 3n } });
    const between = field(7, number) + field(6, "") + field(7, road);
    expect(errorOf(() => decodeMsg(hex(between))).path).toBe("Msg.app_vote.global_number");
    const pieces = field(1, field(7, number)) + field(1, field(6, "") + field(7, road)) + sig;
    expect(errorOf(() => decodeSignedBlock(hex(pieces))).path).toContain("global_number");
  });

  it("of two ranges for one lane the later one holds, and ranges are sorted", () => {
    const ranges = [range(lanes[1]!, 0, 1), range(lanes[0]!, 0, 2), range(lanes[1]!, 0, 3)];
    const first = encodeMsg({ arm: "proposal", value: proposalAt(1, ranges) });
    const msg = decodeMsg(first);
    const found = msg.arm === "proposal" ? msg.value.laneRanges : [];
    expect(found.map(({ lane }) => lane)).toEqual([lanes[0]!, lanes[1]!].sort());
    expect(found.find(({ lane }) => lane === lanes[1])?.next).toBe(3n);
  });

  it("a proposal without a view is of view (0, 0), which its canonical bytes say", () => {
    const qc = decodeCommitQC(hex(field(1, "120408011002")));
    expect(qc.vote.view).toEqual({ index: 0n, number: 0n });
    expect(toHex(encodeCommitQC(qc))).toBe(field(1, "0a0408001000120408011002"));
  });

  it("nothing is limited: a block may have more transactions than any in the newer revision", () => {
    const txs = Array.from({ length: 2_001 }, () => new Uint8Array(0));
    const block = signed("lane_proposal", { header, payload: { ...payload, txs } }, owner);
    expect(decodeSignedBlock(encodeSignedBlock(block)).msg.payload.txs.length).toBe(2_001);
  });

  it("arbitrary bytes are a value or a DecodeError", () => {
    const decoders = [decodeSignedBlock, decodeCommitQC, decodePruneAnchor, decodePersistedInner];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(...decoders),
        (bytes, decode) => {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("where the original panics, ours refuses and says so", () => {
  const key = field(1, toHex(owner.publicKey));
  const block = encodeSignedBlock(chainOf(owner, 0, 1)[0]!);
  const cases: readonly [string, boolean, () => unknown, schemas.OlderSchema][] = [
    ["an empty record", true, () => decodeSignedBlock(new Uint8Array(0)), schemas.SignedMsg],
    ["a message without an arm", false, () => decodeSignedBlock(hex("0a00")), schemas.SignedMsg],
    ["a block without header", true, () => decodeSignedBlock(hex("0a020a00")), schemas.SignedMsg],
    [
      "no signature",
      true,
      () => decodeSignedBlock(block.subarray(0, block.length - 104)),
      schemas.SignedMsg,
    ],
    [
      "a signature without key",
      true,
      () => decodeCommitQC(hex(field(1, "120408011002") + field(3, ""))),
      schemas.CommitQC,
    ],
    [
      "a signature without bytes",
      false,
      () => decodeCommitQC(hex(field(1, "120408011002") + field(3, field(1, key)))),
      schemas.CommitQC,
    ],
    ["a certificate without vote", false, () => decodeCommitQC(hex("")), schemas.CommitQC],
    ["a proposal without time", true, () => decodeCommitQC(hex("0a00")), schemas.CommitQC],
    [
      "a lane range without lane",
      true,
      () => decodeCommitQC(hex(field(1, field(3, "") + "120408011002"))),
      schemas.CommitQC,
    ],
    [
      "an anchor without its commit QC",
      false,
      () => decodePruneAnchor(hex("0a00")),
      schemas.PersistedAvailPruneAnchor,
    ],
    [
      "a timeout vote without vote",
      true,
      () => decodePersistedInner(hex("3200")),
      schemas.PersistedInner,
    ],
  ];

  it.for(cases)("%s: %s", ([, panics, decode, schema]) => {
    expect(schemas.panicsThere(errorOf(decode), schema)).toBe(panics);
  });

  it("another arm is refused where a lane's block should be, and no panic", () => {
    const vote = encodeMsg({ arm: "lane_vote", value: header });
    const rest = block.subarray(block.length - 104);
    const bytes = Buffer.concat([Uint8Array.of(0x0a, vote.length), vote, rest]);
    const error = errorOf(() => decodeSignedBlock(bytes));
    expect(error.message).toContain("the message is a lane_vote");
    expect(schemas.panicsThere(error, schemas.SignedMsg)).toBe(false);
  });
});
