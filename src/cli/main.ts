#!/usr/bin/env node
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { errorCodes } from "../types/errors.js";
import { main } from "./program.js";

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
  process.exit(errorCodes.INTERNAL.exit);
}
