import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WAIT_MS_MAX, type Pacing } from "../../../src/archive/bucket/attempts.js";
import { probe } from "../../../src/archive/bucket/probe.js";
import { openBucket } from "../../../src/archive/open-bucket.js";
import type { BucketChoices } from "../../../src/archive/s3/s3-bucket.js";
import type { Bucket } from "../../../src/archive/bucket/bucket.js";
import { hasty } from "../bucket/homes.js";
import { credentials, type Fault, S3Server, type Seen } from "./server.js";

let server: S3Server;
const opened: Bucket[] = [];
beforeAll(async () => {
  server = await S3Server.start();
});
afterAll(() => server.stop());
afterEach(async () => {
  server.fault = () => undefined;
  server.objects.clear();
  server.seen.length = 0;
  for (const bucket of opened.splice(0)) await bucket.close();
});

async function bucketWith(choices: BucketChoices = {}): Promise<Bucket> {
  const bucket = await openBucket(server.address(), {
    credentials: () => credentials,
    pacing: hasty,
    ...choices,
  });
  opened.push(bucket);
  return bucket;
}

/** The first requests of a method meet these faults, the later ones none. */
function first(method: string, ...faults: readonly (Fault | undefined)[]): void {
  const left = [...faults];
  server.fault = (seen: Seen) => (seen.method === method ? left.shift() : undefined);
}

const busy = (status: number): Fault => ({ kind: "reply", status });
const body = Buffer.from("a few records");

test.for([409, 429, 500, 502, 503, 504])("a put goes on behind status %i", async (status) => {
  const bucket = await bucketWith();
  first("PUT", busy(status), busy(status));
  expect(await bucket.putIfAbsent("x", body)).toMatchObject({ stored: true });
  expect(server.seen).toHaveLength(3);
});

test("a server that stays busy is given up, with its words, after a few attempts", async () => {
  const bucket = await bucketWith();
  server.fault = () => ({ kind: "reply", status: 503, code: "SlowDown" });
  const put = bucket.putIfAbsent("x", body);
  await expect(put).rejects.toMatchObject({
    code: "BUCKET_FAILED",
    message: expect.stringMatching(/put x: status 503, SlowDown: .*after 5 attempts/) as string,
  });
  expect(server.seen).toHaveLength(5);
});

test("waits are drawn, grow, and are at least as long as the server asks for", async () => {
  const waits: number[] = [];
  const wait: Pacing["wait"] = (ms) => Promise.resolve(void waits.push(ms));
  const bucket = await bucketWith({ pacing: { random: () => 0.5, wait } });
  first("PUT", busy(500), busy(500), { kind: "reply", status: 503, after: "7" }, busy(500));
  await bucket.putIfAbsent("x", body);
  expect(waits).toEqual([50, 100, 7000, 400]);
});

test("a server that asks for a longer wait than anybody has is told at once", async () => {
  const bucket = await bucketWith();
  const after = String(WAIT_MS_MAX / 1000 + 1);
  first("GET", { kind: "reply", status: 503, after });
  await expect(bucket.get("x")).rejects.toMatchObject({ code: "BUCKET_FAILED" });
});

test("a put whose answer was lost counts as stored, and no second object is there", async () => {
  const bucket = await bucketWith();
  first("PUT", { kind: "done, then cut" });
  expect(await bucket.putIfAbsent("x", body)).toMatchObject({ stored: true });
  const { tag } = (await bucket.get("x")) ?? { tag: "" };
  first("PUT", { kind: "done, then cut" });
  expect(await bucket.putIfMatch("x", Buffer.from("2"), tag)).toMatchObject({ stored: true });
  expect((await bucket.get("x"))?.bytes).toEqual(Buffer.from("2"));
});

test("a put whose answer was lost while another one won is lost", async () => {
  const bucket = await bucketWith();
  await bucket.putIfAbsent("x", Buffer.from("another"));
  first("PUT", busy(500));
  expect(await bucket.putIfAbsent("x", body)).toMatchObject({ stored: false });
});

test("a reply that is cut, and a server that stalls, are asked again", async () => {
  const bucket = await bucketWith({ idleMs: 200 });
  await bucket.putIfAbsent("x", body);
  first("GET", { kind: "cut in the reply" }, { kind: "stall" });
  expect((await bucket.get("x"))?.bytes).toEqual(body);
});

