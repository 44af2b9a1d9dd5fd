/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- plain JavaScript over dist, as scripts are */
/** Writes frozen files: stores of a simulated disk, each with what is in it. A file that is there stays. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** `file` is the path of the frozen file without its ending. */
export function freeze(file, about, disk, holds) {
  const files = {};
  for (const { path } of disk.files()) {
    const bytes = disk.readNow(path);
    files[path.replace(/^\/?store\//, "")] = { size: bytes.length, parts: partsOf(bytes) };
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.json`, `${JSON.stringify({ about, files, holds }, undefined, 1)}\n`, {
    flag: "wx",
  });
  console.log(file, JSON.stringify(holds).length);
}

/** The parts of a file that are not zero, cut at runs of 64 zeros. */
function partsOf(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at += 1;
      continue;
    }
    let end = at + 1;
    for (let zeros = 0; end < bytes.length && zeros < 64; end++) {
      zeros = bytes[end] === 0 ? zeros + 1 : 0;
    }
    parts.push([at, Buffer.from(bytes.subarray(at, end)).toString("base64")]);
    at = end;
  }
  return parts;
}
