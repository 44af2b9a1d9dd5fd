/** Certificates with many signatures, and the verifier's worker, which runs only when compiled. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as certificates from "../../../src/testing/certificates.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { type CommitQC, type Signature, ZERO_HASH } from "../../../src/wire/messages.js";
import { built } from "../../harness/built.js";
import { seedOf } from "../bytes.js";

export const keys = Array.from({ length: 99 }, (_, index) => keyPairFromSeed(seedOf(`v${index}`)));

/**
 * The point 0, of small order, as key and as R; with S = 0 it signs every digest by the rules of
 * ZIP-215. Only the slow judge says so.
 */
const zeroPoint = Uint8Array.from([1, ...new Uint8Array(31)]);
export const slowSignature: Signature = {
  key: zeroPoint,
  bytes: Uint8Array.from([...zeroPoint, ...new Uint8Array(32)]),
};

export const committee = Committee.genesis(
  [...keys.map(({ publicKey }) => publicKey), zeroPoint].map((key) => ({ key, weight: 1n })),
);
export const epoch: Epoch = {
  index: 0n,
  firstRoad: 0n,
  nextRoad: 100n,
  committee,
};

/** The commit QC of a road index, signed by the first `count` keys. */
export function commitQC(road: bigint, count = 99): CommitQC {
  const [first] = committee.members;
  if (first === undefined) throw new Error("the committee has members");
  const range = {
    lane: first.lane,
    first: road,
    next: road + 1n,
    lastHash: ZERO_HASH,
  };
  const view = { index: road, number: 0n, epochIndex: 0n };
  const timestamp = { seconds: 0n, nanos: 0 };
  return certificates.buildCommitQC(
    { view, timestamp, laneRanges: [range], globalFirst: road },
    keys.slice(0, count),
  );
}

/** `qc` with a signature that is another one's at `place`. */
export function withBadSignature(qc: CommitQC, place: number): CommitQC {
  const sigs = qc.sigs.map((sig, index) =>
    index === place ? { ...sig, bytes: Uint8Array.from(qc.sigs.at(place - 1)?.bytes ?? []) } : sig,
  );
  return { ...qc, sigs };
}

/** A directory with the compiled sources, in which programs may be put beside them. Remove it at the end. */
export async function compile(): Promise<{
  readonly directory: string;
  readonly remove: () => void;
}> {
  const sources = join(await built(), "src");
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-verifier-"));
  for (const name of readdirSync(sources)) symlinkSync(join(sources, name), join(directory, name));
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A worker's program with this text, in `directory`. */
export function programOf(directory: string, name: string, text: string): URL {
  const path = join(directory, name);
  writeFileSync(path, text);
  return pathToFileURL(path);
}
