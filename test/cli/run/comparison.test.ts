import { describe, expect, test } from "vitest";
import type { FoundEvent } from "../../../src/cli/run/messages.js";
import { decodeSignedBlock } from "../../../src/wire/codec/decode.js";
import { headerHash } from "../../../src/wire/hash.js";
import { acknowledgeAll, honestRecovery, rulesBroken, sentWorld, type World } from "./world.js";

const BLOCKS = 20;

function ackedWorld(): World {
  const world = sentWorld(BLOCKS);
  acknowledgeAll(world);
  return world;
}

function anchoredWorld(): World {
  const world = ackedWorld();
  world.ledger.appendAnchor(1n, world.chain.anchorAt(1n));
  world.ledger.acknowledgeAnchor(1n);
  return world;
}

/** Sets the next of the lane's range and leaves out its records from there on. */
function cutLane(events: readonly FoundEvent[], lane: string, next: bigint): FoundEvent[] {
  return events
    .map((event) =>
      event.kind === "laneFound" && event.lane === lane ? { ...event, next } : event,
    )
    .filter((event) => event.kind !== "blockFound" || event.lane !== lane || event.number < next);
}

function withChangedByte(events: readonly FoundEvent[], kind: FoundEvent["kind"]): FoundEvent[] {
  const at = events.findIndex((event) => event.kind === kind);
  return events.map((event, index) => {
    if (index !== at || !("bytes" in event)) return event;
    const bytes = Uint8Array.from(event.bytes);
    bytes[bytes.length - 1]! ^= 1;
    return { ...event, bytes };
  });
}

describe("a recovery is accepted", () => {
  test("with everything that was acknowledged", () => {
    const world = anchoredWorld();
    expect(rulesBroken(world.ledger, honestRecovery(world))).toEqual([]);
  });

  test("with nothing, where nothing was acknowledged", () => {
    const { ledger } = sentWorld(BLOCKS);
    expect(rulesBroken(ledger, [])).toEqual([]);
  });

  test("with more than was acknowledged, where it was sent", () => {
    const world = sentWorld(BLOCKS);
    world.ledger.lane(world.lane).acknowledgeTo(3n);
    expect(rulesBroken(world.ledger, honestRecovery(world))).toEqual([]);
  });

  test("with a newer anchor than the acknowledged one, where it was sent", () => {
    const world = anchoredWorld();
    world.ledger.appendAnchor(3n, world.chain.anchorAt(3n));
    expect(rulesBroken(world.ledger, honestRecovery(world))).toEqual([]);
    expect(world.ledger.ackedAnchor).toBe(3n);
  });
});

