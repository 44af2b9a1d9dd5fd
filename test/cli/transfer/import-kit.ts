/** State directories of the original on the real disk, and the command line called on them. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { main } from "../../../src/cli/program.js";
import { type StateContents, writeSeiDirectory } from "../../../src/sei/write/write-state.js";
import type { LaneId } from "../../../src/types/lane.js";
import type { Epoch } from "../../../src/wire/committee.js";
import { encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import type { PersistedInner, PruneAnchor } from "../../../src/wire/messages.js";
import type { TestChain } from "../../model/chain.js";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What a slow machine may show of the progress. */
const progressLine = /^[a-z ]+: \d+( of \d+)? records\n/gm;

/** Calls the command line in this process; `stderr` is without progress. */
export async function call(...args: string[]) {
  const out = collected();
  const err = collected();
  const code = await main(args, {
    script: "nowhere.js",
    stdin: new PassThrough(),
    stdout: out.stream,
    stderr: err.stream,
    hasColor: false,
    clockMs: () => performance.now(),
    onInterrupt: () => () => undefined,
  });
  return { code, stdout: out.text(), stderr: err.text().replaceAll(progressLine, "") };
}

/** The program, compiled where its packages are found, until it is disposed of. */
export async function compiledProgram(): Promise<Disposable & { readonly script: string }> {
  const directory = mkdtempSync(join(root, "node_modules", ".lanekeeper-import-"));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const plain = ["--declaration", "false", "--declarationMap", "false", "--sourceMap", "false"];
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", directory, "--noCheck", ...plain];
  const dispose = () => rmSync(directory, { recursive: true });
  try {
    await execute(process.execPath, args, { cwd: root });
  } catch (error) {
    dispose();
    throw error;
  }
  cpSync(join(root, "src/cli/generated"), join(directory, "cli/generated"), { recursive: true });
  writeFileSync(join(directory, "package.json"), '{"type": "module"}');
  return { script: join(directory, "cli", "main.js"), [Symbol.dispose]: dispose };
}

/** What a stream is given, as text. */
function collected(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

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
  return {
    commitQC: chain.qc(road).qc,
    prepareQC: undefined,
    timeoutQC: undefined,
    timeoutVote: undefined,
    commitVote: undefined,
    prepareVote: undefined,
  };
}

/** The numbers [first, next). */
export type Numbers = readonly [first: bigint, next: bigint];

/** What is left out is there and sound. */
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
