/**
 * `lanekeeper serve --dev`: a temporary store with a committee of one, a signed block, and how to push it.
 * All of it goes with the process.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lanekeeper } from "../../node/lanekeeper.js";
import type { KeyName } from "../../service/config/keys.js";
import type { GivenByKey } from "../../service/config/sources.js";
import { buildBlock, signBlock } from "../../wire/build.js";
import { encodeSignedBlock } from "../../wire/codec/encode.js";
import { Committee } from "../../wire/committee.js";
import { ZERO_HASH } from "../../wire/messages.js";
import { type KeyPair, keyPairFromSeed } from "../../wire/signatures/signer.js";
import type { LaneId } from "../../types/lane.js";

const CHAIN_ID = "dev";

export interface Dev {
  readonly store: string;
  readonly given: GivenByKey;
  /** The three commands to try. */
  readonly words: (admin: { readonly host: string; readonly port: number } | undefined) => string;
}

export async function makeDev(): Promise<Dev> {
  const folder = await mkdtemp(join(tmpdir(), "lanekeeper-dev-"));
  // However the process ends, by a second signal too.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const store = join(folder, "store");
  const committee = join(folder, "committee.json");
  const push = join(folder, "block-0.json");
  const keys = keyPairFromSeed(randomBytes(32));
  const [member] = Committee.genesis([{ key: keys.publicKey, weight: 1n }]).members;
  if (!member) throw new Error("a committee of one has a member");
  await Lanekeeper.init(store, { chainId: CHAIN_ID });
  const key = Buffer.from(keys.publicKey).toString("hex");
  const epoch = { index: 0, firstRoad: 0, nextRoad: null, members: [{ key, weight: 1 }] };
  await writeFile(committee, JSON.stringify({ epochs: [epoch] }));
  const block = Buffer.from(firstBlock(member.lane, keys)).toString("base64");
  await writeFile(push, JSON.stringify({ fence: "1", block, durability: "DURABILITY_DURABLE" }));
  const settings: readonly (readonly [KeyName, string])[] = [
    ["chainId", CHAIN_ID],
    ["committee", committee],
    ["admin.listen", "127.0.0.1:0"],
  ];
  return {
    store,
    given: new Map(settings.map(([name, value]) => [name, { value, origin: "--dev" }])),
    words: (admin) => wordsOf(join(store, "lanekeeper.sock"), push, member.lane, admin),
  };
}

function firstBlock(lane: LaneId, keys: KeyPair): Uint8Array {
  const seconds = BigInt(Math.floor(Date.now() / 1000));
  const payload = {
    createdAt: { seconds, nanos: 0 },
    txs: [Buffer.from("hello")],
    totalGasWanted: 0n,
    totalGasEstimated: 0n,
  };
  const block = buildBlock({ lane, blockNumber: 0n, parentHash: ZERO_HASH, payload });
  return encodeSignedBlock(signBlock(block, keys));
}

function wordsOf(
  socket: string,
  push: string,
  lane: LaneId,
  admin: { readonly host: string; readonly port: number } | undefined,
): string {
  const base64 = Buffer.from(lane, "hex").toString("base64");
  const keeper = "lanekeeper.v1.KeeperService";
  // By its scheme: the flag -unix of grpcurl 1.9.2 and 1.9.3 takes a path for a host and a port.
  const call = "grpcurl -plaintext";
  const at = `unix:${socket}`;
  return [
    `A temporary store with a committee of one is served on ${socket}`,
    "and is removed at the end. With any gRPC tool that knows reflection, become its writer, push its",
    "first block, and read it back:",
    "",
    `  ${call} -d '{"writer": "me"}' ${at} ${keeper}/AcquireWriter`,
    `  ${call} -d @ ${at} ${keeper}/PushBlock < ${push}`,
    `  ${call} -d '{"lane": "${base64}"}' ${at} ${keeper}/ReadBlock`,
    "",
    ...(admin ? [`Its page: http://${admin.host}:${admin.port}/`, ""] : []),
  ].join("\n");
}
