/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript over dist, as scripts are */
/**
 * Wrote `jobs.json` beside it, once: a store of jobs whose values are sealed with keys of known bytes, some with an
 * older one, and some plain. It refuses to write a file that is there.
 *
 * Usage, after a build: node test/jobs/seal/frozen/write.mjs
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { realSurroundings } from "../../../../dist/disk/surroundings.js";
import { JobStore } from "../../../../dist/jobs/index.js";
import { FolderHomes } from "../../../../dist/jobs/level/home.js";

const keyOf = (name) => createHash("sha256").update(`frozen key: ${name}`).digest();
const hex = (text) => Buffer.from(text).toString("hex");
const root = mkdtempSync(join(tmpdir(), "lanekeeper-frozen-"));
const holds = { job: "job", category: "a category", rows: [] };

async function add(keys, from) {
  // Nothing is moved to another key: time stands still.
  const surroundings = { ...realSurroundings(), pace: () => undefined };
  const homes = new FolderHomes(surroundings.disk, root);
  const store = await JobStore.openOn(surroundings, root, homes, { segmentBytes: 64 * 1024, keys });
  const job = await store.openJob(holds.job);
  for (let at = from; at < from + 3; at++) {
    const [key, value] = [`key ${at}`, `frozen value ${at}`];
    await job.put(holds.category, Buffer.from(key), Buffer.from(value), { durable: true });
    holds.rows.push([hex(key), hex(value)]);
  }
  await store.close();
}

await add(undefined, 0);
await add({ write: keyOf("older") }, 3);
await add({ write: keyOf("newer"), read: [keyOf("older")] }, 6);
const files = {};
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  const isLeft = ["LOCK", "LOG", "LOG.old"].includes(entry.name);
  if (entry.isFile() && !isLeft) {
    files[relative(root, path)] = gzipSync(readFileSync(path)).toString("base64");
  }
}
rmSync(root, { recursive: true });
const about =
  "A store of jobs: rows 0 to 2 plain, 3 to 5 under the older key, 6 to 8 under the newer one.";
const target = fileURLToPath(new URL("jobs.json", import.meta.url));
writeFileSync(target, `${JSON.stringify({ about, files, holds }, undefined, 1)}\n`, { flag: "wx" });
