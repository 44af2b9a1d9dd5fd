/** The admin listener of a running service: calls are measured, and its own roles look. */
import { expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { parseAccessList } from "../../../src/service/access/access-file.js";
import type { ServiceOptions } from "../../../src/service/service.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import { laneAt } from "../../node/kit.js";
import { readScrape, valueOf } from "../metrics/scrape.js";
import { type Running, running } from "../running.js";

const chain = new TestChain(2);
const lane = laneAt(chain, 0);
const secrets = { writer: "w".repeat(40), reader: "r".repeat(40), metrics: "m".repeat(40) };

async function withAdmin(more: Partial<ServiceOptions> = {}): Promise<Running> {
  return await running(chain, {
    admin: { host: "127.0.0.1", port: 0, hosts: [] },
    open: async (observe) => {
      return await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf, observe });
    },
    ...more,
  });
}

async function get(
  { service }: Running,
  path: string,
  token?: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${service.adminAddress?.port}${path}`, { headers });
  return { status: answer.status, text: await answer.text() };
}

test("a pushed block is in the next scrape: the lane, its acknowledgement, the call, the writer", async () => {
  const service = await withAdmin();
  const { client } = service;
  const { fence } = await client.call("KeeperService/AcquireWriter", { writer: "test" });
  const block = chain.block(lane, 0n).bytes;
  const durability = "DURABILITY_DURABLE";
  await client.call("KeeperService/PushBlock", { fence: String(fence), block, durability });
  const gap = { fence: String(fence), block: chain.block(lane, 9n).bytes, durability };
  await expect(client.call("KeeperService/PushBlock", gap)).rejects.toThrow("9");
  const scrape = readScrape((await get(service, "/metrics")).text);
  expect(valueOf(scrape, "lanekeeper_lane_durable_next_block", { lane: "0" })).toBe(1);
  expect(valueOf(scrape, "lanekeeper_ack_duration_seconds_count", { kind: "block" })).toBe(1);
  expect(valueOf(scrape, "lanekeeper_writer_fence")).toBe(Number(fence));
  const push = { grpc_service: "lanekeeper.v1.KeeperService", grpc_method: "PushBlock" };
  expect(valueOf(scrape, "grpc_server_started_total", push)).toBe(2);
  expect(valueOf(scrape, "grpc_server_handled_total", { ...push, grpc_code: "OK" })).toBe(1);
  expect(
    valueOf(scrape, "lanekeeper_refused_total", { code: "OUT_OF_SEQUENCE", kind: "block" }),
  ).toBe(1);
  expect(await get(service, "/readyz")).toEqual({ status: 200, text: "ready\n" });
});

test("where access is listed, those who read, operate or measure look, and a writer does not", async () => {
  const lines = Object.entries(secrets).map(([role, secret]) => `token ${role} ${role} ${secret}`);
  const list = parseAccessList("access", lines.join("\n"));
  const service = await withAdmin({ access: () => list });
  const statusOf = async (token?: string): Promise<number> => {
    return (await get(service, "/metrics", token)).status;
  };
  expect(await statusOf(secrets.reader)).toBe(200);
  expect(await statusOf(secrets.metrics)).toBe(200);
  expect(await statusOf(secrets.writer)).toBe(403);
  expect(await statusOf("x".repeat(40))).toBe(401);
  expect(await statusOf()).toBe(401);
  expect(await get(service, "/healthz")).toEqual({ status: 200, text: "ok\n" });
});
