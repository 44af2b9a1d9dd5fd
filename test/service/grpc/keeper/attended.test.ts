/** A stream that goes on tells when its reader has caught up, and that it lives. */
import { expect, test } from "vitest";
import { attended } from "../../../../src/service/grpc/keeper/attended.js";

/** A stream to which a test gives messages; `end` ends it, or fails it. */
function fed() {
  const waiting: (string | Error | undefined)[] = [];
  let wake = (): void => undefined;
  let isReturned = false;
  const give = (message: string | Error | undefined): void => {
    waiting.push(message);
    wake();
  };
  async function* messages(): AsyncGenerator<string> {
    try {
      for (;;) {
        while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const message = waiting.shift();
        if (message === undefined) return;
        if (message instanceof Error) throw message;
        yield message;
      }
    } finally {
      isReturned = true;
    }
  }
  return { give, messages: messages(), isReturned: () => isReturned };
}

const never = { marker: "marker", heartbeat: "beat", heartbeatMs: 60_000 };
const value = async (stream: AsyncGenerator<string>): Promise<string | undefined> => {
  const step = await stream.next();
  return step.done === true ? undefined : step.value;
};

test("the marker comes once, behind the message with which the reader has caught up", async () => {
  const { give, messages } = fed();
  const stream = attended(messages, { ...never, isCaughtUp: (sent) => sent === "b" });
  for (const each of ["a", "b", "c", undefined]) give(each);
  expect(await value(stream)).toBe("a");
  expect(await value(stream)).toBe("b");
  expect(await value(stream)).toBe("marker");
  expect(await value(stream)).toBe("c");
  expect(await value(stream)).toBeUndefined();
});

test("a reader with nothing behind it is told so at once", async () => {
  const { messages } = fed();
  const stream = attended(messages, { ...never, isCaughtUp: () => true });
  expect(await value(stream)).toBe("marker");
});

test("a heartbeat comes while nothing is sent, and no message is lost or sent twice", async () => {
  const { give, messages } = fed();
  const stream = attended(messages, { ...never, heartbeatMs: 1, isCaughtUp: () => false });
  expect(await value(stream)).toBe("beat");
  expect(await value(stream)).toBe("beat");
  give("a");
  const found: (string | undefined)[] = [];
  while (!found.includes("a")) found.push(await value(stream));
  give("b");
  while (!found.includes("b")) found.push(await value(stream));
  expect(found.filter((each) => each !== "beat")).toEqual(["a", "b"]);
});

test("a failure of the stream is thrown as it is", async () => {
  const { give, messages } = fed();
  const stream = attended(messages, { ...never, isCaughtUp: () => false });
  give(new Error("the store is closed"));
  await expect(stream.next()).rejects.toThrow("the store is closed");
});

test("a reader that leaves ends the stream behind it", async () => {
  const { give, messages, isReturned } = fed();
  const stream = attended(messages, { ...never, isCaughtUp: () => false });
  give("a");
  expect(await value(stream)).toBe("a");
  await stream.return(undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isReturned()).toBe(true);
});
