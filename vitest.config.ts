import { defineConfig } from "vitest/config";

/** Files that work for minutes: each is a process of its own, whose code is compiled for it alone. */
const long = [
  "test/crash/**/*.test.ts",
  "test/devnet/**/*.test.ts",
  "test/wire/mutation/**/*.test.ts",
];

export default defineConfig({
  test: {
    // One process per worker: native addons, file locks and signals belong to a process.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A rejection that nobody holds ends a user's process: it fails the test in which it happens.
    setupFiles: ["test/harness/unhandled.ts"],
    reporters: ["default", "./scripts/totals-reporter.mjs"],
    projects: [
      { extends: true, test: { name: "long", include: long } },
      {
        extends: true,
        test: {
          name: "short",
          include: ["test/**/*.test.ts"],
          exclude: long,
          // These share what they import: loading it anew would take longer than they do.
          isolate: false,
        },
      },
    ],
  },
});
