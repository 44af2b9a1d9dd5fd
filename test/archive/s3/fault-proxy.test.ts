/** An archive is made and proven through a network that breaks off, holds and crumbles its connections. */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArchivedLog } from "../../../src/archive/form/names.js";
import { openBucket } from "../../../src/archive/open-bucket.js";
import type { Bucket } from "../../../src/archive/bucket/bucket.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { hasCode } from "../../../src/types/errors.js";
import { campaignSize } from "../../scale.js";
import { type BucketHome, hasty } from "../bucket/homes.js";
import { endMoto, motoHomes } from "../bucket/moto.js";
import { lane, ModelSource, verified, writerOf } from "../kit.js";
import { type Fate, FaultProxy } from "./fault-proxy.js";
import { credentials, S3Server } from "./server.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 0);

const own = async (): Promise<Pick<BucketHome, "address" | "end">> => {
  const server = await S3Server.start();
  return { address: server.address(randomBytes(4).toString("hex")), end: () => server.stop() };
};
const homes = [["the suite's own server", own] as const, ...motoHomes];

afterAll(endMoto);

/** No connection lives long. Requests of an object have some four thousand bytes. */
function fatesOf(seed: number): (connection: number) => Fate {
  const random = seededRandom(seed);
  return () => {
    const bytes = random.below(6_000);
    const drawn = random.below(8);
    if (drawn < 3) return { kind: "reset", way: "up", bytes };
    if (drawn < 6) return { kind: "reset", way: "down", bytes };
    return drawn === 6 ? { kind: "stall", bytes } : { kind: "crumbs", way: "up", bytes };
  };
}

describe.for(homes)("behind a proxy that fails, in %s", ([, make]) => {
  let home: Pick<BucketHome, "address" | "end">;
  let proxy: FaultProxy;
  beforeEach(async () => {
    home = await make();
    proxy = await FaultProxy.start(endpointOf(home.address));
  });
  afterEach(async () => {
    await proxy.stop();
    await home.end();
  });

  test("an archive has no gap and one truth, however its connections end", {
    timeout: 300_000,
  }, async () => {
    const runs = campaignSize(30);
    for (let run = 0; run < runs; run++) {
      const address = home.address.replace("?", `/${run}?`);
      const through = new URL(address);
      through.searchParams.set("endpoint", proxy.endpoint);
      const choices = { credentials: () => credentials, pacing: hasty, idleMs: 150 };
      const bucket = await openBucket(through.href, choices);
      proxy.fateOf = fatesOf(1_000 * SEED + run);
      const source = new ModelSource(20n);
      for (const log of [lane, ROAD] as const) await writeThrough(bucket, source, log);
      proxy.fateOf = () => ({ kind: "whole" });
      await bucket.close();
      const direct = await openBucket(address, choices);
      for (const log of [lane, ROAD] as const) {
        const proven = await verified(direct, log);
        expect({ run, ...proven }).toMatchObject({
          run,
          first: 0n,
          next: 20n,
          holes: [],
          unlinked: [],
        });
        // A writer that knows nothing finds all of it, and puts nothing.
        const again = writerOf(direct, source, log);
        for (let at = 0; at < proven.objects; at++)
          expect(await again.step(source.state(log), {})).toMatchObject({ did: "found" });
        expect(again.position?.through).toBe(20n);
      }
      const names: string[] = [];
      for await (const { name } of direct.list("")) names.push(name);
      expect(names.filter((name) => name.includes("/conflict/"))).toEqual([]);
      await direct.close();
    }
    expect(proxy.broken).toBeGreaterThan(3 * runs);
  });
});

function endpointOf(address: string): URL {
  return new URL(new URL(address).searchParams.get("endpoint") ?? "");
}

/** Steps as the archiver takes them: one that the bucket did not answer is taken again. */
async function writeThrough(bucket: Bucket, source: ModelSource, log: ArchivedLog): Promise<void> {
  const writer = writerOf(bucket, source, log);
  for (let failed = 0; failed < 200; ) {
    try {
      const { did } = await writer.step(source.state(log), {});
      if (did === "nothing") return;
    } catch (cause) {
      if (!hasCode(cause, "BUCKET_FAILED")) throw cause;
      failed += 1;
    }
  }
  throw new Error(`${log} was not archived: its bucket failed 200 times`);
}
