/**
 * Services as an operator may meet them: statuses of a real store, with the lanes, pins and errors of the
 * case put in their place.
 */
import type { Status } from "../../../src/node/status.js";
import { Meters } from "../../../src/service/metrics/meters.js";
import type { Observed, StoreState } from "../../../src/service/observed.js";
import { PersisterError } from "../../../src/types/errors.js";
import type { LaneId } from "../../../src/types/lane.js";
import { TestChain } from "../../model/chain.js";
import { measuredStore, observedOf } from "../kit.js";

export const sceneNames = [
  "safe",
  "one lane",
  "hundred lanes",
  "pinned",
  "poisoned",
  "refused",
  "opening",
  "memory",
  "standing by",
] as const;
export type SceneName = (typeof sceneNames)[number];

export interface Scene {
  readonly observed: Observed;
  readonly meters: Meters;
}

/** Numbers that look drawn, and are the same each time. */
function drawn(seed: number): number {
  return ((seed * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
}

const disk = {
  slots: 24,
  free: 4,
  bytes: 24 * 4_194_304,
  segments: {
    current: { slots: 1, bytes: 4_194_304 },
    sealed: { slots: 3, bytes: 3 * 4_194_304 },
    retained: { slots: 16, bytes: 16 * 4_194_304 },
    free: { slots: 4, bytes: 4 * 4_194_304 },
  },
  liveBytes: 9_500_000,
  reclaimableBytes: 3_100_000,
  retainedBytes: 16 * 4_194_304,
} satisfies Status["disk"];

/** A status with `count` lanes, some of them behind; `turn` moves them. */
function statusOf(base: Status, lanes: readonly LaneId[], turn: number): Status {
  const looks = lanes.map((lane, index) => {
    const first = BigInt(1000 + Math.floor(drawn(index + 1) * 4000) + turn);
    const durable = first + BigInt(4 + Math.floor(drawn(index + 100 + turn) * 9));
    const lag = BigInt(Math.floor(drawn(index + 200 + turn) ** 6 * 14));
    const next = durable + lag;
    const oldestWaitingMs = lag > 0n ? 2 + 40 * drawn(index + 300 + turn) : 0;
    const capacityLeft = first + 30n - next;
    return [
      lane,
      { first, next, durable, lag, capacityLeft, oldestWaitingMs, pinned: [] },
    ] as const;
  });
  const retained = looks.map(([lane, { first }], index) => {
    return [
      lane,
      { first: first - BigInt(Math.floor(drawn(index + 400) * 900)), next: first },
    ] as const;
  });
  const road = { first: 5120n, next: 5133n, durable: 5132n };
  return {
    ...base,
    directory: "/var/lib/lanekeeper/validator-7",
    chainId: "pacific-1",
    durable: true,
    lanes: new Map(looks),
    retained: { lanes: new Map(retained), road: { first: 4011n, next: 5120n } },
    road,
    anchorRoadIndex: 5120n,
    anchorAgeMs: 1200,
    disk,
  };
}

/** A lane of a status, changed. */
function withLane(
  status: Status,
  at: number,
  change: Partial<Status["lanes"] extends ReadonlyMap<LaneId, infer Lane> ? Lane : never>,
): Status {
  const lanes = [...status.lanes];
  const [lane, facts] = lanes[at]!;
  lanes[at] = [lane, { ...facts, ...change }];
  const pins = (change.pinned ?? []).map((number) => ({
    lane,
    number,
    headerHash: new Uint8Array(32),
  }));
  return { ...status, lanes: new Map(lanes), pins: [...status.pins, ...pins] };
}

const poison = new PersisterError(
  "POISONED",
  "/var/lib/lanekeeper/validator-7/journal/0007.seg: a write of 65,536 bytes at 1,048,576 failed: " +
    "EIO, i/o error; nothing is acknowledged any more",
);
const refusal = new PersisterError(
  "ACKNOWLEDGED_LOST",
  "/var/lib/lanekeeper/validator-7/journal/0003.seg: block 4,212 of lane " +
    "79f2a1c03b64e5d8 was acknowledged and is not on disk",
);
const conflict = new PersisterError("CONFLICT", "lane 2, block 1,204: other bytes are held");

const archive: Status["archive"] = {
  bucket: "s3://history/pacific-1 at https://objects.example",
  gate: "strict",
  through: { lanes: new Map(), road: 4011n },
  pendingRecords: 4096n,
  oldestPendingMs: 95_000,
  heldSegments: 3,
  heldBytes: 3 * 4_194_304,
  heldBytesMax: 64 * 4_194_304,
  isBehind: false,
  counts: { objects: 211, bytes: 1_884_000_000, found: 2, failures: 3, missed: 0n },
  failing: undefined,
  refused: new Map(),
};

/** Another machine has taken over: this one may sign what it reserved before. */
function reservationsOf({ lanes, road }: Status): Status["reservations"] {
  const [own, ...others] = [...lanes];
  return {
    at: "reservations/pacific-1 in s3://history at https://objects.example",
    machine: "5b0a4e7c9d13f2a8",
    state: "standing by",
    holder: "c4f1d07e2b96a385",
    places: new Map([
      ["road", { first: 5120n, next: road.next + 12n }],
      [`blocks/${own![0]}`, { first: 0n, next: own![1].next }],
      ...others.map(([lane, { next }], at) => {
        return [`votes/${lane}`, { first: 0n, next: next + BigInt(at + 7) }] as const;
      }),
    ]),
    puts: 318,
    failures: 1,
    failure: new PersisterError("UNRESERVED", "machine c4f1d07e2b96a385 reserves"),
  };
}

/** Each scene makes its own of an ordinary status. */
const changes: Readonly<Record<SceneName, (status: Status) => StoreState | Status>> = {
  safe: (status) => status,
  "one lane": (status) => status,
  "hundred lanes": (status) => status,
  pinned: (status) => {
    const [, second] = [...status.lanes.values()];
    const next = second!.next;
    const pinned = withLane(status, 1, { pinned: [next, next + 1n] });
    return withLane(pinned, 2, { refused: conflict });
  },
  poisoned: (status) => ({ ...status, poison }),
  refused: () => ({ kind: "refused", error: refusal }),
  opening: () => ({ kind: "opening" }),
  memory: (status) => ({ ...status, durable: false }),
  "standing by": (status) => ({ ...status, archive, reservations: reservationsOf(status) }),
};

const laneCounts: Partial<Record<SceneName, number>> = { "one lane": 1, "hundred lanes": 100 };

/** The service of a scene. It moves on by one turn with each look, as a busy validator does. */
export async function sceneOf(name: SceneName): Promise<Scene> {
  const chain = new TestChain(laneCounts[name] ?? 4);
  const meters = new Meters();
  await using store = await measuredStore(chain);
  const base = store.keeper.status();
  let turn = 0;
  const stateNow = (): StoreState => {
    turn += 1;
    const made = changes[name](statusOf(base, chain.lanes, Math.floor(turn / 8)));
    if ("kind" in made) return made;
    return {
      kind: "open",
      keeper: {
        status: () => made,
        releases: () => Promise.resolve(releases(chain)),
        lastBackup: undefined,
      },
    };
  };
  const work = (): void => {
    for (let at = 0; at < 40; at++) {
      const ms = 0.6 + 2.4 * drawn(turn * 40 + at) ** 8;
      meters.store.observe("groupMs", ms);
      meters.store.observe("groupBytes", 65_536);
      meters.store.observe("blockAckMs", ms * 1.4);
    }
  };
  meters.refusals.note({
    code: "OUT_OF_SEQUENCE",
    kind: "block",
    message: "block 1,310 of lane 3: 1,308 is next",
  });
  const observed = observedOf(
    chain,
    { kind: "opening" },
    {
      version: "0.1.0",
      // A directory that is there, so that the disk has a size.
      directory: "/var/lib",
      store: () => {
        work();
        return stateNow();
      },
      writer: () => ({ name: "validator-7", fence: 12n, isConnected: true }),
    },
  );
  return { observed, meters };
}

function releases(chain: TestChain): Awaited<ReturnType<StoreStateKeeper["releases"]>> {
  const lane = chain.lanes[0]!;
  const reason = "peers hold no block there; agreed in the operators' call";
  return [
    {
      lane,
      number: 1204n,
      headerHash: "00".repeat(32),
      reason,
      atMs: Date.UTC(2026, 10, 28, 9, 12, 0),
    },
  ];
}

type StoreStateKeeper = Extract<StoreState, { kind: "open" }>["keeper"];
