import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // One process per worker: native addons, file locks and signals belong to a process. Its files share
    // what they import, so that nothing is loaded and compiled anew for each of them.
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ["default", "./scripts/totals-reporter.mjs"],
  },
});
