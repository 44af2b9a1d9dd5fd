/**
 * Object storage that is not of the suite: moto, which Amazon's own tests of clients use. It is tried where this
 * machine has it (`pip install "moto[server,s3]"`); it keeps conditions, and proves neither signatures nor checksums.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { openBucket } from "../../../src/archive/open-bucket.js";
import type { BucketHome } from "./homes.js";

const NAME = "lanekeeper-tests";
const credentials = () => ({ accessKeyId: "AKTEST", secretAccessKey: "of moto" });

const hasMoto = spawnSync("moto_server", ["--help"]).status === 0;
if (!hasMoto) console.log("no moto_server on this machine: the suite's own server alone was tried");

/** A home in moto, or none. */
export const motoHomes: readonly (readonly [string, () => Promise<BucketHome>])[] = hasMoto
  ? [["moto", home]]
  : [];

let server: { readonly child: ChildProcess; readonly endpoint: Promise<string> } | undefined;

/** Each home has a prefix of its own in one server. */
async function home(): Promise<BucketHome> {
  server ??= started();
  const prefix = randomBytes(8).toString("hex");
  const address = `s3://${NAME}/${prefix}?endpoint=${await server.endpoint}`;
  const bucket = await openBucket(address, { credentials });
  return { bucket, address, end: () => bucket.close() };
}

/** Ends the server, if one was started. */
export async function endMoto(): Promise<void> {
  if (!server) return;
  const { child } = server;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await ended;
  server = undefined;
}

function started(): NonNullable<typeof server> {
  const child = spawn("moto_server", ["-p", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const endpoint = new Promise<string>((resolve, reject) => {
    let told = "";
    const hear = (text: Buffer): void => {
      told += text.toString();
      const [, at] = /Running on (http:\/\/[\d.:]+)/.exec(told) ?? [];
      if (at !== undefined) resolve(at);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`moto_server ended with ${code}: ${told}`)));
  });
  const made = endpoint.then(async (at) => {
    const { ok, status } = await fetch(`${at}/${NAME}`, { method: "PUT" });
    if (!ok) throw new Error(`moto made no bucket: status ${status}`);
    return at;
  });
  return { child, endpoint: made };
}
