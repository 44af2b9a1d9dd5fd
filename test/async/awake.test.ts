/** A script whose last wait is for a rotation: its process stays until that has ended. */
import { execFile } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { writeBundle } from "../bundler.js";
import { folder } from "../jobs/kit.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const source = (path: string): string => JSON.stringify(join(repository, "src", path));

test("a process that waits for a rotation alone stays until it has ended", async () => {
  const directory = folder();
  const program = `
    import { Journal } from ${source("records/journal.ts")};
    import { JobStore } from ${source("jobs/job-store.ts")};
    const [journal, jobs] = process.argv.slice(2);
    const keys = { write: new Uint8Array(32).fill(7) };
    await Journal.init(journal);
    const plain = await Journal.open(journal, { types: [1] });
    await plain.append({ type: 1, payload: new Uint8Array(9) });
    await plain.close();
    const records = await Journal.open(journal, { types: [1], keys });
    await records.waitForRotation();
    console.log("journal", records.keys.length);
    const store = await JobStore.open(jobs, { keys });
    await (await store.openJob("job")).put("c", new Uint8Array(1), new Uint8Array(9));
    await store.rotateKey(new Uint8Array(32).fill(8));
    await store.waitForRotation();
    console.log("jobs", store.keys.length);
  `;
  const [input, script] = [join(directory, "program.mjs"), join(directory, "bundle.mjs")];
  writeFileSync(input, program);
  await writeBundle(input, script, { format: "esm" });
  // Packages are found from the place of the script.
  symlinkSync(join(repository, "node_modules"), join(directory, "node_modules"));
  const run = promisify(execFile);
  const env = { ...process.env, NODE_OPTIONS: "" };
  const { stdout } = await run(
    process.execPath,
    [script, join(directory, "a"), join(directory, "b")],
    { env },
  );
  expect(stdout).toBe("journal 1\njobs 1\n");
});
