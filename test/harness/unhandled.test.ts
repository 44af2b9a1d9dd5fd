import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { takeUnhandled } from "./unhandled.js";

test("a rejection without a handler is met, in this process", async () => {
  // The runner would fail the run: for a moment nobody but the harness listens.
  const listeners = process.listeners("unhandledRejection");
  const [own] = listeners.filter((each) => String(each).includes("met.push"));
  process.removeAllListeners("unhandledRejection");
  if (own) process.on("unhandledRejection", own);
  try {
    const stray = Promise.reject(new Error("nobody holds it"));
    expect(await takeUnhandled()).toEqual([expect.stringContaining("nobody holds it")]);
    await Promise.allSettled([stray]);
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const each of listeners) process.on("unhandledRejection", each);
  }
});

test("and in a process that a test started, which ends as it would", async () => {
  const program = `Promise.reject(new Error("nobody in the child holds it"))`;
  const ended = promisify(execFile)(process.execPath, ["-e", program]);
  await expect(ended).rejects.toMatchObject({ code: 1 });
  expect(await takeUnhandled()).toEqual([expect.stringContaining("nobody in the child")]);
});
