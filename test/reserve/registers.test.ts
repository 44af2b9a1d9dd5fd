/**
 * Every engine of reservations: the homes of a bucket, a stub of etcd, and a real etcd where the machine has one.
 * A real object store is among them where LANEKEEPER_S3_ENDPOINT names one.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probe } from "../../src/archive/bucket/probe.js";
import type { Register } from "../../src/reserve/chain.js";
import { openRegister } from "../../src/reserve/register.js";
import { homes as bucketHomes } from "../archive/bucket/homes.js";
import { hasCode } from "../../src/types/errors.js";
import { begin, machineOn, takeOver } from "./machines.js";
import { EtcdStub } from "./etcd-stub.js";

interface Home {
  readonly register: Register;
  readonly end: () => Promise<void>;
}

async function stub(): Promise<Home> {
  const server = await EtcdStub.start();
  return await etcdAt(server.port, () => server.stop());
}

async function etcdAt(port: number, stop: () => Promise<void>): Promise<Home> {
  const register = await openRegister(`etcd://127.0.0.1:${port}/lanekeeper`);
  const end = async (): Promise<void> => {
    await register.close();
    await stop();
  };
  return { register, end };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function real(): Promise<Home> {
  const [client, peer] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-etcd-"));
  const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const args = ["--name", "n", "--data-dir", folder, "--initial-cluster", `n=${peers}`];
  const urls = ["--listen-client-urls", clients, "--advertise-client-urls", clients];
  const peerUrls = ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers];
  const child: ChildProcess = spawn("etcd", [...args, ...urls, ...peerUrls], { stdio: "ignore" });
  return await etcdAt(client, async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });
}

/** A server that was started a moment ago may not listen yet. */
async function answered(register: Register): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for (;;) {
    try {
      await register.get("x", { signal });
      return;
    } catch (cause) {
      if (!hasCode(cause, "BUCKET_FAILED")) throw cause;
    }
  }
}

const hasEtcd = spawnSync("etcd", ["--version"]).status === 0;
if (!hasEtcd) console.log("no etcd on this machine: the stub alone was tried");

const buckets = bucketHomes.map(([name, make]) => {
  const home = async (): Promise<Home> => {
    const { bucket: register, end } = await make();
    return { register, end };
  };
  return [name, home] as const;
});
const homes = [
  ...buckets,
  ["a stub of etcd", stub] as const,
  ...(hasEtcd ? [["a real etcd", real] as const] : []),
];

describe.for(homes)("reservations in %s", ([, make]) => {
  let home: Home;
  let register: Register;
  const bytes = (from: string): Uint8Array => Buffer.from(from);
  const text = (from: Uint8Array): string => Buffer.from(from).toString();

  beforeAll(async () => {
    home = await make();
    register = home.register;
    await answered(register);
  });
  afterAll(() => home.end());

  test("R9 an object is created once, and replaced only by its tag", async () => {
    expect(await register.get("x")).toBeUndefined();
    const first = await register.putIfAbsent("x", bytes("1"));
    expect(first).toMatchObject({ stored: true });
    const second = await register.putIfAbsent("x", bytes("2"));
    expect(!second.stored && second.held && text(second.held.bytes)).toBe("1");
    // The answer of a put may have been lost.
    expect(await register.putIfAbsent("x", bytes("1"))).toEqual(first);
    const { tag } = (await register.get("x"))!;
    expect(first).toEqual({ stored: true, tag });
    expect(await register.putIfMatch("x", bytes("2"), tag)).toMatchObject({ stored: true });
    expect(await register.putIfMatch("x", bytes("3"), tag)).toMatchObject({ stored: false });
    expect(await register.putIfMatch("x", bytes("3"), "no revision")).toMatchObject({
      stored: false,
    });
    expect(text((await register.get("x"))!.bytes)).toBe("2");
  });

  test("R9 it keeps the conditions of many puts at once", async () => {
    await probe(register, "create and replace");
  });

  test("R2 one machine takes over from another one, above its bounds", async () => {
    const a = await machineOn(register, "a");
    await begin(a);
    await a.reservations.reserved("road", 0n);
    const { next } = a.reservations.placesOf("road");
    const b = await machineOn(register, "b");
    await takeOver(b);
    await b.reservations.reserved("road", next);
    expect(b.reservations.placesOf("road").first).toBe(next);
    expect(a.reservations.placesOf("road")).toEqual({ first: 0n, next });
  });
});

test("an address without a port, and certificates that are not there, are refused", async () => {
  for (const address of ["etcd://localhost/x", "etcd://localhost:2379/x?ca=/not/there"]) {
    await expect(openRegister(address)).rejects.toMatchObject({ code: "USAGE" });
  }
});
