/** The bundler that vitest brings, for programs as their users ship them. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

interface Bundle {
  readonly write: (to: object) => Promise<void>;
  readonly close: () => Promise<void>;
}
interface Bundler {
  readonly rolldown: (options: object) => Promise<Bundle>;
}
const ofVitest = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
const { rolldown } = (await import(pathToFileURL(ofVitest.resolve("rolldown")).href)) as Bundler;

/** A form that a bundle is written in. */
export interface BundleForm {
  readonly format: "esm" | "cjs";
  /** Names that are replaced: in esbuild's CommonJS `import.meta.url` is `undefined`. */
  readonly define?: Readonly<Record<string, string>>;
}

/** Bundles the program `input` into `file`. Packages stay outside. */
export async function writeBundle(input: string, file: string, form: BundleForm): Promise<void> {
  const bundle = await rolldown({
    input,
    // Packages with native parts, and those that they depend on.
    external: [/^[^./]/],
    transform: { define: form.define ?? {} },
    platform: "node",
    logLevel: "silent",
  });
  await bundle.write({ file, format: form.format });
  await bundle.close();
}
