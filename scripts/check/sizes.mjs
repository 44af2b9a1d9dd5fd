/**
 * A folder shows at most a dozen entries, and a source has at most 300 lines: a larger one hides something
 * that has a name of its own. An exception stands here with its reason, and goes when it fits again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ENTRIES_MAX = 12;
const LINES_MAX = 300;

const exceptions = {
  src: "one entry for each part",
  test: "one entry for each part, as in src",
  "test/mutants": "one entry for each part, as in src",

  "src/avail/inner.ts":
    "all decisions of the availability state: each sees the changes of the others",
  "src/client/client.ts": "a public class: one method for each of the interface",
  "src/devnet/protocol/engine.ts": "one state machine",
  "src/devnet/protocol/round.ts": "one state machine",
  "src/jobs/keys/parts.ts": "one format, in both directions",
  "src/journal/begin.ts": "the steps of one order, each with its crash argument",
  "src/journal/log-engine.ts": "the one class through which every change of a journal passes",
  "src/journal/space/segments.ts": "one class: a rotation and its crash argument",
  "src/log/lane-log.ts": "one class, whose order of steps fills a quarter of it as comments",
  "src/node/lanekeeper.ts": "a public class, and the wiring of its parts",
  "src/rpc/api/descriptors.ts": "bytes, written by scripts/generate",
  "src/rpc/api/keeper.ts": "one service, written by scripts/generate",
  "src/service/metrics/table.ts": "one table",
  "src/types/error-codes.ts": "one table",
  "src/records/journal.ts": "a public class with its documentation",
};

const faults = [];
const unused = new Set(Object.keys(exceptions));

function note(path, size, most) {
  if (size > most && !unused.delete(path)) faults.push(`${path}: ${size}, and at most ${most}`);
}

/** Folders of data, such as the public surface and the bytes of stores, are folders too. */
function look(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  note(folder, entries.length, ENTRIES_MAX);
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) look(path);
    else if (path.startsWith("src/") && /(?<!\.d)\.ts$/.test(path)) {
      note(path, readFileSync(join(root, path), "utf8").split("\n").length - 1, LINES_MAX);
    }
  }
}

for (const folder of ["scripts", "src", "test"]) look(folder);
for (const path of unused) faults.push(`${path}: is no exception any more; strike it off the list`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
