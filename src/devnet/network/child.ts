/**
 * The parent's end of one validator process. All reports that the process wrote before it died are
 * heard: a report in the pipe counts after the kill as well.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { encodeOrder, type Order } from "../validator/orders.js";
import { assert } from "../../types/assert.js";
import { type Report, REPORT_DESCRIPTOR, ReportSplitter } from "../judge/report.js";

/** The program of a validator's process. */
export interface Program {
  /** Arguments of node: its own options, the script, and those of the script. */
  readonly args: readonly string[];
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Child {
  /** Resolves when the process is gone and all its reports were heard. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  /** Wakes the process that was stopped, in case that we end before. */
  #waker: ChildProcess | undefined;
  readonly #input: Writable;

  constructor(program: Program, onReport: (report: Report) => void) {
    this.#process = spawn(process.execPath, program.args, {
      stdio: ["pipe", "ignore", "inherit", "pipe"],
      // A group of its own: Ctrl-C in a terminal is for the parent alone, who ends it in order.
      detached: true,
    });
    const { stdin, stdio: pipes } = this.#process;
    const reports = pipes[REPORT_DESCRIPTOR] as Readable | null | undefined;
    if (!stdin || !reports) throw new Error("the process was started with its pipes");
    this.#input = stdin;
    // A write to a process that was killed fails. `ended` tells that the process is gone.
    stdin.on("error", () => undefined);
    this.ended = new Promise((resolve, reject) => {
      const splitter = new ReportSplitter();
      reports.setEncoding("utf8");
      reports.on("data", (chunk: string) => {
        try {
          for (const report of splitter.push(chunk)) onReport(report);
        } catch (cause) {
          this.#process.kill("SIGKILL");
          reject(cause instanceof Error ? cause : new Error(String(cause)));
        }
      });
      this.#process.once("error", reject);
      this.#process.once("close", (code, signal) => resolve({ code, signal }));
    });
  }

  order(order: Order): void {
    this.#input.write(encodeOrder(order));
  }

  kill(): void {
    this.#process.kill("SIGKILL");
    this.wake();
  }

  /**
   * Stops the process in the middle of whatever it does. A process that is stopped does not see the end of its
   * parent: a waker sees it in its place.
   */
  stop(): void {
    const { pid } = this.#process;
    assert(pid !== undefined, "a process that runs has a number");
    this.#waker ??= spawn("sh", ["-c", 'read -r line; kill -CONT "$0"', `${pid}`], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.#process.kill("SIGSTOP");
  }

  /** Lets a process that was stopped go on. */
  wake(): void {
    this.#process.kill("SIGCONT");
    this.#waker?.stdin?.end();
    this.#waker = undefined;
  }

  /** Orders the process to close its store and end. */
  close(): void {
    this.order({ kind: "close" });
    this.#input.end();
  }
}
