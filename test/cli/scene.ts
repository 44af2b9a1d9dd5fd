/** A folder with what the examples of a command name: a store, a committee, keys, jobs, and others. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { int, JobStore, type JobStoreChoices, key, payload } from "../../src/jobs/index.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { Epochs } from "../../src/service/config/epochs.js";
import { Service } from "../../src/service/service.js";
import { openBucket } from "../../src/archive/open-bucket.js";
import { ROAD } from "../../src/persist/kinds.js";
import { laneParts } from "../../src/types/lane.js";
import { ModelSource, writeAll, writerOf } from "../archive/kit.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { laneAt, pushAnchor, pushBlocks, pushQCs } from "../node/kit.js";
import { pinnedStore } from "../node/pruning/pinned.js";
import { DIRECTORY, SEGMENT_BYTES } from "../node/surroundings.js";
import { records, segmentName } from "../walmanager/kit.js";
import { call } from "./program-kit.js";
import { putCommittees, putSei } from "./transfer/import-kit.js";

const chain = new TestChain();

/** Makes a part at a path; returns how it ends, if it goes on. */
type Make = (path: string) => Promise<void | (() => Promise<void>)>;

/** The makers of everything that an example may take as being there. */
export const parts: Readonly<Record<string, Make>> = {
  state: async (path) => {
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
    await Lanekeeper.init(path, choices);
    await using keeper = await Lanekeeper.open(path, { ...choices, epochOf: chain.epochOf });
    for (const lane of chain.lanes) await pushBlocks(keeper, chain, lane, { to: 4n });
    await pushQCs(keeper, chain, { to: 4n });
    await pushAnchor(keeper, chain.qc(1n).anchor);
  },
  "pinned-state": async (path) => {
    const { disk, keeper } = await pinnedStore(chain);
    await keeper.close();
    for (const { path: name } of disk.files()) {
      const file = join(path, name.slice(`/${DIRECTORY}`.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, disk.readNow(name));
    }
    const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
    await (await Lanekeeper.open(path, { ...choices, moved: true })).close();
  },
  served: async (path) => {
    const { epochOf } = chain;
    return await serve(path, async () => {
      const keeper = await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf });
      await pushBlocks(keeper, chain, laneAt(chain, 0), { to: 4n });
      await pushQCs(keeper, chain, { to: 3n });
      return keeper;
    });
  },
  "served-pinned": async (path) => {
    return await serve(path, async () => (await pinnedStore(chain)).keeper);
  },
  "standing-by": async (path) => {
    const at = pathToFileURL(`${path}-record`).href;
    const [own] = chain.lanes;
    const reserve = { at, validator: laneParts(own!).key, remote: true };
    const choices = { chainId: CHAIN_ID, epochOf: chain.epochOf, reserve };
    mkdirSync(`${path}-record`);
    const other = await Lanekeeper.openMemory(choices);
    await other.takeReservations({ reason: "the first machine", first: true });
    const end = await serve(path, async () => await Lanekeeper.openMemory(choices));
    return async () => {
      await end();
      await other.close();
    };
  },
  bucket: async (path) => {
    const bucket = await openBucket(`file://${path}`);
    const source = new ModelSource(4n);
    source.record = (log, number) => {
      return log === ROAD ? chain.qc(number).bytes : chain.block(log, number).bytes;
    };
    for (const log of [...chain.lanes, ROAD] as const) {
      await writeAll(writerOf(bucket, source, log), source);
    }
  },
  "sei-state": (path) => putSei(path, chain),
  "committee.json": async (path) => void putCommittees(path, [chain.epoch]),
  "lanekeeper.yaml": async (path) => {
    writeFileSync(path, "chainId: pacific-1\ncommittee: committee.json\n");
  },
  "state.key": newKey,
  "next.key": newKey,
  wal: async (path) => {
    mkdirSync(path);
    writeFileSync(join(path, segmentName(1n)), records(1n, 4n));
  },
  backups: async (path) => {
    const store = `${path}-state`;
    await parts["state"]?.(store);
    await call("backup", store, path);
  },
  "marks.json": async (path) => {
    const store = `${path}-state`;
    await parts["state"]?.(store);
    await call("watermarks", "export", store, "--out", path);
  },
  jobs: putJobs,
  "sealed-jobs": async (path) => {
    const file = join(dirname(path), "state.key");
    await newKey(file);
    await putJobs(path, { keys: { write: { file } } });
  },
  data: async (path) => {
    const root = `${path}-jobs`;
    await putJobs(root);
    await call("jobs", "export", root, "--to-sqlite", path);
  },
};

/** A service of its own on the socket in `path`. */
async function serve(path: string, open: () => Promise<Lanekeeper>): Promise<() => Promise<void>> {
  mkdirSync(path);
  const service = await Service.start({
    directory: path,
    version: "0.0.0",
    open,
    epochs: new Epochs([chain.epoch]),
    listeners: [{ kind: "unix", path: join(path, "lanekeeper.sock") }],
  });
  await service.opened();
  return () => service.close();
}

async function newKey(path: string): Promise<void> {
  if (existsSync(path)) return;
  await call("key", "new", path);
}

async function putJobs(root: string, choices: JobStoreChoices = {}): Promise<void> {
  await using store = await JobStore.open(root, choices);
  const peers = await store.openJob("peers");
  await peers.put("score", key("node-7"), payload(int(12)), { durable: true });
}

export interface Scene extends AsyncDisposable {
  /** The absolute path of a name that begins with `./`. */
  readonly at: (name: string) => string;
}

/** A scene with everything that `lines` name and that is not to be made by them. */
export async function sceneOf(lines: readonly string[]): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), "lk-scene-"));
  const names = new Set(
    lines.flatMap((line) => [...line.matchAll(/\.\/([\w.-]+)/g)]).map(([, name = ""]) => name),
  );
  const ends: (() => Promise<void>)[] = [];
  for (const name of names) {
    const end = await parts[name]?.(join(folder, name));
    if (end) ends.push(end);
  }
  return {
    at: (name) => join(folder, name),
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
