/** `lanekeeper devnet` as a person calls it: its words, its JSON, its exit codes, and what it leaves. */
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call } from "../program-kit.js";
import { devnets } from "../../devnet/network/network-kit.js";

const { script, directory: newDirectory } = devnets();

interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Temporary files are put into `temporary`. */
async function devnet(temporary: string, ...args: readonly string[]): Promise<End> {
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [script(), "devnet", ...args], { env });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return await new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const alone = ["--validators", "1", "--seconds", "1"];

test("prints one JSON object with --json, exits with 0, and removes its temporary directory", async () => {
  const temporary = await newDirectory();
  const strikes = ["--kills", "1", "--power-cuts", "0", "--json"];
  const { code, stdout, stderr } = await devnet(temporary, ...alone, ...strikes);
  expect(stderr).toBe("");
  const summary = JSON.parse(stdout) as Record<string, unknown>;
  expect(summary).toMatchObject({ version: 1, ok: true, exitCode: 0, validators: 1, kills: 1 });
  expect(summary).toMatchObject({ violations: [] });
  // Once during the run, and once at its end.
  expect(summary["comebacks"]).toHaveLength(2);
  expect(code).toBe(0);
  expect(await readdir(temporary)).toEqual([]);
});

const sabotage = ["--sabotage", "sign-twice", "--kills", "0"];

test("exits with 1 when the judge finds a violation, and names the rule", async () => {
  const { code, stdout } = await devnet(await newDirectory(), ...sabotage);
  expect(stdout).toMatch(/^FAIL: validator 1 broke the contract: .*EQUIVOCATION at block .*\n$/m);
  expect(stdout).toContain(
    "(it was sabotaged: it signs a second block at each number of its lane)",
  );
  expect(code).toBe(1);
});

test("names the violations in its JSON, too", async () => {
  const { code, stdout } = await devnet(await newDirectory(), ...alone, ...sabotage, "--json");
  const summary = JSON.parse(stdout) as { violations: { rule: string }[] };
  expect(summary).toMatchObject({ version: 1, ok: false, exitCode: 1, sabotage: "sign-twice" });
  expect(summary.violations[0]?.rule).toBe("EQUIVOCATION");
  expect(code).toBe(1);
});

test("says the seed first, a line for each strike that was survived, and a sentence at the end", async () => {
  const strikes = ["--seconds", "2", "--kills", "1", "--power-cuts", "1", "--seed", "11"];
  const { code, stdout, stderr } = await devnet(await newDirectory(), ...strikes);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^seed 11: --seed 11 runs it again\n/);
  const back = String.raw`( |, and again while it recovered )-> back in \d+ ms, \d+ records? compared`;
  expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s {2}validator \\d killed${back}`, "m"));
  expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s {2}validator \\d power cut: .*${back}`, "m"));
  expect(stdout).toMatch(/^committee +4 validators/m);
  expect(stdout).toMatch(/^violations +0$/m);
  expect(stdout).toMatch(
    /^PASS: [\d,]+ acknowledgements survived 1 kill, 1 power cut, one at all 4 at once; [\d,]+ signed messages, none twice\n$/m,
  );
  expect(stdout).not.toContain("\u001b");
  expect(code).toBe(0);
});

test("keeps a directory that was named, and refuses it the next time", async () => {
  const temporary = await newDirectory();
  const kept = ["--kills", "0", "--power-cuts", "0", "--dir", join(temporary, "state")];
  expect((await devnet(temporary, ...alone, ...kept)).code).toBe(0);
  const { code, stderr } = await devnet(temporary, ...alone, ...kept);
  expect(stderr).toMatch(/^lanekeeper: STORE_EXISTS: [^\n]+\n$/);
  expect(code).toBe(30);
});

test("says what is wrong with an option, in one line, and exits with 2", async () => {
  for (const [option, value] of [
    ["--validators", "17"],
    ["--payload", "2GiB"],
    ["--power-cuts", "-1"],
  ] as const) {
    const { code, stderr } = await call("devnet", `${option}=${value}`);
    expect(stderr).toMatch(new RegExp(`^lanekeeper: USAGE: ${option} .*\\n$`));
    expect(code).toBe(2);
  }
});

test("shows an example in its help", async () => {
  const { code, stdout } = await call("devnet", "--help");
  expect(stdout).toContain("$ lanekeeper devnet --validators 7");
  expect(code).toBe(0);
});
