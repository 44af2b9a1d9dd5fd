/** The conformance run counts what agrees, names what differs, and passes over nothing. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headerHash, laneVoteDigest } from "../../src/wire/hash.js";
import { seedOf, toHex } from "../wire/bytes.js";
import { block, first, samples } from "../wire/samples.js";

const script = fileURLToPath(new URL("../../scripts/golden.mjs", import.meta.url));
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-golden-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the script as a user would, not as a child of this test run. */
function golden(...args: readonly string[]) {
  const own = /^(?:VITEST|LANEKEEPER|INIT_CWD|NODE_)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: tmpdir(),
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** The smallest file of signatures: a key, a signature, and a verdict. */
function signatures() {
  const digest = laneVoteDigest(block.header);
  const sig = first.sign(digest);
  const common = { public: toHex(sig.key), digest: toHex(digest), signature: toHex(sig.bytes) };
  const context = Buffer.from("sei_giga_autobahn");
  return {
    about: { what: "", revision: "", scheme: "", sign: "", verify: "" },
    context: context.toString("hex"),
    contextText: context.toString(),
    keys: [{ seedString: "node-0", seed: toHex(seedOf("node-0")), public: toHex(sig.key) }],
    sign: [
      {
        ...common,
        name: "a lane vote",
        keySeed: "node-0",
        arm: "lane_vote",
        type: "BlockHeader",
        object: toHex(samples["BlockHeader"]?.encoded ?? new Uint8Array()),
      },
    ],
    verify: [{ ...common, group: "valid", name: "a lane vote", accept: true }],
  };
}

function write(value: ReturnType<typeof signatures>): void {
  writeFileSync(join(folder, "signatures.json"), JSON.stringify(value));
}

describe("npm run golden", () => {
  it("ends with 0 where all agrees, and says how many cases there were", () => {
    write(signatures());
    const { status, stdout } = golden(folder, "--only", "signatures", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ directory: folder, failed: 0, skipped: 0 });
    // A key, a signature and a verdict; the context; the parts of the file.
    expect(JSON.parse(stdout)).toMatchObject({ passed: 5 });
    expect(status).toBe(0);
  });

  it("ends with 1 and names the cases that differ or say what nobody looks at", () => {
    const changed = signatures();
    for (const signing of changed.sign) signing.digest = toHex(headerHash(block.header));
    for (const verification of changed.verify) Object.assign(verification, { new: "?" });
    write(changed);
    const { status, stdout } = golden(folder, "--only", "signatures");
    expect(stdout).toMatch(/^signatures.json +3 passed +2 failed$/m);
    expect(stdout).toMatch(/sign\[0\] node-0, a lane vote: expected 0a96695e.*, found be22f52a/);
    expect(stdout).toMatch(
      /verify\[0\] valid, a lane vote: .*Unrecognized key\(s\) in object: 'new'/,
    );
    expect(status).toBe(1);
  });

  it("ends with 1 where a file is missing, and names it", () => {
    const { status, stdout } = golden(folder);
    expect(stdout).toContain("primitives.json or primitives/: is missing");
    expect(stdout).toMatch(/^total +0 passed/m);
    expect(status).toBe(1);
  });

  it("ends with 1 where no test reads a part of the folder", () => {
    writeFileSync(join(folder, "more.json"), "{}");
    const { status, stdout } = golden(folder);
    expect(stdout).toContain("more.json: no test reads it");
    expect(status).toBe(1);
  });

  it("ends with 1 where there is no such folder", () => {
    const { status, stdout } = golden(join(folder, "nothing"));
    expect(stdout).toContain("there is no such folder");
    expect(status).toBe(1);
  });

  it.for([[["--wrong"]], [["--only", "nothing"]], [["one", "two"]]])(
    "ends with 2 for wrong options: %s",
    ([args]) => {
      const { status, stderr } = golden(...(args ?? []));
      expect(stderr).toContain("usage: npm run golden");
      expect(status).toBe(2);
    },
  );
});
