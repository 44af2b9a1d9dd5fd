/**
 * Imports go down only. The folders of `src` are layers; `mayImport` says which ones each may import.
 * Inside a layer the sub-folders are rooms; a room may import only the rooms named behind it. The files
 * of a layer's own folder join its rooms: for them, and for rings of files, the linter's
 * `import/no-cycle` is the rule.
 *
 * An `index.ts` is an entry of the package: it stands on top, and nothing in `src` imports it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const bottom = ["async", "codec", "types"];
const store = ["avail", "persist", "log", "journal", "keys", "wire", "disk", ...bottom];
const all = [
  "client",
  "service",
  "rpc",
  "devnet",
  "testing",
  "node",
  "keeping",
  "inspect",
  "reserve",
  "archive",
  "jobs",
  "sei",
  "records",
  "walmanager",
  ...store,
];

/** From the top to the bottom. */
const mayImport = {
  cli: all,
  service: ["rpc", "node", "archive", "keeping", "inspect", "jobs", "records", ...store],
  devnet: ["service", "client", "node", "reserve", "archive", "keeping", ...store],
  client: ["rpc", "node", "avail", "persist", "log", "wire", ...bottom],
  testing: ["node", ...store],
  node: ["reserve", "archive", "keeping", ...store],
  rpc: ["wire", ...bottom],
  reserve: ["archive", "rpc", ...bottom],
  archive: store,
  avail: ["persist", "log", "wire", ...bottom],
  keeping: ["inspect", "archive", "persist", "log", "journal", "keys", "wire", "disk", ...bottom],
  inspect: ["persist", "records", "log", "journal", "keys", "wire", "disk", ...bottom],
  persist: ["log", "journal", "keys", "wire", "disk", ...bottom],
  jobs: ["records", "keys", "disk", ...bottom],
  records: ["journal", "log", "walmanager", "keys", "disk", ...bottom],
  log: ["journal", "keys", "disk", ...bottom],
  journal: ["keys", "disk", ...bottom],
  sei: ["wire", "disk", ...bottom],
  walmanager: ["keys", "disk", ...bottom],
  keys: bottom,
  wire: bottom,
  disk: bottom,
  async: ["types"],
  codec: ["types"],
  types: [],
};

/** The rooms of a layer, from the top to the bottom. */
const rooms = {
  client: ["calls", "outbox", "picture", "link"],
  service: ["grpc", "admin", "page", "listen", "access", "config", "metrics"],
  rpc: ["api"],
  cli: ["serve", "devnet", "archive", "keeping", "look", "transfer", "jobs", "store", "terminal"],
  devnet: ["network", "validator", "judge", "protocol"],
  testing: ["simulated"],
  archive: ["writing", "reading", "form", "s3", "bucket"],
  node: ["signing"],
  avail: ["queues"],
  inspect: ["listing", "checks", "walk"],
  keeping: ["doctor", "reading", "repair", "restore", "retire", "watermarks", "backup"],
  persist: ["guards"],
  log: ["map"],
  records: ["log"],
  journal: ["recovery", "upkeep", "group", "space", "segment", "seal", "form"],
  sei: ["import", "write", "read", "format"],
  wire: ["rules", "signatures", "codec"],
  jobs: ["store", "writes", "level", "seal", "journal", "keys"],
  disk: ["real", "slots"],
};

const src = fileURLToPath(new URL("../../src", import.meta.url));
const named = /(?:\bfrom|\bimport|\bimport\(|\brequire\(|\bnew URL\() ?"([^"]+)"/g;

/** The layer of a file and its room: the first two folders of its path. */
function placeOf(path) {
  const folders = path.split("/").slice(0, -1);
  return { layer: folders[0], room: folders[1] };
}

/** Why the file at `path` may not import `name`, or undefined. */
function faultOf(path, name) {
  if (name.startsWith("lanekeeper")) return "imports the package itself";
  if (!name.startsWith(".")) return undefined;
  const target = relative(src, resolve(src, dirname(path), name));
  if (target.startsWith("..")) return "leaves src";
  if (/(^|\/)index\.js$/.test(target)) return "imports an entry of the package";
  const { layer, room } = placeOf(path);
  const below = placeOf(target);
  if (layer === undefined) return undefined;
  if (layer !== below.layer) {
    return mayImport[layer]?.includes(below.layer) ? undefined : `imports ${target}`;
  }
  if (room === undefined || below.room === undefined || room === below.room) return undefined;
  const order = rooms[layer] ?? [];
  return order.indexOf(room) < order.indexOf(below.room) ? undefined : `imports ${target}`;
}

const faults = [];
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) => {
  return path.endsWith(".ts") && !path.endsWith(".d.ts");
});
for (const path of files) {
  const { layer, room } = placeOf(path);
  if (layer === undefined ? path !== "index.ts" : !(layer in mayImport))
    faults.push(`${path}: is in no layer`);
  if (room !== undefined && !rooms[layer]?.includes(room)) faults.push(`${path}: is in no room`);
  for (const [, name] of readFileSync(join(src, path), "utf8").matchAll(named)) {
    const fault = faultOf(path, name);
    if (fault !== undefined) faults.push(`${path}: ${fault}`);
  }
}
for (const fault of faults) console.error(`src/${fault}`);
if (faults.length === 0) console.log(`${files.length} files, imports go down only`);
process.exitCode = faults.length === 0 ? 0 : 1;
