import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test as property } from "@fast-check/vitest";
import { array, integer, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeCommand,
  decodeEvent,
  encodeCommand,
  encodeEvent,
} from "../../../src/cli/run/codec.js";
import {
  FRAME_BYTES_MAX,
  FrameSplitter,
  readFrames,
  writeFrame,
} from "../../../src/cli/run/frames.js";
import type { Command, Event } from "../../../src/cli/run/messages.js";
import { laneIdOf } from "../../../src/types/lane.js";

const lane = laneIdOf(
  Uint8Array.from({ length: 32 }, (_, at) => at),
  2n ** 64n - 1n,
);
const bytes = Uint8Array.of(1, 2, 3);
const values = [0n, 1n, 2n ** 31n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

/** Bytes of any kind as arrays, so that a Buffer equals a Uint8Array. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

function commandsAt(value: bigint): Command[] {
  return [
    { kind: "open", directory: "state", chainId: "run-1", keys: [bytes, bytes] },
    { kind: "block", lane, number: value, bytes },
    { kind: "commitQc", index: value, bytes },
    { kind: "anchor", index: value, bytes },
    { kind: "close" },
  ];
}

function eventsAt(value: bigint): Event[] {
  return [
    { kind: "opening" },
    { kind: "anchorFound", index: value, bytes },
    { kind: "laneFound", lane, first: value, next: value },
    { kind: "blockFound", lane, number: value, bytes },
    { kind: "roadFound", first: value, next: value },
    { kind: "commitQcFound", index: value, bytes },
    { kind: "pinFound", lane, number: value, headerHash: bytes },
    { kind: "recovered", durationMs: 1.5, warnings: ["one", "two"] },
    { kind: "dropped", lane, number: value, reason: "old" },
    {
      kind: "stats",
      rssBytes: 0,
      rssBytesMax: 2 ** 32 + 1,
      diskBytes: 2 ** 53 - 1,
      persistP50Ms: 0.25,
      persistP99Ms: 1e6,
    },
    { kind: "failed", code: "IO", message: "no" },
    { kind: "closed" },
  ];
}

describe.each(values)("with the number %s", (value) => {
  test("every command comes back as it was", () => {
    for (const command of commandsAt(value)) {
      expect(plain(decodeCommand(encodeCommand(command)))).toEqual(plain(command));
    }
  });

  test("every event comes back as it was", () => {
    for (const event of eventsAt(value)) {
      expect(plain(decodeEvent(encodeEvent(event)))).toEqual(plain(event));
    }
    const places: Event[] = [
      { kind: "blockDurable", lane, number: value },
      { kind: "commitQcDurable", index: value },
      { kind: "anchorDurable", index: value },
    ];
    for (const event of places) expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });
});

test.each([-1n, 2n ** 64n])("the number %s is refused, not wrapped", (index) => {
  expect(() => encodeEvent({ kind: "anchorDurable", index })).toThrow(/64 bits/);
});

test("a message of no known kind is refused", () => {
  expect(() => decodeCommand(new Uint8Array())).toThrow(/unknown kind/);
  expect(() => decodeEvent(new Uint8Array())).toThrow(/unknown kind/);
});

describe("frames", () => {
  property.prop([array(uint8Array({ maxLength: 40 })), integer({ min: 1, max: 50 })])(
    "come back whole, however the pipe cuts them",
    async (messages, step) => {
      const pipe = new PassThrough();
      for (const message of messages) await writeFrame(pipe, message);
      pipe.end();
      const stream = Buffer.concat(await pipe.toArray());
      const splitter = new FrameSplitter();
      const found: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += step) {
        found.push(...splitter.push(stream.subarray(at, at + step)));
      }
      expect(found.map((frame) => [...frame])).toEqual(messages.map((message) => [...message]));
    },
  );

  test("a frame that the writer could not finish is no message", async () => {
    const pipe = new PassThrough();
    pipe.end(Buffer.from([0, 0, 0, 1, 7, 0, 0, 0, 2, 8]));
    const found: number[][] = [];
    for await (const frame of readFrames(pipe)) found.push([...frame]);
    expect(found).toEqual([[7]]);
  });

  test("a length that is none is noticed", () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(FRAME_BYTES_MAX + 1);
    expect(() => [...new FrameSplitter().push(head)]).toThrow(/sane length/);
  });

  test("a writer waits for a full pipe, and not for one that closed", async () => {
    const pipe = new PassThrough({ highWaterMark: 8 });
    const written = writeFrame(pipe, new Uint8Array(100));
    const first = await Promise.race([written.then(() => "written"), nextTurn("waiting")]);
    expect(first).toBe("waiting");
    pipe.destroy();
    await written;
    await writeFrame(pipe, new Uint8Array(100));
  });
});
