#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { main } from "./program.js";

/** Lanekeeper itself is wrong, or the child died of something that it did not tell. */
const EXIT_INTERNAL = 70;

try {
  process.exitCode = await main(process.argv.slice(2), {
    script: fileURLToPath(import.meta.url),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    hasColor: process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "",
    clockMs: () => performance.now(),
    onInterrupt: (listener) => {
      process.on("SIGINT", listener);
      return () => process.off("SIGINT", listener);
    },
  });
} catch (error) {
  process.stderr.write(`${inspect(error)}\n`);
  // Not only the code: an open store would keep the process.
  process.exit(EXIT_INTERNAL);
}
