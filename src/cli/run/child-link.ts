/**
 * The parent's end of one child process. Everything that the child wrote before it died is read:
 * an acknowledgement in the pipe counts, also after the kill.
 */
import { spawn } from "node:child_process";
import { decodeEvent, encodeCommand } from "./codec.js";
import { FrameSplitter, writeFrame } from "./frames.js";
import type { Command, Event } from "./messages.js";

/** How the child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was wrong with its output, or the failure to start it. */
  readonly error: Error | undefined;
}

export interface ChildLink {
  readonly isOpen: boolean;
  /** Resolves when the pipe has room again, or at once where the child is gone. */
  readonly send: (command: Command) => Promise<void>;
  /** Sends SIGKILL. */
  readonly kill: () => void;
  /** Resolves when the child is gone and all its output was read. */
  readonly ended: Promise<ChildEnd>;
}

/** Starts `script run-child`; `onEvent` gets every event in order. */
export function startChild(script: string, onEvent: (event: Event) => void): ChildLink {
  const child = spawn(process.execPath, [script, "run-child"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const splitter = new FrameSplitter();
  let error: Error | undefined;
  let isOpen = true;
  const fail = (cause: unknown): void => {
    error ??= cause instanceof Error ? cause : new Error(String(cause));
    child.kill("SIGKILL");
  };
  child.stdout.on("data", (chunk: Buffer) => {
    if (error !== undefined) return;
    try {
      for (const frame of splitter.push(chunk)) onEvent(decodeEvent(frame));
    } catch (cause) {
      fail(cause);
    }
  });
  // A write to a child that was killed fails; that it is gone is told by `ended`.
  child.stdin.on("error", () => {
    isOpen = false;
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once("error", (cause) => {
      fail(cause);
      // A process that never started has no streams to close.
      if (child.pid === undefined) resolve({ code: null, signal: null, error: cause });
    });
    child.once("exit", () => {
      isOpen = false;
    });
    child.once("close", (code, signal) => {
      isOpen = false;
      resolve({ code, signal, error });
    });
  });
  return {
    get isOpen() {
      return isOpen;
    },
    send: (command) => writeFrame(child.stdin, encodeCommand(command)),
    kill: () => {
      isOpen = false;
      child.kill("SIGKILL");
    },
    ended,
  };
}
