import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { ListDocument } from "../../../src/cli/terminal/json-document.js";
import { PersisterError } from "../../../src/types/errors.js";

function collected(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  return { stream, text: () => String(stream.read() ?? "") };
}

describe("a document whose command is stopped by an error", () => {
  const error = new PersisterError("DISK_FULL", "no space", { file: "/state" });

  test("is ended with that error, which is told by then", async () => {
    const { stream, text } = collected();
    const document = new ListDocument(stream, "refused");
    await document.item({ number: 2n ** 64n - 1n });
    await expect(document.failed(error)).rejects.toMatchObject({ cause: error });
    expect(JSON.parse(text())).toEqual({
      version: 1,
      refused: [{ number: "18446744073709551615" }],
      ok: false,
      exitCode: 40,
      error: { name: "PersisterError", code: "DISK_FULL", message: "no space", file: "/state" },
    });
  });

  test("has nothing to end where it has not begun", async () => {
    const { stream, text } = collected();
    await expect(new ListDocument(stream, "refused").failed(error)).rejects.toBe(error);
    expect(text()).toBe("");
  });
});