test.for(["reset in the reply", "stall in the reply"] as const)(
  "a %s is a failure of its attempt alone",
  async (kind) => {
    const bucket = await bucketWith({ idleMs: 100 });
    const large = Buffer.alloc(1024 * 1024, "lane");
    await bucket.putIfAbsent("x", large);
    const uncaught: unknown[] = [];
    const note = (cause: unknown): void => void uncaught.push(cause);
    process.on("uncaughtExceptionMonitor", note);
    try {
      for (let time = 0; time < 4; time++) {
        first("GET", { kind }, { kind });
        expect((await bucket.get("x"))?.bytes.length).toBe(large.length);
        first("GET", { kind });
        expect(await bucket.compare("x", large)).toBe("same");
      }
    } finally {
      process.off("uncaughtExceptionMonitor", note);
    }
    expect(uncaught).toEqual([]);
  },
);

test("a signal ends a call in the middle of its reply", async () => {
  const bucket = await bucketWith();
  await bucket.putIfAbsent("x", Buffer.alloc(1024 * 1024));
  first("GET", { kind: "stall in the reply" });
  const stop = new AbortController();
  const get = bucket.get("x", { signal: stop.signal });
  await expect.poll(() => server.seen.filter(({ method }) => method === "GET").length).toBe(1);
  setTimeout(() => stop.abort(), 20);
  await expect(get).rejects.toMatchObject({ code: "ABORTED" });
});

test.for([
  ["RequestTimeTooSkewed", 403, /clock of this machine/],
  ["SignatureDoesNotMatch", 403, /not those of the bucket/],
  ["AccessDenied", 403, /not the right/],
  ["NoSuchBucket", 404, /no such bucket/],
  ["PermanentRedirect", 301, /another endpoint/],
  ["NotImplemented", 501, /checksum=none/],
  ["InvalidArgument", 400, /words of the server/],
] as const)("%s is for the operator: it is not tried again", async ([code, status, advice]) => {
  const bucket = await bucketWith();
  server.fault = () => ({ kind: "reply", status, code });
  await expect(bucket.putIfAbsent("x", body)).rejects.toMatchObject({
    code: "BUCKET_REFUSED",
    message: expect.stringMatching(advice) as string,
  });
  expect(server.seen).toHaveLength(1);
});

test("credentials that have expired are asked for anew, once", async () => {
  let asked = 0;
  const bucket = await bucketWith({
    credentials: () => {
      asked += 1;
      return credentials;
    },
  });
  first("PUT", { kind: "reply", status: 400, code: "ExpiredToken" });
  expect(await bucket.putIfAbsent("x", body)).toMatchObject({ stored: true });
  expect(asked).toBe(2);
  server.fault = () => ({ kind: "reply", status: 400, code: "ExpiredToken" });
  await expect(bucket.get("x")).rejects.toMatchObject({ code: "BUCKET_REFUSED" });
});

test("a server that ignores conditions is refused by the probe", async () => {
  const bucket = await bucketWith();
  server.fault = () => ({ kind: "no condition" });
  await expect(probe(bucket, "create")).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
});

test("a server that lets two replacements win is refused by the probe", async () => {
  const bucket = await bucketWith();
  let puts = 0;
  // Eight creates come first, then one replacement with a wrong tag, then the eight that race.
  server.fault = ({ method }) => {
    if (method === "PUT") puts += 1;
    return method === "PUT" && puts > 10 ? { kind: "no condition" } : undefined;
  };
  const asked = probe(bucket, "create and replace");
  await expect(asked).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
});

test("a server that says it stored and did not is refused by the probe", async () => {
  const bucket = await bucketWith();
  server.fault = ({ method }) => (method === "PUT" ? { kind: "lie" } : undefined);
  await expect(probe(bucket, "create")).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
});

test("a host that nobody answers for is told as such", async () => {
  const bucket = await openBucket("s3://tests/?endpoint=http://127.0.0.1:9", {
    credentials: () => credentials,
    pacing: hasty,
  });
  await expect(bucket.get("x")).rejects.toMatchObject({
    code: "BUCKET_FAILED",
    message: expect.stringContaining("ECONNREFUSED") as string,
  });
});

test("a bucket that was closed says so", async () => {
  const bucket = await bucketWith();
  await bucket.close();
  await expect(bucket.get("x")).rejects.toMatchObject({ code: "CLOSED" });
});
