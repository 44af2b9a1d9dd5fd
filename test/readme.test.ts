import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { call } from "./cli/program-kit.js";

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const readme = readFileSync("README.md", "utf8");
const programs = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text = ""]) => text);
const imports = [...readme.matchAll(/^import \{([^}]*)\} from "lanekeeper(\/[^"]*)?";$/gm)];

test.for(imports)("the README's names are exported: %s", async ([, names = "", path = ""]) => {
  const target = manifest.exports[`.${path}`];
  const built = typeof target === "object" ? target.default : "";
  const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
  const entry = (await import(join(process.cwd(), source))) as object;
  for (const name of names.split(",")) expect(entry, path).toHaveProperty(name.trim());
});

test("the README names every entry of the package", () => {
  for (const path of Object.keys(manifest.exports)) {
    if (path !== "./package.json") expect(readme).toContain(`lanekeeper${path.slice(1)}`);
  }
});

test("the README's first program runs as it stands, and prints what it says", async () => {
  const [program = ""] = programs;
  expect(program.trim().split("\n").length).toBeLessThan(32);
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-readme-"));
  const file = join(process.cwd(), "test", `.readme-${process.pid}.mjs`);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    writeFileSync(file, program.replaceAll('"state"', JSON.stringify(join(folder, "state"))));
    await import(file);
    const printed = /console\.log\(.*\); \/\/ (.*)/.exec(program)?.[1];
    const said = JSON.stringify(log.mock.calls[0]?.[0], (_, value: unknown) => {
      return typeof value === "bigint" ? `${value}n` : value;
    });
    expect(said.replaceAll('"', "")).toBe(printed?.replaceAll(" ", ""));
  } finally {
    log.mockRestore();
    rmSync(file, { force: true });
    rmSync(folder, { recursive: true });
  }
});

test("the README's keys are made, rotated, and the older one can go, as it says", async () => {
  const program = programs.find((each) => each.includes("rotateKey")) ?? "";
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-readme-"));
  const file = join(process.cwd(), "test", `.readme-keys-${process.pid}.mjs`);
  const [, made = ""] = /^lanekeeper (key new \S+)/m.exec(readme) ?? [];
  const inFolder = (name: string): string => join(folder, name);
  try {
    expect((await call(...made.split(" ").slice(0, 2), inFolder("state.key"))).code).toBe(0);
    expect(made).toContain("state.key");
    const { stdout: next } = await call("key", "new", inFolder("next.key"), "--json");
    writeFileSync(
      file,
      `import { Lanekeeper } from "lanekeeper";
       import { soloValidator } from "lanekeeper/testing";
       const { epochOf } = soloValidator();
       const chainId = "my-chain";
       await Lanekeeper.init("state", { chainId });
       ${program}
       export const keys = keeper.status().keys.map(({ content }) => content);
       await keeper.close();`.replaceAll(/"(state|state\.key|next\.key)"/g, (_, name: string) =>
        JSON.stringify(inFolder(name)),
      ),
    );
    const { keys } = (await import(file)) as { readonly keys: readonly string[] };
    expect(keys).toEqual([(JSON.parse(next) as { readonly id: string }).id]);
  } finally {
    rmSync(file, { force: true });
    rmSync(folder, { recursive: true });
  }
});

test("the README has a sentence for every dependency, and for no other package", () => {
  const section = /^## Dependencies\n([^]*?)^## /m.exec(readme)?.[1] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const told = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)]);
  const names = told.map(([, name]) => name);
  const { dependencies, peerDependencies } = manifest;
  expect(names.toSorted()).toEqual(
    Object.keys({ ...dependencies, ...peerDependencies }).toSorted(),
  );
});

test("every npm script that the README runs is there", () => {
  for (const [, name = ""] of readme.matchAll(/`?npm run ([a-z:]+)/g)) {
    expect(manifest.scripts, name).toHaveProperty([name]);
  }
});

test("every file that the developer's page names is there", () => {
  const page = readFileSync("src/README.md", "utf8");
  const paths = [...page.matchAll(/`((?:[a-z-]+\/)+[a-z-]+(?:\.(?:ts|mjs|md))?)`/g)];
  expect(paths.length).toBeGreaterThan(40);
  const missing = paths
    .map(([, path = ""]) => path)
    .filter((path) => {
      return !existsSync(join("src", path)) && !existsSync(path);
    });
  expect(missing).toEqual([]);
});
