/** State directories of sei-chain on the real disk, and the command line called on them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type StateContents, writeSeiDirectory } from "../../../src/sei/write/write-state.js";
import type { LaneId } from "../../../src/types/lane.js";
import { laneRangeOf } from "../../../src/wire/build.js";
import { buildAppQC, buildCommitQC } from "../../../src/testing/certificates.js";
import type { Epoch } from "../../../src/wire/committee.js";
import { encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import type { PersistedInner, PruneAnchor } from "../../../src/wire/messages.js";
import { globalRange } from "../../../src/wire/rules/proposal.js";
import type { TestChain } from "../../model/chain.js";

/** Makes a committee file of `epochs`, each up to the next one. */
export function putCommittees(path: string, epochs: readonly Epoch[]): string {
  const listed = epochs.map(({ index, firstRoad, committee }, at) => ({
    index: `${index}`,
    firstRoad: `${firstRoad}`,
    nextRoad: epochs[at + 1]?.firstRoad.toString() ?? null,
    members: committee.members.map(({ key, weight }) => {
      return { key: Buffer.from(key).toString("hex"), weight: `${weight}` };
    }),
  }));
  writeFileSync(path, JSON.stringify({ epochs: listed }));
  return path;
}

/** Makes an anchor's file. */
export function putAnchor(path: string, anchor: PruneAnchor): string {
  writeFileSync(path, encodePruneAnchor(anchor));
  return path;
}

/** Votes that hold the commit QC of `road` and no more. */
export function votesAt(chain: TestChain, road: bigint): PersistedInner {
  return { ...noVotes, commitQC: chain.qc(road).qc };
}

/** No votes at all. */
export const noVotes: PersistedInner = {
  commitQC: undefined,
  prepareQC: undefined,
  timeoutQC: undefined,
  timeoutVote: undefined,
  commitVote: undefined,
  prepareVote: undefined,
};

/** An anchor of `road` whose range of every lane is [first, next). */
export function anchorWith(
  chain: TestChain,
  { road, first, next }: { readonly road: bigint; readonly first: bigint; readonly next: bigint },
): PruneAnchor {
  const proposal = {
    ...chain.qc(road).qc.vote,
    laneRanges: chain.lanes.map((of) => {
      const headers = numbersIn([first, next]).map((at) => chain.block(of, at).signed.msg.header);
      return laneRangeOf(of, first, headers);
    }),
  };
  const { first: globalFirst, next: globalNext } = globalRange(proposal);
  const appHash = new Uint8Array(32);
  const app = { roadIndex: road, appHash, epochIndex: 0n, globalFirst, globalNext };
  return {
    commitQC: buildCommitQC(proposal, chain.keys),
    appQC: buildAppQC(app, chain.keys),
  };
}

/** Two epochs, of which the second begins at road 2 without `gone`, and its first commit QC. */
export function afterEpochZero(chain: TestChain, gone: LaneId) {
  const keys = chain.keys.filter((pair) => pair !== chain.keysOf(gone));
  const weights = keys.map((pair) => ({ key: pair.publicKey, weight: 1n }));
  const epochs: readonly Epoch[] = [
    { ...chain.epoch, nextRoad: 2n },
    { ...chain.epoch, index: 1n, firstRoad: 2n, committee: chain.committee.after(1n, weights) },
  ];
  const { vote } = chain.qc(2n).qc;
  const proposal = {
    ...vote,
    view: { ...vote.view, epochIndex: 1n },
    laneRanges: vote.laneRanges.filter(({ lane }) => lane !== gone),
  };
  return { epochs, commitQC: buildCommitQC(proposal, keys) };
}

/** The numbers [first, next). */
export type Numbers = readonly [first: bigint, next: bigint];

/** A part that is left out is there and sound. */
export interface SeiParts {
  readonly lanes?: Iterable<readonly [LaneId, Numbers]>;
  readonly road?: Numbers;
  readonly votes?: PersistedInner;
}

/** A directory of `chain`: roads [0, 5), blocks [0, 7) of each lane, and the votes after road 4. */
export async function putSei(path: string, chain: TestChain, parts: SeiParts = {}): Promise<void> {
  const { lanes = chain.lanes.map((lane) => [lane, [0n, 7n]] as const), road = [0n, 5n] } = parts;
  const contents: StateContents = {
    lanes: [...lanes].map(([lane, range]) => {
      return [lane, numbersIn(range).map((number) => chain.block(lane, number).signed)] as const;
    }),
    commitQCs: numbersIn(road).map((index) => chain.qc(index).qc),
    votes: parts.votes ?? votesAt(chain, road[1] - 1n),
  };
  await writeSeiDirectory(path, contents);
}

export function numbersIn([first, next]: Numbers): bigint[] {
  return Array.from({ length: Number(next - first) }, (_, at) => first + BigInt(at));
}

/** Every file under `path` with a digest of its bytes. */
export function digestsUnder(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted()) {
    const file = join(path, name);
    if (!statSync(file).isFile()) continue;
    found[name] = createHash("sha256").update(readFileSync(file)).digest("hex");
  }
  return found;
}
