import { defineConfig } from "vitest/config";

/** `npm run torture`: what the tests of a change leave out, for it has no end of its own. */
export default defineConfig({
  test: {
    include: ["test/crash/torture/torture.ts"],
    pool: "forks",
    reporters: ["dot"],
    testTimeout: 0,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
