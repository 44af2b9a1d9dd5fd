/**
 * Valid messages of every type, to be mutated: golden ones where the golden data is, and always our
 * own, encoded from random values of a fixed seed. Long ones are left out, for the sake of numbers;
 * `bounds.test.ts` has those.
 */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import * as encode from "../../../../src/wire/codec/encode.js";
import { encodeMsg, type Msg } from "../../../../src/wire/codec/envelope.js";
import type * as m from "../../../../src/wire/messages.js";
import { golden, goldenDirectory, goldenText, hex, noGolden } from "../../../golden/kit/golden.js";
import * as random from "../../arbitraries.js";
import { BYTES, fieldOf, TreeWriter } from "./tree.js";

interface Primitives {
  readonly decode: readonly {
    readonly type: string;
    readonly bytes?: string;
    readonly accept: boolean;
  }[];
  readonly encode: readonly { readonly type: string; readonly canonical?: string }[];
  readonly digests: readonly { readonly canonicalMsg: string }[];
}

interface Certificates {
  readonly cases: readonly {
    readonly type: string;
    readonly bytes: string;
    readonly decodes: boolean;
  }[];
}

const LENGTH_MAX = 600;
const GOLDEN_MIN = 8;
const GOLDEN_COMPOSED = 36;
const OWN_MESSAGES = 40;
const OWN_SEED = 20_260_821;

const signature = random.signedBlock.map(({ sig }) => sig);
const view = random.proposal.map((proposal) => proposal.view);
const laneRange = random.proposal
  .map(({ laneRanges }) => laneRanges[0])
  .filter((range) => range !== undefined);
const timeoutVote: fc.Arbitrary<m.TimeoutVote> = fc.record({
  view,
  latestPrepareQcViewNumber: fc.option(random.u64, { nil: undefined }),
});
const block = random.signedBlock.map(({ msg }) => msg);
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const signed = <T>(msg: fc.Arbitrary<T>) => fc.record({ msg, sig: signature });
const certificate = <T>(vote: fc.Arbitrary<T>) =>
  fc.record({ vote, sigs: fc.array(signature, { maxLength: 3 }) });
const prepareQC = certificate(random.proposal);
const timeoutQC: fc.Arbitrary<m.TimeoutQC> = fc.record({
  votes: fc.array(signed(timeoutVote), { minLength: 1, maxLength: 3 }),
  latestPrepareQC: maybe(prepareQC),
});
const msg: fc.Arbitrary<Msg> = fc.oneof(
  block.map((value) => ({ kind: "lane_proposal" as const, value })),
  random.header.map((value) => ({ kind: "lane_vote" as const, value })),
  fc.record({
    kind: fc.constantFrom("proposal" as const, "prepare_vote" as const, "commit_vote" as const),
    value: random.proposal,
  }),
  timeoutVote.map((value) => ({ kind: "timeout_vote" as const, value })),
  random.app.map((value) => ({ kind: "app_vote" as const, value })),
);
const fullProposal: fc.Arbitrary<m.FullProposal> = fc.record({
  proposal: signed(random.proposal),
  laneQCs: fc.uniqueArray(certificate(random.header), {
    maxLength: 3,
    selector: (qc) => qc.vote.lane,
  }),
  timeoutQC: maybe(timeoutQC),
});
const nothing: m.PersistedInner = {
  commitQC: undefined,
  prepareQC: undefined,
  timeoutQC: undefined,
  timeoutVote: undefined,
  commitVote: undefined,
  prepareVote: undefined,
};
/** With few of its votes and QCs, as all of them together are long. */
const sparseInner: fc.Arbitrary<m.PersistedInner> = fc
  .tuple(
    random.inner,
    fc.subarray(Object.keys(nothing) as (keyof m.PersistedInner)[], { minLength: 1, maxLength: 2 }),
  )
  .map(([inner, kept]) => ({
    ...nothing,
    ...Object.fromEntries(kept.map((key) => [key, inner[key]])),
  }));

const writer = new TreeWriter();

/** A message of messages, each under its field number. */
function composed(...fields: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  return writer.write(fields.map(([number, bytes]) => fieldOf(number, BYTES, bytes))).slice();
}

