import type { TerminalStream } from "./redraw.js";

/** The process as the command line sees it. */
export interface CliPort {
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly hasColor: boolean;
  readonly clockMs: () => number;
  /** Aborted, with an `Ending` as its reason, when the command has to stop. */
  readonly stop: AbortSignal;
  /** Signals are the command's own from here on: nothing else of the process hears them. */
  readonly handOverSignals?: () => void;
}
