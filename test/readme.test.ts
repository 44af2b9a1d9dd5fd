import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const readme = readFileSync("README.md", "utf8");
const imports = [...readme.matchAll(/^import \{([^}]*)\} from "lanekeeper(\/[^"]*)?";$/gm)];

test("the README shows the library", () => {
  expect(imports.length).toBeGreaterThan(2);
});

test.for(imports)("the README's names are exported: %s", async ([, names = "", path = ""]) => {
  const target = exports[`.${path}`];
  const built = typeof target === "object" ? target.default : "";
  const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
  const entry = (await import(join(process.cwd(), source))) as object;
  for (const name of names.split(",")) expect(entry, path).toHaveProperty(name.trim());
});
