import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bucket } from "../../../src/archive/bucket/bucket.js";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { sha256 } from "../../../src/wire/hash.js";
import { lane, ModelSource, writeAll, writerOf } from "../kit.js";
import { hasty } from "../bucket/homes.js";
import { credentials, S3Server } from "./server.js";

let server: S3Server;
let bucket: Bucket;
beforeEach(async () => {
  server = await S3Server.start();
  bucket = await opened("");
});
afterEach(async () => {
  await bucket.close();
  await server.stop();
});

function opened(query: string): Promise<Bucket> {
  const address = `${server.address()}${query}`;
  return openBucket(address, { credentials: () => credentials, pacing: hasty });
}

const ours = Buffer.from("a few records");
const other = Buffer.from("other records");
const compared = (bytes: Uint8Array) => bucket.compare("x", bytes, { sha256: sha256(bytes) });
/** How often the object itself was asked for, and its checksum. */
const asked = () => {
  const count = (method: string): number => {
    return server.seen.filter((seen) => seen.method === method && seen.name === "x").length;
  };
  return { bytes: count("GET"), sum: count("HEAD") };
};

test("one comparison in sixteen reads the object back, the first one included", async () => {
  await bucket.putIfAbsent("x", ours);
  for (let count = 0; count < 17; count++) expect(await compared(ours)).toBe("same");
  expect(asked()).toEqual({ bytes: 2, sum: 15 });
});

test("the server's checksum tells other bytes, a cut object, and one that is not there", async () => {
  await bucket.putIfAbsent("x", ours);
  for (let count = 0; count < 2; count++) {
    expect(await compared(other)).toBe("other");
    expect(await bucket.compare("y", ours, { sha256: sha256(ours) })).toBe("absent");
  }
  const held = server.objects.get("x");
  if (held) server.objects.set("x", { ...held, bytes: ours.subarray(1) });
  expect(await compared(ours)).toBe("other");
  expect(asked().sum).toBe(2);
});

test("a server that compares no checksums is read back, and what it altered is noticed", async () => {
  server.fault = () => ({ kind: "no checksum" });
  await bucket.putIfAbsent("x", ours);
  const held = server.objects.get("x");
  if (held) server.objects.set("x", { ...held, bytes: other });
  for (let count = 0; count < 4; count++) expect(await compared(ours)).toBe("other");
  expect(asked()).toEqual({ bytes: 4, sum: 0 });
});

test("an object without a checksum is read back", async () => {
  await bucket.putIfAbsent("x", ours);
  const held = server.objects.get("x");
  if (held) server.objects.set("x", { ...held, sum: undefined });
  for (let count = 0; count < 3; count++) expect(await compared(ours)).toBe("same");
  expect(asked()).toEqual({ bytes: 3, sum: 2 });
});

test("without checksums in the address every object is read back", async () => {
  await bucket.close();
  bucket = await opened("&checksum=none");
  await bucket.putIfAbsent("x", ours);
  for (let count = 0; count < 3; count++) expect(await compared(ours)).toBe("same");
  expect(asked()).toEqual({ bytes: 3, sum: 0 });
});

test("a server that fails while it is asked is asked again by the next comparison", async () => {
  await bucket.putIfAbsent("x", ours);
  await compared(ours);
  server.fault = ({ method }) => (method === "PUT" ? { kind: "reply", status: 503 } : undefined);
  await expect(compared(ours)).rejects.toMatchObject({ code: "BUCKET_FAILED" });
  server.fault = () => undefined;
  expect(await compared(ours)).toBe("same");
  expect(asked()).toEqual({ bytes: 1, sum: 1 });
});

describe.for([0, 1, 5])("a server that lies about object %i", (nth) => {
  test.for(["lie", "alter"] as const)("by %s is noticed before anything counts", async (kind) => {
    // The first object is read back; of later ones a server that alters them would have to keep the sum of what came.
    if (kind === "alter" && nth > 0) server.fault = () => ({ kind: "no checksum" });
    const source = new ModelSource(6n);
    let puts = 0;
    const before = server.fault;
    server.fault = (seen) => {
      const isObject = seen.method === "PUT" && /\/\d{20}-\d{20}$/.test(seen.name);
      return isObject && puts++ === nth ? { kind } : before(seen);
    };
    const writer = writerOf(bucket, source, lane, { objectBytes: 1 });
    await expect(writeAll(writer, source)).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
    expect(writer.position?.through ?? 0n).toBe(BigInt(nth));
  });
});
