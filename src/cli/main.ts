#!/usr/bin/env node
import { codeOf, endingSignals, stopOf } from "./terminal/ending.js";
import { showsColor } from "./terminal/paint.js";

const stop = stopOf(process);
// Loaded while signals are heard already: it takes a while.
const { main } = await import("./program.js");
const code = await main(process.argv.slice(2), {
  stop,
  stdout: process.stdout,
  stderr: process.stderr,
  hasColor: showsColor(process.stdout, process.env),
  clockMs: () => performance.now(),
  handOverSignals: () => {
    for (const signal of endingSignals) process.removeAllListeners(signal);
  },
});
// An output that fails at the last word tells so only now.
await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
// A stopped command may have work left: it is given up with the process.
process.exit(codeOf(code, stop));
