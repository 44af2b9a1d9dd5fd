/** The admin listener: who may ask, what is answered, and what a bad caller can do. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as ask } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Admin, type AdminOptions, startAdmin } from "../../../src/service/admin/admin.js";
import { CLIENTS_MAX } from "../../../src/service/admin/event-stream.js";
import { Meters } from "../../../src/service/metrics/meters.js";
import type { Look, Sample } from "../../../src/service/page/look.js";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks, refusal, turns } from "../../node/kit.js";
import { measuredStore, observedOf } from "../kit.js";
import { readScrape, valueOf } from "../metrics/scrape.js";

const chain = new TestChain(3);
const lane = laneAt(chain, 0);
const TOKEN = "right-token";
let pageDirectory = "";

beforeAll(async () => {
  pageDirectory = await mkdtemp(join(tmpdir(), "lanekeeper-page-"));
  await writeFile(join(pageDirectory, "index.html"), "<!doctype html><title>page</title>");
  await writeFile(join(pageDirectory, "page.js"), "export {};");
  await writeFile(join(pageDirectory, "secret.txt"), "not of the page");
});

afterAll(async () => {
  await rm(pageDirectory, { recursive: true });
});

const onlyOne = (given: string): "right" | "wrong" => (given === TOKEN ? "right" : "wrong");

interface Running extends AsyncDisposable, Admin {
  readonly log: string[];
}

async function started(more: Partial<AdminOptions> = {}): Promise<Running> {
  const log: string[] = [];
  const admin = await startAdmin({
    observed: observedOf(chain, { kind: "opening" }),
    meters: new Meters(),
    listen: { host: "127.0.0.1", port: 0 },
    hosts: [],
    log: (level, event, facts) => void log.push(`${level} ${event} ${JSON.stringify(facts)}`),
    pageDirectory,
    ...more,
  });
  return { ...admin, log, [Symbol.asyncDispose]: () => admin.close() };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

async function get(
  { address }: Admin,
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = ask({ ...address, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

const bearer = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});

/** Reads events until `isEnough` says so. */
async function events(
  { address }: Admin,
  isEnough: (names: readonly string[]) => boolean,
  headers: Record<string, string> = {},
): Promise<readonly { readonly event: string; readonly data: unknown }[]> {
  return await new Promise((resolve, reject) => {
    const sent = ask({ ...address, path: "/events", headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${response.statusCode}`));
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part.toString();
        const found = [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)];
        const all = found.map(([, event, json]) => ({ event: event!, data: JSON.parse(json!) }));
        if (!isEnough(all.map(({ event }) => event))) return;
        sent.destroy();
        resolve(all);
      });
    });
    sent.on("error", (cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ECONNRESET") reject(cause);
    });
    sent.end();
  });
}

test("the process is healthy from its start on; it is ready when the store is, and says the code when not", async () => {
  const error = new PersisterError("JOURNAL_CORRUPT", "/var/lib/x/journal/0001.seg is damaged");
  await using opening = await started();
  await using refused = await started({ observed: observedOf(chain, { kind: "refused", error }) });
  await using store = await measuredStore(chain);
  await using open = await started(store);
  await using ending = await started({ observed: { ...store.observed, isDraining: () => true } });
  for (const admin of [opening, refused, open, ending]) {
    expect(await get(admin, "/healthz")).toMatchObject({ status: 200, text: "ok\n" });
  }
  expect(await get(open, "/readyz")).toMatchObject({ status: 200, text: "ready\n" });
  expect(await get(opening, "/readyz")).toMatchObject({ status: 503, text: "not ready\n" });
  expect(await get(ending, "/readyz")).toMatchObject({ status: 503 });
  const answer = await get(refused, "/readyz");
  expect(answer).toMatchObject({ status: 503, text: "not ready: JOURNAL_CORRUPT\n" });
});

test("metrics and status are those of the store", async () => {
  await using store = await measuredStore(chain);
  await using admin = await started(store);
  await pushBlocks(store.keeper, chain, lane, { to: 3n });
  const metrics = await get(admin, "/metrics");
  expect(metrics.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  const scrape = readScrape(metrics.text);
  expect(valueOf(scrape, "lanekeeper_lane_durable_next_block", { lane: "0" })).toBe(3);
  const status = await get(admin, "/api/status");
  expect(status.headers["content-type"]).toBe("application/json");
  const look = JSON.parse(status.text) as Look;
  expect(look.verdict).toMatchObject({
    level: "danger",
    title: expect.stringContaining("Memory mode"),
  });
  expect(look.store?.lanes[0]).toMatchObject({ label: "0", durableBlocks: 3, lag: 0, pinned: [] });
  expect(look.store?.latencies.block?.p50Ms).toBeGreaterThan(0);
});

test("a page gets the samples so far and a look at once, and another look when something changed", async () => {
  await using store = await measuredStore(chain);
  await using admin = await started(store);
  await pushBlocks(store.keeper, chain, lane, { to: 1n });
  const two = events(admin, (names) => names.filter((name) => name === "look").length >= 2);
  await pushBlocks(store.keeper, chain, lane, { from: 1n, to: 2n });
  const [samples, ...looks] = await two;
  expect(samples?.event).toBe("samples");
  expect(samples?.data as Sample[]).toHaveLength(1);
  const last = looks.at(-1)?.data as Look;
  expect(last.store?.lanes[0]?.durable).toBe("2");
});

test("every answer has the headers that shut the page in, and none lets another site read", async () => {
  await using admin = await started();
  for (const path of ["/", "/page.js", "/healthz", "/metrics", "/nothing"]) {
    const { headers } = await get(admin, path);
    expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
    expect(headers["content-security-policy"]).toContain("require-trusted-types-for 'script'");
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

test("a host name that is not the service's is refused: another site's name was bound to this address", async () => {
  await using admin = await started({ hosts: ["keeper-1.example", "fd00::1"] });
  const statusOf = async (host: string): Promise<number> => {
    return (await get(admin, "/healthz", { headers: { host } })).status;
  };
  for (const host of [
    "localhost",
    "127.0.0.1:9464",
    "[::1]:9464",
    "keeper-1.example:80",
    "[fd00::1]",
  ])
    expect(await statusOf(host)).toBe(200);
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "[::2]",
    "x@localhost",
  ])
    expect(await statusOf(host)).toBe(421);
});

test("nothing can be written, no body is read, and no file but the page's is given", async () => {
  await using admin = await started();
  expect(await get(admin, "/", {})).toMatchObject({ status: 200 });
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    expect(await get(admin, "/metrics", { method })).toMatchObject({ status: 405 });
  }
  const body = { method: "POST", headers: { "content-length": "5" } };
  expect(await get(admin, "/metrics", body).catch(() => ({ status: 413 }))).toMatchObject({
    status: 413,
  });
  for (const path of [
    "/secret.txt",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/index.html",
    "//",
    "/api",
  ]) {
    expect(await get(admin, path)).toMatchObject({ status: 404 });
  }
});

test("where tokens are asked for, health is open and everything else needs one", async () => {
  const meters = new Meters();
  await using admin = await started({ meters, tokens: onlyOne });
  for (const path of ["/healthz", "/readyz", "/"]) {
    expect((await get(admin, path)).status).not.toBe(401);
  }
  for (const path of ["/metrics", "/api/status", "/events"]) {
    expect(await get(admin, path)).toMatchObject({ status: 401 });
    expect(await get(admin, path, bearer("wrong"))).toMatchObject({ status: 401 });
  }
  expect(await get(admin, "/metrics", bearer(TOKEN))).toMatchObject({ status: 200 });
  const scrape = readScrape((await get(admin, "/metrics", bearer(TOKEN))).text);
  expect(
    valueOf(scrape, "lanekeeper_refused_total", { code: "UNAUTHENTICATED", kind: "login" }),
  ).toBe(3);
  expect(JSON.stringify([meters.refusals.recent, admin.log])).not.toContain("wrong-");
});

test("a token of another role may not look: it is refused as such, counted, and logged with its address", async () => {
  const meters = new Meters();
  const tokens = (given: string) => (given === "a-writer" ? "not allowed" : onlyOne(given));
  await using admin = await started({ meters, tokens });
  const answer = await get(admin, "/metrics?x", bearer("a-writer"));
  expect(answer).toMatchObject({ status: 403, text: expect.stringContaining("role") as string });
  expect(answer.headers).not.toHaveProperty("retry-after");
  expect(await get(admin, "/metrics", bearer("unknown"))).toMatchObject({ status: 401 });
  const counted = meters.refusals.recent.map(({ code, kind }) => `${code} ${kind}`);
  expect(counted).toEqual(["UNAUTHENTICATED login", "PERMISSION_DENIED login"]);
  expect(admin.log).toHaveLength(2);
  for (const line of admin.log) {
    expect(line).toMatch(/^warn callerRefused .*"path":"\/metrics","from":"127\.0\.0\.1 \d+"/);
    expect(line).not.toMatch(/a-writer|unknown/);
  }
});

test("a page's token becomes a cookie that no script reads; a revoked token takes its sessions with it", async () => {
  let known = TOKEN;
  await using admin = await started({ tokens: (given) => (given === known ? "right" : "wrong") });
  const begun = await get(admin, "/session", { method: "POST", ...bearer(TOKEN) });
  const [cookie] = begun.headers["set-cookie"] ?? [];
  expect(cookie).toMatch(/^lanekeeper_session=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
  expect(cookie).not.toContain(TOKEN);
  const headers = { cookie: cookie!.split(";", 1)[0]! };
  expect(await get(admin, "/api/status", { headers })).toMatchObject({ status: 200 });
  const open = events(admin, () => false, headers).catch(() => "ended");
  const first = await events(admin, (names) => names.includes("look"), headers);
  expect(first.map(({ event }) => event)).toContain("look");
  known = "another";
  expect(await get(admin, "/api/status", { headers })).toMatchObject({ status: 401 });
  expect(await get(admin, "/session", { method: "POST" })).toMatchObject({ status: 401 });
  open.catch(() => {});
});

test("a flood of wrong tokens is answered shortly, and a right one is let in meanwhile", async () => {
  const meters = new Meters();
  await using admin = await started({ meters, tokens: onlyOne });
  const statuses = new Map<number, number>();
  for (let at = 0; at < 40; at++) {
    const { status } = await get(admin, "/metrics", bearer(`wrong-${at}`));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect(Object.fromEntries(statuses)).toEqual({ 401: 10, 429: 30 });
  expect(await get(admin, "/metrics", bearer(TOKEN))).toMatchObject({ status: 200 });
  // Each of them is counted, and the first ones have a line in the log.
  expect(meters.refusals.total).toBe(40);
  expect(admin.log).toHaveLength(10);
});

test("garbage, half a request and huge headers end alone; others are served", async () => {
  await using admin = await started();
  const sent = [
    "\0\x01\x02garbage\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: loc",
    `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
  ];
  const sockets = sent.map((bytes) => {
    const socket = connect(admin.address.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(bytes);
    return socket;
  });
  expect(await get(admin, "/healthz")).toMatchObject({ status: 200 });
  for (const socket of sockets) socket.destroy();
});

test("sixteen pages may be open; one more is told to come back, and one that left makes room", async () => {
  await using admin = await started();
  const open = Array.from({ length: CLIENTS_MAX }, () => {
    const sent = ask({ ...admin.address, path: "/events" });
    sent.on("error", () => {});
    sent.end();
    return sent;
  });
  await Promise.all(open.map((sent) => new Promise((resolve) => sent.once("response", resolve))));
  expect(await get(admin, "/events")).toMatchObject({
    status: 503,
    text: "too many pages are open\n",
  });
  expect(valueOf(readScrape((await get(admin, "/metrics")).text), "lanekeeper_page_clients")).toBe(
    16,
  );
  const closed = new Promise((resolve) => open[0]!.once("close", resolve));
  open[0]!.destroy();
  await closed;
  const clients = async (): Promise<number> => {
    return valueOf(readScrape((await get(admin, "/metrics")).text), "lanekeeper_page_clients");
  };
  while ((await clients()) === CLIENTS_MAX) await turns(1);
  const again = await events(admin, (names) => names.includes("look"));
  expect(again.map(({ event }) => event)).toContain("look");
  for (const sent of open) sent.destroy();
});

test("an address that is taken is refused with a remedy", async () => {
  await using admin = await started();
  const error = await refusal(started({ listen: admin.address }), "USAGE");
  expect(error.message).toContain("choose another address");
});

test("it closes at once, with pages open", async () => {
  const admin = await started();
  const open = events(admin, () => false);
  open.catch(() => {});
  await events(admin, (names) => names.includes("look"));
  await admin.close();
  await admin.close();
  await expect(get(admin, "/healthz")).rejects.toThrow("ECONNREFUSED");
});
