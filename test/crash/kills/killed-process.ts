/** A program of the tests as a process of its own: compiled, started, told to go, killed. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const SETTINGS = { noEmit: false, noCheck: true, declaration: false, sourceMap: false };

export interface Program {
  readonly script: string;
  readonly remove: () => Promise<void>;
}

/** Compiles a program into a folder of its own, as a user's process would find it. */
export async function compileChild(source = "test/crash/kills/kill-child.ts"): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), "lanekeeper-child-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      ...SETTINGS,
      declarationMap: false,
      rootDir: root,
      outDir: folder,
      typeRoots: [join(root, "node_modules", "@types")],
    },
    files: [join(root, source), join(root, "src/wire/signatures/sodium-native.d.ts")],
    include: [],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", folder], { cwd: root });
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { script: join(folder, source.replace(/ts$/, "js")), remove };
}

/** One process; it waits until it is told to go. */
export class KilledProcess {
  /** The lines that it said. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #rest = "";
  #onLine: () => void = () => {};

  constructor(script: string, directory: string) {
    const child = spawn(process.execPath, [script, directory], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    child.stdin.on("error", () => {});
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = `${this.#rest}${chunk.toString()}`.split("\n");
      this.#rest = lines.pop() ?? "";
      this.lines.push(...lines);
      this.#onLine();
    });
  }

  /** Resolves when it has said a line that begins so; rejects where it ends before. */
  async said(words: string): Promise<void> {
    const isSaid = (): boolean => this.lines.some((line) => line.startsWith(words));
    await this.#until(isSaid);
    if (!isSaid()) throw new Error(`it ended and never said ${words}`);
  }

  /** Resolves when it has said so many lines, or has ended. */
  async hasSaid(count: number): Promise<void> {
    await this.#until(() => this.lines.length >= count);
  }

  async #until(isEnough: () => boolean): Promise<void> {
    let hasEnded = false;
    while (!isEnough() && !hasEnded) {
      const line = new Promise<boolean>((resolve) => {
        this.#onLine = () => resolve(false);
      });
      hasEnded = await Promise.race([line, this.#ended.then(() => true)]);
    }
  }

  go(): void {
    this.#child.stdin?.write("go\n");
  }

  /** SIGKILL; resolves when it is gone and all that it said is here. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
