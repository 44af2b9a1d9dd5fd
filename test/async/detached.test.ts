import { once } from "node:events";
import { expect, test } from "vitest";
import { detached } from "../../src/async/detached.js";

test("work that ends well is nobody's news, and a failure is nobody's secret", async () => {
  detached(Promise.resolve());
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const bug = new Error("a bug");
  const told = once(process, "uncaughtException");
  try {
    detached(Promise.reject(bug));
    expect((await told)[0]).toBe(bug);
  } finally {
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});