/** `values`, most of them with a field at the end that is checked and dropped. */
function withDropped(
  values: fc.Arbitrary<Uint8Array>,
  field: number,
  dropped: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<Uint8Array> {
  return fc.tuple(values, fc.option(dropped)).map(([bytes, more]) => {
    return more === null ? bytes : Uint8Array.from([...bytes, ...composed([field, more])]);
  });
}

const proposalBytes = random.proposal.map(encode.encodeProposal);
const fullProposalBytes = fullProposal.map(encode.encodeFullProposal);

const own: Readonly<Record<string, fc.Arbitrary<Uint8Array>>> = {
  Timestamp: random.timestamp.map(encode.encodeTimestamp),
  PublicKey: signature.map(({ key }) => encode.encodePublicKey(key)),
  LaneID: random.header.map(({ lane }) => encode.encodeLaneId(lane)),
  Signature: signature.map(encode.encodeSignature),
  BlockHeader: random.header.map(encode.encodeBlockHeader),
  Payload: random.payload.map(encode.encodePayload),
  Block: block.map(encode.encodeBlock),
  View: view.map(encode.encodeView),
  LaneRange: laneRange.map(encode.encodeLaneRange),
  Proposal: withDropped(proposalBytes, 4, random.app.map(encode.encodeAppProposal)),
  AppProposal: random.app.map(encode.encodeAppProposal),
  TimeoutVote: timeoutVote.map(encode.encodeTimeoutVote),
  SignedBlock: random.signedBlock.map(encode.encodeSignedBlock),
  SignedBlockHeader: signed(random.header).map(encode.encodeSignedBlockHeader),
  SignedProposal: signed(random.proposal).map(encode.encodeSignedProposal),
  SignedTimeoutVote: signed(timeoutVote).map(encode.encodeSignedTimeoutVote),
  SignedAppVote: signed(random.app).map(encode.encodeSignedAppVote),
  LaneQC: certificate(random.header).map(encode.encodeLaneQC),
  PrepareQC: prepareQC.map(encode.encodePrepareQC),
  CommitQC: random.commitQC.map(encode.encodeCommitQC),
  AppQC: random.appQC.map(encode.encodeAppQC),
  FullCommitQC: fc
    .record({
      qc: certificate(random.proposal),
      headers: fc.array(random.header, { maxLength: 4 }),
    })
    .map(encode.encodeFullCommitQC),
  FullTimeoutVote: fc
    .record({ vote: signed(timeoutVote), latestPrepareQC: maybe(prepareQC) })
    .map(encode.encodeFullTimeoutVote),
  TimeoutQC: timeoutQC.map(encode.encodeTimeoutQC),
  FullProposal: withDropped(fullProposalBytes, 3, random.appQC.map(encode.encodeAppQC)),
  PersistedAvailPruneAnchor: random.anchor.map(encode.encodePruneAnchor),
  PersistedInner: sparseInner.map(encode.encodePersistedInner).filter(({ length }) => length > 0),
  Msg: msg.map(encodeMsg),
};

function goldenMessages(): ReadonlyMap<string, readonly Uint8Array[]> {
  const found = new Map<string, Uint8Array[]>();
  const add = (type: string, bytes: string | undefined): void => {
    if (bytes !== undefined) found.set(type, [...(found.get(type) ?? []), hex(bytes)]);
  };
  const { decode, encode, digests } = golden<Primitives>("primitives.json");
  for (const { type, bytes, accept } of decode) if (accept) add(type, bytes);
  for (const { type, canonical } of encode) add(type, canonical);
  for (const { canonicalMsg } of digests) add("Msg", canonicalMsg);
  for (const { type, bytes, decodes } of golden<Certificates>("qcs.json").cases) {
    if (decodes) add(type, bytes);
  }
  for (const file of readdirSync(resolve(goldenDirectory, "lanes"))) {
    if (!file.endsWith(".jsonl")) continue;
    for (const line of goldenText(`lanes/${file}`).trim().split("\n")) {
      add("SignedBlock", (JSON.parse(line) as { readonly record: string }).record);
    }
  }
  return new Map([...found, ...composedGolden(found)]);
}

/** The two types that the golden data lacks: vote state and anchors, of golden votes and QCs. */
function composedGolden(
  found: ReadonlyMap<string, readonly Uint8Array[]>,
): readonly (readonly [string, Uint8Array[]])[] {
  const nth = (type: string, index: number): Uint8Array => {
    const list = shortOf(found.get(type) ?? []);
    if (list.length === 0) throw new Error(`there is no golden ${type}`);
    return list[index % list.length]!;
  };
  const slots: readonly (readonly [number, string])[] = [
    [1, "CommitQC"],
    [2, "PrepareQC"],
    [3, "TimeoutQC"],
    [6, "FullTimeoutVote"],
    [7, "SignedProposal"],
    [8, "SignedProposal"],
  ];
  const indices = Array.from({ length: GOLDEN_COMPOSED }, (_, index) => index);
  const anchors = indices.map((index) =>
    composed([1, nth("AppQC", index)], [2, nth("CommitQC", index)]),
  );
  const inners = indices.map((index) => {
    const kept = slots.filter((_, slot) => slot === index % 6 || slot === (index >> 1) % 6);
    return composed(...kept.map(([field, type]) => [field, nth(type, index)] as const));
  });
  return [
    ["PersistedAvailPruneAnchor", anchors],
    ["PersistedInner", inners],
  ];
}

/** Those that are short, but some in any case. */
function shortOf(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  const sorted = [...messages].sort((a, b) => a.length - b.length);
  return sorted.filter(({ length }, index) => index < GOLDEN_MIN || length <= LENGTH_MAX);
}

const fromGolden = noGolden ? undefined : goldenMessages();

export interface Corpus {
  readonly golden: readonly Uint8Array[];
  readonly own: readonly Uint8Array[];
}

/** Valid messages of a type of the schema. */
export function corpusOf(type: string): Corpus {
  const values = own[type];
  if (values === undefined) throw new Error(`no messages of type ${type}`);
  const short = values.filter((bytes) => bytes.length <= LENGTH_MAX);
  return {
    golden: shortOf(fromGolden?.get(type) ?? []),
    own: fc.sample(short, { numRuns: OWN_MESSAGES, seed: OWN_SEED }),
  };
}
