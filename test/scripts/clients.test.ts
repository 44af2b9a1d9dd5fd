/** The programs in other languages, against a running service; where their toolchain is not, they say so. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { TestChain } from "../model/chain.js";
import { laneAt } from "../node/kit.js";
import { running, temporaryFolder } from "../service/running.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const clients = join(root, "scripts", "clients");
const chain = new TestChain();
const lane = laneAt(chain, 0);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  cwd: string,
  env: Readonly<Record<string, string>>,
  program: string,
  ...args: readonly string[]
): Promise<Ended> {
  try {
    const options = { cwd, env: { ...process.env, ...env } };
    const { stdout, stderr } = await promisify(execFile)(program, args, options);
    return { code: 0, stdout, stderr };
  } catch (cause) {
    const { code, stdout = "", stderr = "", message } = cause as Partial<Ended> & Error;
    return { code: typeof code === "number" ? code : -1, stdout, stderr: stderr || message };
  }
}

interface Language {
  readonly name: string;
  /** Makes the program; the reason where its toolchain is not here. */
  readonly prepare: (folder: string) => Promise<string | undefined>;
  readonly call: (folder: string, args: readonly string[]) => Promise<Ended>;
}

const python: Language = {
  name: "Python",
  prepare: async (folder) => {
    const found = await run(folder, {}, "python3", "-c", "import grpc, grpc_tools, google.rpc");
    return found.code === 0
      ? undefined
      : "there is no Python with grpcio (pip install -r scripts/clients/python/requirements.txt)";
  },
  call: (folder, args) =>
    run(folder, {}, "python3", join(clients, "python", "push_block.py"), ...args),
};

/** The modules come from the cache of Go alone: a test downloads nothing. */
const offline = { GOPROXY: "off", GOFLAGS: "-mod=mod" };

const go: Language = {
  name: "Go",
  prepare: async (folder) => {
    const source = join(clients, "go");
    const modules = await run(source, offline, "go", "list", "-deps", "google.golang.org/grpc");
    if (modules.code !== 0)
      return "there is no Go with its modules (cd scripts/clients/go && go mod download)";
    const template = join("scripts", "clients", "buf.gen.yaml");
    const buf = ["buf", "generate", "proto", "--path", "proto/lanekeeper", "--template", template];
    const generated = await run(root, offline, "npx", ...buf);
    expect(generated).toMatchObject({ code: 0 });
    expect(
      await run(source, offline, "go", "build", "-o", join(folder, "push"), "."),
    ).toMatchObject({
      code: 0,
    });
    return undefined;
  },
  call: (folder, args) => run(folder, {}, join(folder, "push"), ...args),
};

describe.each([python, go])("the $name client", ({ name, prepare, call }) => {
  test("pushes a block, waits until it is durable, and reads it back", async (context) => {
    const folder = await temporaryFolder();
    const missing = await prepare(folder);
    if (missing !== undefined) {
      console.log(`the ${name} client did not run: ${missing}`);
      return context.skip(missing);
    }
    const { socket } = await running(chain);
    const file = join(folder, "block.pb");
    const { bytes } = chain.block(lane, 0n);
    await writeFile(file, bytes);
    const args = [`unix:${socket}`, file, lane, "0"];
    const durable = `${bytes.length} bytes are durable\n`;
    expect(await call(folder, args)).toMatchObject({
      code: 0,
      stdout: `RESULT_ADMITTED\n${durable}`,
    });
    expect(await call(folder, args)).toMatchObject({ stdout: `RESULT_DUPLICATE\n${durable}` });

    await writeFile(file, chain.block(lane, 0n, 1).bytes);
    const conflict = await call(folder, args);
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toMatch(/^CONFLICT: /);
  });
});
