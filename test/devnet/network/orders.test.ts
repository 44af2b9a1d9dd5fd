/** The orders of a person to a devnet by hand, without a devnet: the ends of a connection. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, expect, test } from "vitest";
import { ByHand, type ByHandPort, DEVNET_SOCKET } from "../../../src/devnet/network/by-hand.js";
import type { Seat } from "../../../src/devnet/network/seat.js";
import { PersisterError } from "../../../src/types/errors.js";

let folder = "";

beforeEach(() => {
  // Sockets have short paths.
  folder = mkdtempSync(join(tmpdir(), "lk-orders-"));
  return () => rmSync(folder, { recursive: true });
});

async function listening(port: Partial<ByHandPort>): Promise<ByHand> {
  return await ByHand.listen({
    directory: folder,
    seats: [],
    kill: () => Promise.resolve(),
    start: () => undefined,
    replaced: () => undefined,
    executedNext: () => 0n,
    end: () => undefined,
    ...port,
  });
}

function connected(order: object): Socket {
  const socket = createConnection(join(folder, DEVNET_SOCKET));
  socket.write(`${JSON.stringify(order)}\n`);
  return socket;
}

/** Has the first call fail with `cause`, and keeps the failures that later ones bring. */
function failing(cause: Error) {
  const failures: (Error | undefined)[] = [];
  let isFirst = true;
  const end = (failure?: Error): void => {
    if (!isFirst) failures.push(failure);
    else {
      isFirst = false;
      throw cause;
    }
  };
  return { end, failures };
}

test("an error that is none of ours ends the devnet, and its person is told", async () => {
  const bug = new TypeError("a bug of the devnet's");
  const { end, failures } = failing(bug);
  const hand = await listening({ end });
  const answer = await text(connected({ do: "end" }));
  expect(JSON.parse(answer)).toEqual({ code: "INTERNAL", message: "a bug of the devnet's" });
  expect(failures).toEqual([bug]);
  await hand.close();
});

test("a refusal is the person's alone", async () => {
  const { end, failures } = failing(new PersisterError("USAGE", "not now"));
  const hand = await listening({ end });
  const answer = await text(connected({ do: "end" }));
  expect(JSON.parse(answer)).toEqual({ code: "USAGE", message: "not now" });
  expect(failures).toEqual([]);
  await hand.close();
});

test("a person who goes away in the middle of an order ends nothing", async () => {
  let answer = (): void => undefined;
  let begun = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  writeFileSync(join(folder, "STORE"), "");
  const seat = { index: 0, isDown: false, directory: folder } as Seat;
  const kill = (): Promise<void> => {
    begun();
    return new Promise((resolve) => (answer = resolve));
  };
  const hand = await listening({ seats: [seat], kill });
  const person = connected({ do: "kill", validator: 0 });
  await isBegun;
  // The devnet writes before it has heard of it: the system refuses the write.
  person.destroy();
  answer();
  expect(await text(connected({ do: "kill", validator: 7 }))).toContain("there is no validator 7");
  await hand.close();
});
