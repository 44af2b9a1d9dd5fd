/** A program of the tests as a process of its own: started, told to go, killed. */
import { type ChildProcess, spawn } from "node:child_process";

/** One process; it waits until it is told to go. */
export class KilledProcess {
  /** The lines that it said. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #rest = "";
  #onLine: () => void = () => {};

  constructor(script: string, directory: string, ...more: readonly string[]) {
    const child = spawn(process.execPath, [script, directory, ...more], {
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
