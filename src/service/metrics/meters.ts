/**
 * The measures of one service: made first, so that the store is observed from its opening on, and read
 * at each scrape.
 */
import pLimit from "p-limit";
import { collectDefaultMetrics } from "prom-client";
import type { Lanekeeper } from "../../node/lanekeeper.js";
import type { Observed } from "../observed.js";
import { readinessOf } from "../readiness.js";
import { Families } from "./families.js";
import { laneLabels } from "./lane-labels.js";
import { Refusals } from "./refusals.js";
import { RpcMeter } from "./rpc-meter.js";
import { mapBytesOf, type Space, spaceOf } from "./values/space.js";
import { StoreMeter } from "./store-meter.js";
import { putStatus } from "./values/store-values.js";

/** Gauges whose names end as those of counters do: Prometheus' own linter refuses them. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

export class Meters {
  /** Measures that the store takes. */
  readonly store = new StoreMeter();
  readonly rpc = new RpcMeter();
  readonly refusals = new Refusals();
  /** Those who put values of their own into each scrape. */
  readonly others: ((families: Families) => void)[] = [];
  /** Pages that are open. */
  pageClients = 0;
  readonly #families = new Families();
  readonly #oneAtATime = pLimit(1);

  /** Adds the process' own metrics: memory, processor, event loop. Once in a process. */
  addProcess(): void {
    const { registry } = this.#families;
    collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
  }

  get contentType(): string {
    return this.#families.registry.contentType;
  }

  /** A scrape in Prometheus' text format, all of it of one moment. Two at once come after each other. */
  async text(observed: Observed): Promise<string> {
    return await this.#oneAtATime(async () => {
      const space = await spaceOf(observed);
      const mapBytes = await mapBytesOf(observed);
      this.#fill(observed, space, mapBytes);
      return await this.#families.text();
    });
  }

  /** Nothing is awaited here: all values are of one moment. */
  #fill(observed: Observed, space: Space | undefined, mapBytes: number | undefined): void {
    const families = this.#families;
    families.clear();
    this.store.fill(families);
    this.rpc.fill(families);
    this.refusals.fill(families);
    for (const fill of this.others) fill(families);
    families.put("lanekeeper_page_clients", this.pageClients);
    families.put("lanekeeper_build_info", 1, { version: observed.version, node: process.version });
    families.put("lanekeeper_store_ready", readinessOf(observed).isReady ? 1 : 0);
    if (space) {
      families.put("lanekeeper_disk_free_bytes", space.freeBytes);
      families.put("lanekeeper_disk_size_bytes", space.sizeBytes);
    }
    if (mapBytes !== undefined) families.put("lanekeeper_map_bytes", mapBytes);
    putStore(families, observed);
    putPeople(families, observed);
  }
}

function putStore(families: Families, { store, laneIndex }: Observed): void {
  const state = store();
  const refusal = state.kind === "refused" ? state.error : undefined;
  families.put("lanekeeper_store_refused", refusal ? 1 : 0, refusal ? { code: refusal.code } : {});
  if (state.kind !== "open") return;
  const status = state.keeper.status();
  putStatus(families, status, laneLabels(status, laneIndex));
  putBackup(families, state.keeper.lastBackup);
}

function putBackup(families: Families, last: Lanekeeper["lastBackup"]): void {
  if (!last) return;
  const { takenAtMs, durationMs, bytes, lsn } = last;
  families.put("lanekeeper_backup_last_success_timestamp_seconds", takenAtMs / 1000);
  families.put("lanekeeper_backup_lsn", lsn);
  families.put("lanekeeper_backup_duration_seconds", durationMs / 1000);
  families.put("lanekeeper_backup_bytes", bytes);
}

/** Those who may call: the writer, and the certificates by which callers are known. */
function putPeople(families: Families, { writer, certificates }: Observed): void {
  const newest = writer();
  families.put("lanekeeper_writer_connected", newest?.isConnected ? 1 : 0);
  families.put("lanekeeper_writer_fence", newest?.fence ?? 0n);
  for (const { file, expiresMs } of certificates()) {
    families.put("lanekeeper_tls_certificate_expiry_timestamp_seconds", expiresMs / 1000, { file });
  }
}
