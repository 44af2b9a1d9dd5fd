/** A committee that archives in one bucket: a folder, and object storage. */
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Archive } from "../../../src/archive/reading/archive.js";
import type { Network } from "../../../src/devnet/network/network.js";
import { startsOf } from "../../../src/devnet/network/starts.js";
import { epochOfKeys } from "../../../src/devnet/validator/orders.js";
import { IS_SHORT, SCALE } from "../../scale.js";
import { credentials, S3Server } from "../../archive/s3/server.js";
import { devnets } from "./network-kit.js";

const { networkOf, directory } = devnets();

/** As a validator's process finds them. */
const environment = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
};
const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
let server: S3Server;
beforeAll(async () => {
  server = await S3Server.start();
  Object.assign(process.env, environment);
});
afterAll(async () => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await server.stop();
});

/**
 * Proves every log of the bucket of a devnet that has ended, by the bucket and the committee alone. The last kill may
 * have stopped a writer between an object and its link, and nobody goes on.
 */
async function recordsProven(network: Network, archive: string): Promise<bigint> {
  const { directory: of } = network.seats[0]!;
  const [first] = startsOf(network.options, dirname(of));
  const { chainId, keys } = first!.order;
  const epoch = epochOfKeys(keys);
  await using read = await Archive.open(archive, { chainId });
  let records = 0n;
  for await (const log of read.logs()) {
    const proven = await read.verify(log, { epochOf: () => epoch });
    expect(proven).toMatchObject({ first: 0n, holes: [] });
    records += proven.records;
  }
  return records;
}

const buckets = [
  ["object storage", (name: string) => Promise.resolve(server.address(name))],
  ["a folder", async (name: string) => `file://${await directory()}/${name}`],
] as const;

describe.each(IS_SHORT ? buckets.slice(0, 1) : buckets)("in %s", (_name, bucketOf) => {
  const strikes = IS_SHORT
    ? { seconds: 2, roads: 20n, kills: 1, powerCuts: 1 }
    : { seconds: 12, kills: 3, powerCuts: 1 };
  const committee = { payload: 32_768, validators: 4, seed: 1 };

  test("it catches up from the bucket, and the bucket alone proves the history", async () => {
    const archive = await bucketOf("whole");
    const network = await networkOf({ ...committee, archive, ...strikes });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(await recordsProven(network, archive)).toBeGreaterThan(20n);
  });

  test.runIf(SCALE >= 1)(
    "H1 it loses a machine: a new one that begins with nothing executes from the bucket alone what its peers have no more, votes again, and signs nothing twice",
    async () => {
      const archive = await bucketOf("lost");
      const losing = { ...strikes, seconds: 20, losses: 1 };
      const network = await networkOf({ ...committee, archive, ...losing });
      await network.run();
      expect(network.judge.violations).toEqual([]);
      expect(network.counts).toMatchObject({ losses: 1, raised: 1 });
      const lost = network.comebacks.find(({ store }) => store === "new")!;
      // No peer served the first road when the machine was lost.
      const begun = network.replays.find(({ validator, first }) => {
        return validator === lost.validator && first === 0n;
      });
      expect(begun?.next).toBeGreaterThan(0n);
      expect(await recordsProven(network, archive)).toBeGreaterThan(20n);
    },
  );
});
