/** The bundler that vitest brings, for programs as their users ship them. */
import { createRequire } from "node:module";
import { join } from "node:path";
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

/** Programs that share what they import, as they are laid out in the checkout at `root`. */
export interface Programs {
  readonly root: string;
  /** Paths below the root. */
  readonly sources: readonly string[];
  /** The place of the folder when the programs run. */
  readonly place: string;
}

/**
 * Bundles programs into `folder`, each at the path of its source; what they share lies beside them. A module that
 * looks for others beside itself finds those of its path.
 */
export async function writePrograms({ root, sources, place }: Programs, folder: string) {
  const path = (source: string): string => source.replace(/\.ts$/, "");
  const ownPlace = {
    name: "own-place",
    transform: {
      filter: { code: "import.meta.url" },
      handler: (code: string, id: string) => {
        const url = pathToFileURL(join(place, `${path(id.slice(root.length))}.js`)).href;
        return code.replaceAll("import.meta.url", JSON.stringify(url));
      },
    },
  };
  const bundle = await rolldown({
    input: Object.fromEntries(sources.map((source) => [path(source), join(root, source)])),
    external: /^(?!@oxc-project\/runtime)[@a-z]/,
    transform: { target: "node20" },
    plugins: [ownPlace],
    platform: "node",
    logLevel: "silent",
  });
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].js", keepNames: true });
  await bundle.close();
}
