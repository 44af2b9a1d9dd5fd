/**
 * Every Node process that a test starts loads this. If a rejection without a handler ends the process,
 * the rejection is noted in a file. Nothing else changes: the process ends as it would.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";

const folder = process.env["LANEKEEPER_UNHANDLED_FOLDER"];

process.on("uncaughtExceptionMonitor", (error, origin) => {
  if (folder === undefined || origin !== "unhandledRejection") return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `process-${process.pid}`), inspect(error));
});
