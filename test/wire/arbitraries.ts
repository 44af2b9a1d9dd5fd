/** Random domain values, with the edges of u64 and i64 often. */
import fc from "fast-check";
import { laneIdOf } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { sortedRanges } from "../../src/wire/codec/encode.js";
import type * as m from "../../src/wire/messages.js";

const edges = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, U64_MAX];
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytesOf(32);

export const u64 = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: U64_MAX }));
const i64 = u64.map((value) => BigInt.asIntN(64, value));
const lane = fc.tuple(hash, u64).map(([key, joined]) => laneIdOf(key, joined));

export const timestamp: fc.Arbitrary<m.Timestamp> = fc.record({
  seconds: i64,
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});
export const header: fc.Arbitrary<m.BlockHeader> = fc.record({
  lane,
  blockNumber: u64,
  parentHash: hash,
  payloadHash: hash,
});
export const payload: fc.Arbitrary<m.Payload> = fc.record({
  createdAt: timestamp,
  txs: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
  totalGasWanted: u64,
  totalGasEstimated: u64,
});
const signature: fc.Arbitrary<m.Signature> = fc.record({ key: hash, bytes: bytesOf(64) });
const view: fc.Arbitrary<m.View> = fc.record({ index: u64, number: u64, epochIndex: u64 });
const range: fc.Arbitrary<m.LaneRange> = fc.record({
  lane,
  first: u64,
  next: u64,
  lastHash: hash,
});
export const proposal: fc.Arbitrary<m.Proposal> = fc.record({
  view,
  timestamp,
  laneRanges: fc
    .uniqueArray(range, { maxLength: 4, selector: (value) => value.lane })
    .map(sortedRanges),
  globalFirst: u64,
});
export const app: fc.Arbitrary<m.AppProposal> = fc.record({
  roadIndex: u64,
  appHash: fc.option(fc.uint8Array({ maxLength: 32 }), { nil: undefined }),
  epochIndex: u64,
  globalFirst: u64,
  globalNext: u64,
});
const sigs = fc.array(signature, { maxLength: 4 });
export const signedBlock: fc.Arbitrary<m.SignedBlock> = fc.record({
  msg: fc.record({ header, payload }),
  sig: signature,
});
export const commitQC: fc.Arbitrary<m.CommitQC> = fc.record({ vote: proposal, sigs });
export const appQC: fc.Arbitrary<m.AppQC> = fc.record({ vote: app, sigs });
export const anchor: fc.Arbitrary<m.PruneAnchor> = fc.record({ appQC, commitQC });
const timeoutVote = fc.record({
  msg: fc.record({ view, latestPrepareQcViewNumber: fc.option(u64, { nil: undefined }) }),
  sig: signature,
});
const signedProposal = fc.record({ msg: proposal, sig: signature });
const maybeQC = fc.option(commitQC, { nil: undefined });
export const inner: fc.Arbitrary<m.PersistedInner> = fc.record({
  commitQC: maybeQC,
  prepareQC: maybeQC,
  timeoutQC: fc.option(
    fc.record({
      votes: fc.array(timeoutVote, { minLength: 1, maxLength: 3 }),
      latestPrepareQC: maybeQC,
    }),
    { nil: undefined },
  ),
  timeoutVote: fc.option(fc.record({ vote: timeoutVote, latestPrepareQC: maybeQC }), {
    nil: undefined,
  }),
  commitVote: fc.option(signedProposal, { nil: undefined }),
  prepareVote: fc.option(signedProposal, { nil: undefined }),
});
