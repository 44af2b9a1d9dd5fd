import { describe, expect, it } from "vitest";
import { readSignedBlockHeader } from "../../../src/wire/codec/block-header.js";
import * as decode from "../../../src/wire/codec/decode.js";
import { decodeMsg } from "../../../src/wire/codec/envelope.js";
import { mutationRuns } from "./run.js";
import { certificates, parts, signedMessages, states } from "./messages/subjects.js";

describe("mutants are decoded as by a second reading, or refused with reason and place", () => {
  mutationRuns(parts);
});

it("every decoder has its mutation run", () => {
  const exported = Object.entries(decode).filter(([name]) => name.startsWith("decode"));
  const decoders = new Set<unknown>([...exported.map(([, value]) => value), decodeMsg]);
  decoders.add(readSignedBlockHeader);
  const subjects = [...parts, ...signedMessages, ...certificates, ...states];
  expect(new Set(subjects.map(({ decoder }) => decoder))).toEqual(decoders);
  expect(subjects.length).toBe(decoders.size);
});
