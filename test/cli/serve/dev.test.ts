/** The words of `lanekeeper serve --dev`, taken by a newcomer's own tools: a shell, grpcurl, promtool, curl's HTTP. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { programOf } from "../../harness/built.js";

interface Dev {
  readonly out: string;
  /** Ends it, and tells what it left. */
  readonly end: () => Promise<readonly string[]>;
}

async function dev(): Promise<Dev> {
  const temporary = mkdtempSync(join(tmpdir(), "lk-dev-"));
  const script = await programOf("src/cli/main.ts");
  const child = spawn(process.execPath, [script, "serve", "--dev"], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(temporary, { recursive: true, force: true });
  });
  let out = "";
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      out += String(chunk);
      if (/Its page: .*\n/.test(out)) resolve();
    });
    child.once("close", () => resolve());
  });
  const end = async (): Promise<readonly string[]> => {
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    return readdirSync(temporary);
  };
  return { out, end };
}

function missing(program: string, how: string): boolean {
  if (spawnSync(program, ["--version"]).error === undefined) return false;
  console.log(`did not run: there is no ${program} here (${how})`);
  return true;
}

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function shell(command: string): Promise<Said> {
  try {
    return { code: 0, ...(await promisify(execFile)("sh", ["-c", command])) };
  } catch (cause) {
    const { code, stdout, stderr } = cause as Said;
    return { code, stdout, stderr };
  }
}

describe.skipIf(
  missing("grpcurl", "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest"),
)("grpcurl, which knows nothing of us", () => {
  test("becomes the writer, pushes a block and reads it back by the three commands that are printed", async () => {
    const { out, end } = await dev();
    const commands = out.match(/^ {2}grpcurl .*$/gm) ?? [];
    const [acquire = "", push = "", read = ""] = commands;
    expect(commands).toHaveLength(3);
    const at = /unix:\S+/.exec(acquire)?.[0] ?? "";

    const early = await shell(push);
    expect(early.code).not.toBe(0);
    expect(early.stderr).toContain('"reason": "FENCED"');
    expect(JSON.parse((await shell(acquire)).stdout)).toEqual({ fence: "1" });
    expect(JSON.parse((await shell(push)).stdout)).toEqual({ result: "RESULT_ADMITTED" });
    expect(JSON.parse((await shell(push)).stdout)).toEqual({ result: "RESULT_DUPLICATE" });
    const { block } = JSON.parse((await shell(read)).stdout) as { readonly block: string };
    const file = /< (\S+)/.exec(push)?.[1] ?? "";
    expect(JSON.parse((await shell(`cat ${file}`)).stdout)).toMatchObject({ block });
    // The first command, tried again, is refused with the way on.
    expect((await shell(acquire)).stderr).toContain("(takeOver: true)");

    const { stdout: services } = await shell(`grpcurl -plaintext ${at} list`);
    for (const name of ["grpc.health.v1.Health", "lanekeeper.v1.KeeperService"]) {
      expect(services.split("\n")).toContain(name);
    }
    const { stdout: told } = await shell(
      `grpcurl -plaintext ${at} describe lanekeeper.v1.PushBlockRequest`,
    );
    expect(told).toContain("// An encoded autobahn.SignedBlock.");
    const { stdout: health } = await shell(`grpcurl -plaintext ${at} grpc.health.v1.Health/Check`);
    expect(JSON.parse(health)).toEqual({ status: "SERVING" });
    expect(await end()).toEqual([]);
  });
});

describe.skipIf(missing("promtool", "Debian: apt-get install prometheus"))("promtool", () => {
  test("finds nothing to say of the scrape of a running service", async () => {
    const { out, end } = await dev();
    const page = /http:\S+/.exec(out)?.[0] ?? "";
    const input = await (await fetch(`${page}metrics`)).text();
    expect(input).toContain("lanekeeper_store_ready 1");
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input,
      encoding: "utf8",
    });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
    expect(await end()).toEqual([]);
  });
});
