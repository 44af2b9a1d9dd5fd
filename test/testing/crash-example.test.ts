import { expect, test } from "vitest";

test("the example of a node that loses power runs, and loses nothing", async () => {
  const path: string = "../../scripts/crash-example.mjs";
  const example = (await import(path)) as {
    readonly report: { readonly powerCuts: number; readonly kills: number };
  };
  expect(example.report.powerCuts + example.report.kills).toBe(100);
});
