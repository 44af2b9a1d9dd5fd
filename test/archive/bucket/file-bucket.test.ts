import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { RealDisk } from "../../../src/disk/real/real.js";
import { hasty } from "./homes.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lanekeeper-bucket-"));
});
afterEach(() => rm(root, { recursive: true }));

test("no put leaves a file behind, whether it won or not", async () => {
  const bucket = await openBucket(`file://${root}`);
  await bucket.putIfAbsent("x", Buffer.from("1"));
  await bucket.putIfAbsent("x", Buffer.from("2"));
  expect(await readdir(join(root, ".new"))).toEqual([]);
});

test("a file that a crash left is removed by a later process, and one on its way is not", async () => {
  await (await openBucket(`file://${root}`)).putIfAbsent("x", Buffer.from("1"));
  const hourAgo = new Date(Date.now() - 2 * 3_600_000);
  await writeFile(join(root, ".new", "left"), "half of an obj");
  await utimes(join(root, ".new", "left"), hourAgo, hourAgo);
  await writeFile(join(root, ".new", "young"), "half of an obj");
  const bucket = await openBucket(`file://${root}`);
  await bucket.putIfAbsent("y", Buffer.from("2"));
  expect(await readdir(join(root, ".new"))).toEqual(["young"]);
  expect((await bucket.list("").next()).value).toMatchObject({ name: "x" });
});

test("a replacement waits a bounded time for another process that replaces", async () => {
  const bucket = await openBucket(`file://${root}`, { pacing: hasty });
  const put = await bucket.putIfAbsent("x", Buffer.from("1"));
  const lock = await new RealDisk().create(join(root, ".lock"));
  await lock.lock();
  const replaced = bucket.putIfMatch("x", Buffer.from("2"), put.stored ? put.tag : "");
  await expect(replaced).rejects.toMatchObject({ code: "BUCKET_FAILED" });
  await lock.close();
  expect((await bucket.get("x"))?.bytes).toEqual(Buffer.from("1"));
});

test("an address is a folder or object storage, and nothing else", async () => {
  for (const address of ["", "/a/folder", "http://host/", "s3:/bucket", "file://"]) {
    await expect(openBucket(address), address).rejects.toMatchObject({ code: "USAGE" });
  }
});
