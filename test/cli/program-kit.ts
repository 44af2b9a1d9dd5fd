/** The command line as tests call it, in their own process; `harness/built.ts` has it as a program. */
import { PassThrough } from "node:stream";
import { main } from "../../src/cli/program.js";
import type { CliPort } from "../../src/cli/terminal/port.js";

/** Calls the command line in this process. */
export async function call(...args: readonly string[]) {
  return await callUntil(new AbortController().signal, args);
}

/** As `call`, for a process that is told to end when `stop` is aborted. */
export async function callUntil(stop: AbortSignal, args: readonly string[]) {
  const { port, stdout, stderr } = portOf(stop);
  const code = await main(args, port);
  return { code, stdout: stdout(), stderr: stderr().replaceAll(progressLine, "") };
}

/** A line of progress, as a slow machine may show it. */
const progressLine = /^[a-z ]+: [\d.,]+ ?(?:[KMG]iB|B|records|seconds|of)[^\n]*\n/gm;

/** A process as the command line sees it, and its output. */
export function portOf(stop: AbortSignal = new AbortController().signal) {
  const out = collected();
  const err = collected();
  const clockMs = (): number => performance.now();
  const port: CliPort = { stdout: out.stream, stderr: err.stream, hasColor: false, clockMs, stop };
  return { port, stdout: out.text, stderr: err.text };
}

/** A stream, and the text that was written to it. */
function collected(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
