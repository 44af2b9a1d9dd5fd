/** A running service for tests: on a simulated disk, or a real one, and a foreign client of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ChannelCredentials, ServiceError } from "@grpc/grpc-js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { errorOfDetails } from "../../src/rpc/failures.js";
import { Epochs } from "../../src/service/config/epochs.js";
import { Service, type ServiceOptions } from "../../src/service/service.js";
import type { PersisterError } from "../../src/types/errors.js";
import { CHAIN_ID, type TestChain } from "../model/chain.js";
import { ForeignClient } from "./foreign-client.js";

/** A folder of its own, gone behind the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lk-service-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  readonly service: Service;
  readonly client: ForeignClient;
  readonly socket: string;
}

/** A service on its own socket, with a store in memory unless `open` says another. */
export async function running(
  chain: TestChain,
  more: Partial<ServiceOptions> = {},
  channel?: ChannelCredentials,
): Promise<Running> {
  const folder = await temporaryFolder();
  const socket = join(folder, "lanekeeper.sock");
  const service = await Service.start({
    directory: folder,
    version: "0.0.0",
    open: async () => await Lanekeeper.openMemory({ chainId: CHAIN_ID, epochOf: chain.epochOf }),
    epochs: new Epochs([chain.epoch]),
    listeners: [{ kind: "unix", path: socket }],
    ...more,
  });
  onTestFinished(async () => {
    await service.close().catch(() => undefined);
  });
  await service.opened();
  const [target = ""] = service.targets;
  const client = await ForeignClient.connect(target, channel);
  onTestFinished(() => client.close());
  return { service, client, socket };
}

/** The error of ours in the details of a call that failed, with the number of its status. */
export async function callRefusal(
  call: Promise<unknown>,
): Promise<{ readonly status: number; readonly error: PersisterError }> {
  try {
    await call;
  } catch (cause) {
    const { code, metadata } = cause as ServiceError;
    const [details] = metadata.get("grpc-status-details-bin");
    const error = details === undefined ? undefined : errorOfDetails(details as Buffer);
    if (!error) throw cause;
    return { status: code, error };
  }
  throw new Error("the call was not refused");
}
