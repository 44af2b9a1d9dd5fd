/** The few figures that an operator reads first. */
import type { Sample, StoreLook } from "../look.js";
import { html, type Tree } from "../vendor/preact.js";
import { age, bytes, count, ms, short } from "../words.js";

/** Blocks that a lane takes above its anchor's start. */
const LANE_BLOCKS = 30;

export function figures(store: StoreLook, samples: readonly Sample[]): Tree {
  const { lanes, road, latencies, disk } = store;
  const lag = lanes.reduce((most, lane) => Math.max(most, lane.lag), 0);
  const full = lanes.filter(({ capacityLeft }) => capacityLeft === 0).length;
  const pinned = lanes.reduce((sum, lane) => sum + lane.pinned.length, 0);
  const share = disk.freeBytes === undefined ? undefined : disk.freeBytes / (disk.sizeBytes ?? 1);
  const anchor =
    road.anchor === undefined
      ? figure("Anchor", "–", "none yet")
      : figure("Anchor", count(road.anchor), `road index, ${age(road.anchorAgeSeconds)} old`);
  const newest = samples.at(-1);
  return html`
    <dl class="figures">
      ${figure("Lanes", count(lanes.length), `${full} full · ${pinned} pinned`)}
      ${figure("Largest lag", count(lag), `of ${LANE_BLOCKS} blocks`)}
      ${anchor}
      ${figure("Flush p99", ms(latencies.flush?.p99Ms), `p50 ${ms(latencies.flush?.p50Ms)}`)}
      ${figure("Block durable in", ms(latencies.block?.p99Ms), `p50 ${ms(latencies.block?.p50Ms)}`)}
      ${figure("Blocks", newest ? short(newest.blocksPerSecond) : "–", "a second")}
      ${figure(
        "Disk free",
        share === undefined ? "–" : `${short(100 * share)} %`,
        store.mode === "memory" ? "no disk" : room(disk),
      )}
      ${backup(store)}
    </dl>
  `;
}

/** An older one may be there from before the service began. */
function backup({ backup: last, recovery }: StoreLook): Tree {
  return last
    ? figure("Backup", age(last.ageSeconds), `old, up to LSN ${count(last.lsn)}`)
    : figure("Backup", "–", `none since open ${count(recovery.generation)}`);
}

function room({ freeBytes, fullInSeconds }: StoreLook["disk"]): string {
  const when = fullInSeconds === undefined ? "not filling" : `full in ${age(fullInSeconds)}`;
  return `${bytes(freeBytes)}, ${when}`;
}

function figure(name: string, value: string, note: string): Tree {
  return html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`;
}
