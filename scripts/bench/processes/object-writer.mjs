/**
 * A plain process that puts objects into a folder at a pace, in the way of an archive to a folder: each is written,
 * flushed, named, and read back, large ones past the system's cache. A disk that is busy with them is busy for
 * everybody. Runs until it is ended.
 *
 *   node object-writer.mjs FOLDER BYTES_PER_SECOND
 */
import { constants } from "node:fs";
import { link, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [folder, pace] = process.argv.slice(2);
const OBJECT_BYTES = 8 * 1024 * 1024;
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
/** A link and its receipt come with each object. */
const SMALL_BYTES = [300, 65];
const bytes = pagesOf(OBJECT_BYTES).fill(7);
const room = pagesOf(1024 * 1024);

/** Memory that begins at a page, as a call past the cache needs it. */
function pagesOf(length) {
  return Buffer.from(new WebAssembly.Memory({ initial: length / 65_536 }).buffer);
}

async function put(name, length) {
  const path = join(folder, name);
  const direct = length === OBJECT_BYTES ? constants.O_DIRECT : 0;
  const file = await open(`${path}.new`, FLAGS | direct);
  await file.write(bytes, 0, length, 0);
  await file.datasync();
  await file.close();
  await link(`${path}.new`, path);
  await unlink(`${path}.new`);
  const parent = await open(folder);
  await parent.sync();
  await parent.close();
  const back = await open(path, constants.O_RDONLY | direct);
  for (let at = 0; at < length; at += room.length) await back.read(room, 0, room.length, at);
  await back.close();
}

await mkdir(folder, { recursive: true });
const began = performance.now();
for (let count = 0; ; count++) {
  const dueMs = began + (count * OBJECT_BYTES * 1000) / Number(pace);
  await sleep(Math.max(0, dueMs - performance.now()));
  for (const [at, length] of [OBJECT_BYTES, ...SMALL_BYTES].entries())
    await put(`${count}-${at}`, length);
}
