import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const { exports } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
  readonly exports: Readonly<Record<string, { readonly default?: string }>>;
};

/** Examples and the README import the package by its name: in tests that is the sources. */
const alias = Object.entries(exports).flatMap(([path, { default: built }]) => {
  if (built === undefined) return [];
  const source = built.replace("./dist/", "./src/").replace(/\.js$/, ".ts");
  const replacement = fileURLToPath(new URL(source, import.meta.url));
  return [{ find: new RegExp(`^lanekeeper${path.slice(1)}$`), replacement }];
});

/**
 * The modes choose the tests that run, and the size of their campaigns (test/scale.ts):
 *
 * - `npm run test:quick`: the inner loop, without the campaigns and the slow files;
 * - `npm test`: every file, each campaign at the size at which it finds the bugs of `test/mutants`;
 * - `npm run test:all`: every file at full size, with a seed of its own (test/harness/seed.ts);
 * - `npm run test:campaigns`: the files with a campaign alone, at full size.
 */
const sizes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  quick: { LANEKEEPER_SCALE: "0.02" },
  test: { LANEKEEPER_SCALE: "0.1", LANEKEEPER_STATES: "0.03", LANEKEEPER_MUTANTS: "1000" },
  all: { LANEKEEPER_SCALE: "1" },
  campaigns: { LANEKEEPER_SCALE: "1" },
};

/**
 * The sizes of a run. A scale that is asked for is that of every campaign. Vitest reads this file again for
 * each project, with the mode "test": the first reading decides.
 */
function sizesOf(mode: string): Record<string, string> {
  const { LANEKEEPER_SCALE: asked } = process.env;
  if (asked === undefined) Object.assign(process.env, { ...sizes[mode], ...namedSizes() });
  if (mode === "all") process.env["LANEKEEPER_SEED"] ??= String(randomInt(1, 2 ** 31));
  return namedSizes();
}

/** The sizes that the environment names, and the seed. */
function namedSizes(): Record<string, string> {
  const names = ["LANEKEEPER_SCALE", "LANEKEEPER_STATES", "LANEKEEPER_MUTANTS", "LANEKEEPER_SEED"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Files that work for minutes: each is a process of its own, whose code is compiled for it alone. */
const long = [
  "test/cli/{serve,devnet/devnet,terminal/ending}.test.ts",
  "test/crash/**/*.test.ts",
  "test/devnet/network/{archive,by-hand,parent,processes,sabotages,standby}.test.ts",
  "test/devnet/protocol/{engine,first-road}.test.ts",
  "test/wire/mutation/**/*.test.ts",
];

/** Files whose size follows the scale: drawn histories, crash states, mutants, kills, every byte harmed. */
const campaigns = {
  long: [
    "test/cli/terminal/ending.test.ts",
    "test/crash/faults/faults.test.ts",
    "test/crash/harms/{corruption,index,one-block,sealed-bits,tail}.test.ts",
    "test/crash/kills/kills.test.ts",
    "test/crash/properties/properties.test.ts",
    "test/crash/states/{conflict,never-again,small,wide}.test.ts",
    "test/devnet/network/{archive,processes,sabotages,standby}.test.ts",
    "test/devnet/protocol/{engine,first-road}.test.ts",
    "test/wire/mutation/**/*.test.ts",
  ],
  short: [
    "test/archive/s3/fault-proxy.test.ts",
    "test/archive/writing/archiving.test.ts",
    "test/scale.test.ts",
    "test/inspect/{crash,flips,journal}.test.ts",
    "test/jobs/{crash/*,seal/rotation,store/carry}.test.ts",
    "test/keeping/{backup/{crash,every-step,journal},repair/{crash,repair}}.test.ts",
    "test/journal/{form/store,group/batch,histories,seal/rotation}.test.ts",
    "test/journal/recovery/{damage,damaged-record}.test.ts",
    "test/journal/space/{bounds,full-lives,relocation,spares,upkeep}.test.ts",
    "test/keeping/{restore,watermarks}/*.test.ts",
    "test/records/lives/{crash,properties}.test.ts",
    "test/reserve/two-machines.test.ts",
    "test/service/{grpc/crowd,page/page}.test.ts",
    "test/walmanager/damage.test.ts",
  ],
};

/** Files of more than two seconds of work: not for the inner loop. */
const slow = [
  "test/archive/{bucket/contract,reading/verify,writing/*}.test.ts",
  "test/cli/jobs/sqlite.test.ts",
  "test/cli/{keeping/lanes,keeping/moving,look/look,terminal/manners}.test.ts",
  "test/cli/transfer/*.test.ts",
  "test/{client,contract}/*.test.ts",
  "test/inspect/{crash,flips,journal}.test.ts",
  "test/persist/opening.test.ts",
  "test/jobs/{arguments,behaviours,edges,oracle}.test.ts",
  "test/jobs/{crash,seal,store}/*.test.ts",
  "test/jobs/level/mapped.test.ts",
  "test/journal/form/store.test.ts",
  "test/journal/group/batch.test.ts",
  "test/journal/recovery/{damage,damaged-record}.test.ts",
  "test/journal/seal/{attacks,headless,rotation,sealed}.test.ts",
  "test/journal/space/{bounds,full-lives,holds,relocation,rotation,spares,steady,upkeep}.test.ts",
  "test/keeping/{backup,repair,restore,watermarks}/*.test.ts",
  "test/keeping/reading.test.ts",
  "test/log/**/{map,retention}*.test.ts",
  "test/node/pruning/retention.test.ts",
  "test/records/lives/crash.test.ts",
  "test/reserve/two-machines.test.ts",
  "test/scripts/{clients,golden}.test.ts",
  "test/service/{config/store-keys,grpc/{crowd,slow-readers},page/page}.test.ts",
  "test/testing/simulated-disk.test.ts",
  "test/walmanager/damage.test.ts",
  "test/wire/codec/protobufjs.test.ts",
  "test/wire/signatures/verifier.test.ts",
];

export default defineConfig(({ mode }) => {
  const env = sizesOf(mode);
  const isCampaigns = mode === "campaigns";
  const longProject = {
    extends: true as const,
    test: { name: "long", include: isCampaigns ? campaigns.long : long },
  };
  const shortProject = {
    extends: true as const,
    test: {
      name: "short",
      include: isCampaigns ? campaigns.short : ["test/**/*.test.ts"],
      exclude: mode === "quick" ? [...long, ...slow] : long,
      // These share what they import: loading it anew would take longer than they do.
      isolate: false,
    },
  };
  return {
    resolve: { alias },
    test: {
      // One process per worker: native addons, file locks and signals belong to a process.
      pool: "forks",
      // One more than the smallest machine has processors: many tests wait for a disk or for another process.
      maxWorkers: 3,
      // On a machine that does much else everything takes its time: a wait ends with what it waits for.
      expect: { poll: { timeout: 100_000, interval: 10 } },
      testTimeout: 300_000,
      hookTimeout: 300_000,
      // A rejection that nobody holds ends a user's process: it fails the test in which it happens.
      setupFiles: ["test/harness/unhandled.ts", "test/harness/seed.ts"],
      globalSetup: ["test/harness/run-folder.ts"],
      env,
      reporters: ["default", "./scripts/check/totals-reporter.mjs"],
      projects: mode === "quick" ? [shortProject] : [longProject, shortProject],
    },
  };
});
