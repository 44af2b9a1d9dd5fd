/**
 * The process of the service in the bench `service`: `served.mjs DIRECTORY LANES` serves a new store there. It
 * tells its parent where it listens, then its figures as often as it is asked, and ends with its parent.
 */
import { once } from "node:events";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Lanekeeper } from "../../../dist/node/lanekeeper.js";
import { Epochs } from "../../../dist/service/config/epochs.js";
import { letHeapGrow } from "../../../dist/service/config/heap.js";
import { Service } from "../../../dist/service/service.js";
import { epochOf, storeChoices } from "./unsigned.mjs";

// As `lanekeeper serve` does.
letHeapGrow();

const NS_PER_MS = 1e6;
const KIB_PER_MIB = 1024;

const [directory, lanes] = process.argv.slice(2);
const epoch = epochOf(Number(lanes));
const store = join(directory, "store");
await Lanekeeper.init(store, { chainId: "bench" });
const service = await Service.start({
  directory: store,
  version: "bench",
  epochs: new Epochs([epoch]),
  listeners: [{ kind: "unix", path: join(directory, "socket") }],
  admin: { host: "127.0.0.1", port: 0, hosts: [] },
  open: (observe) => Lanekeeper.open(store, { ...storeChoices(epoch), observe }),
});
service.meters.addProcess();
const refusal = await service.opened();
if (refusal) throw refusal;

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

/** The loop was held for so long, at most and at p99, since the last time that this was asked. */
function figures() {
  const heldMs = { p99: delay.percentile(99) / NS_PER_MS, max: delay.max / NS_PER_MS };
  delay.reset();
  return { heldMs, rssMiB: process.resourceUsage().maxRSS / KIB_PER_MIB };
}

process.on("message", () => process.send(figures()));
const { host, port } = service.adminAddress;
process.send({ target: service.targets[0], admin: `http://${host}:${port}` });

await once(process, "disconnect");
await service.close();
process.exit();