describe("a recovery is refused", () => {
  test("that lost acknowledged blocks", () => {
    const world = ackedWorld();
    const events = cutLane(honestRecovery(world), world.lane, 19n);
    expect(rulesBroken(world.ledger, events)).toEqual(["LOST"]);
  });

  test("that lost a whole lane", () => {
    const world = ackedWorld();
    const events = honestRecovery(world).filter(
      (event) => !("lane" in event) || event.lane !== world.lane,
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["LOST"]);
  });

  test("that lost acknowledged commit QCs", () => {
    const world = ackedWorld();
    const events = honestRecovery(world).filter(
      ({ kind }) => kind !== "roadFound" && kind !== "commitQcFound",
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["LOST"]);
  });

  test.each(["blockFound", "commitQcFound", "anchorFound"] as const)(
    "with a changed byte in the first %s",
    (kind) => {
      const world = anchoredWorld();
      const events = withChangedByte(honestRecovery(world), kind);
      expect(rulesBroken(world.ledger, events)).toEqual(["CHANGED"]);
    },
  );

  test("with a changed byte in a block that was sent and not acknowledged", () => {
    const world = sentWorld(BLOCKS);
    const events = withChangedByte(honestRecovery(world), "blockFound");
    expect(rulesBroken(world.ledger, events)).toEqual(["CHANGED"]);
  });

  test.each([0, 5, BLOCKS - 1])("with a hole at place %i of a lane", (place) => {
    const world = ackedWorld();
    const events = honestRecovery(world).filter(
      (event) =>
        event.kind !== "blockFound" || event.lane !== world.lane || event.number !== BigInt(place),
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["HOLE"]);
  });

  test("with the same record twice", () => {
    const world = ackedWorld();
    const events = honestRecovery(world).flatMap((event) =>
      event.kind === "blockFound" && event.number === 4n ? [event, event] : [event],
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["UNKNOWN"]);
  });

  test("whose lane starts above the recovered anchor", () => {
    const world = anchoredWorld();
    const start = world.ledger.startUnder(1n, world.lane);
    const events = honestRecovery(world)
      .map((event) =>
        event.kind === "laneFound" && event.lane === world.lane
          ? { ...event, first: start + 1n }
          : event,
      )
      .filter(
        (event) => event.kind !== "blockFound" || event.lane !== world.lane || event.number > start,
      );
    expect(rulesBroken(world.ledger, events)).toEqual(["PRUNED_TOO_FAR"]);
  });

  test("whose road starts below the recovered anchor", () => {
    const world = anchoredWorld();
    const events = honestRecovery(world).flatMap((event): FoundEvent[] =>
      event.kind === "roadFound"
        ? [
            { ...event, first: 0n },
            { kind: "commitQcFound", index: 0n, bytes: new Uint8Array(1) },
          ]
        : [event],
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["NOT_PRUNED"]);
  });

  test("with a block that was never sent", () => {
    const world = ackedWorld();
    const events = honestRecovery(world).flatMap((event): FoundEvent[] =>
      event.kind === "laneFound" && event.lane === world.lane
        ? [{ ...event, next: 21n }]
        : event.kind === "roadFound"
          ? [event]
          : event.kind === "blockFound" && event.lane === world.lane && event.number === 19n
            ? [event, { ...event, number: 20n }]
            : [event],
    );
    expect(rulesBroken(world.ledger, events)).toEqual(["UNKNOWN"]);
  });

  test("with a lane that the committee does not have", () => {
    const world = ackedWorld();
    const lane = sentWorld(0).lane.replace(/^../, "00") as typeof world.lane;
    const events = [
      ...honestRecovery(world),
      { kind: "laneFound", lane, first: 0n, next: 0n } as const,
    ];
    expect(rulesBroken(world.ledger, events)).toEqual(["UNKNOWN"]);
  });

  test("without the acknowledged anchor", () => {
    const world = anchoredWorld();
    const events = honestRecovery(world).filter(({ kind }) => kind !== "anchorFound");
    expect(rulesBroken(world.ledger, events)).toContain("ANCHOR_LOST");
  });

  test("with an older anchor than the acknowledged one", () => {
    const world = ackedWorld();
    const older = world.chain.anchorAt(1n);
    world.ledger.appendAnchor(1n, older);
    world.ledger.appendAnchor(2n, world.chain.anchorAt(2n));
    world.ledger.acknowledgeAnchor(2n);
    const events = honestRecovery(world).map(
      (event): FoundEvent =>
        event.kind === "anchorFound" ? { ...event, index: 1n, bytes: older.bytes } : event,
    );
    expect(rulesBroken(world.ledger, events)).toContain("ANCHOR_LOST");
  });

  test("with an anchor that was never sent", () => {
    const world = ackedWorld();
    const event = { kind: "anchorFound", index: 1n, bytes: new Uint8Array(3) } as const;
    expect(rulesBroken(world.ledger, [event, ...honestRecovery(world)])).toEqual(["UNKNOWN"]);
  });
});

describe("a pin", () => {
  test("is right at a lost number, with the hash of what was sent there, and only there", () => {
    const world = sentWorld(BLOCKS);
    const events = cutLane(honestRecovery(world), world.lane, 10n);
    const hashAt = (number: bigint) =>
      headerHash(decodeSignedBlock(world.ledger.lane(world.lane).at(number)!).msg.header);
    const pin = {
      kind: "pinFound",
      lane: world.lane,
      number: 10n,
      headerHash: hashAt(10n),
    } as const;
    expect(rulesBroken(world.ledger, [...events, pin])).toEqual([]);
    const wrong = { ...pin, headerHash: hashAt(11n) };
    expect(rulesBroken(world.ledger, [...events, wrong])).toEqual(["PIN_WRONG"]);
    const below = { ...pin, number: 9n, headerHash: hashAt(9n) };
    expect(rulesBroken(world.ledger, [...events, below])).toEqual(["PIN_WRONG"]);
  });
});

test("an acknowledgement of something never sent is noticed", () => {
  const { ledger, lane } = sentWorld(2);
  expect(ledger.acknowledge({ kind: "blockDurable", lane, number: 1n })).toBe(true);
  expect(ledger.acknowledge({ kind: "blockDurable", lane, number: 2n })).toBe(false);
  expect(ledger.acknowledge({ kind: "anchorDurable", index: 0n })).toBe(false);
  expect(ledger.acknowledge({ kind: "commitQcDurable", index: 1000n })).toBe(false);
});
