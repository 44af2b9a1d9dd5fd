/**
 * The lanes: a cell for each, to see at one look where trouble is, and a row for each with its strip.
 *
 *   retained | first ......... durable ....... next ........ capacity
 *   hatched  |   on disk       |   queued      |   free, 30 cells in all
 */
import type { LaneLook } from "../look.js";
import { html, type Tree } from "../vendor/preact.js";
import { count, many, ms } from "../words.js";

/** Blocks that a lane takes above its anchor's start: the cells of a strip. */
const CELLS = 30;

/** Lags from which a cell of the heat strip is darker. */
const heats = [0, 1, 5, 10, 20] as const;

export function heatStrip(lanes: readonly LaneLook[]): Tree {
  return html`
    <section class="heat" aria-labelledby="heat-title">
      <h2 id="heat-title">Lanes at a glance</h2>
      <div class="cells" role="img" aria-label=${heatWords(lanes)}>
        ${lanes.map((lane) => {
          const heat = heats.findLastIndex((least) => lane.lag >= least);
          const marks = `${lane.refused ? " refused" : ""}${lane.pinned.length > 0 ? " pinned" : ""}`;
          return html`
            <span
              key=${lane.label}
              class=${`cell heat-${heat}${marks}`}
              title=${`lane ${lane.label}: lag ${lane.lag}`}
            ></span>
          `;
        })}
      </div>
      <p class="legend" aria-hidden="true">
        <span class="cell heat-0"></span> lag 0 <span class="cell heat-1"></span> 1
        <span class="cell heat-2"></span> 5 <span class="cell heat-3"></span> 10
        <span class="cell heat-4"></span> 20 <span class="cell heat-0 pinned"></span> pinned
        <span class="cell heat-0 refused"></span> refused
      </p>
    </section>
  `;
}

/** The heat strip for those who do not see it. */
function heatWords(lanes: readonly LaneLook[]): string {
  const behind = lanes.filter(({ lag }) => lag > 0).length;
  const pinned = lanes.filter((lane) => lane.pinned.length > 0).length;
  const refused = lanes.filter((lane) => lane.refused !== undefined).length;
  const all = many(lanes.length, "lane");
  return `${all}: ${behind} with blocks that are not durable, ${pinned} pinned, ${refused} refused`;
}

export function laneTable(
  lanes: readonly LaneLook[],
  isWorstFirst: boolean,
  sort: (isWorstFirst: boolean) => void,
): Tree {
  const shown = isWorstFirst ? [...lanes].sort((a, b) => trouble(b) - trouble(a)) : lanes;
  const mostRetained = lanes.reduce((most, lane) => Math.max(most, lane.retained), 1);
  return html`
    <section class="lanes" aria-labelledby="lanes-title">
      <div class="head">
        <h2 id="lanes-title">Lanes</h2>
        <button type="button" aria-pressed=${String(isWorstFirst)} onClick=${() => sort(!isWorstFirst)}>
          Worst first
        </button>
      </div>
      <p class="legend" aria-hidden="true">
        <span class="key retained"></span>retained <span class="key durable"></span>durable
        <span class="key queued"></span>queued <span class="key pin"></span>pinned
        <span>thirty cells: the capacity above the anchor</span>
      </p>
      <div class="scroll" role="region" aria-labelledby="lanes-title" tabindex="0">
        <table>
          <thead>
            <tr>
              <th scope="col">Lane</th>
              <th scope="col">Blocks</th>
              <th scope="col" class="number">Lag</th>
              <th scope="col" class="number">Waiting</th>
              <th scope="col" class="number">First</th>
              <th scope="col" class="number">Durable</th>
              <th scope="col" class="number">Next</th>
              <th scope="col" class="number">Left</th>
              <th scope="col" class="number">Pins</th>
              <th scope="col" class="number">Retained</th>
              <th scope="col">Id</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map((lane) => laneRow(lane, mostRetained))}
          </tbody>
        </table>
      </div>
      ${lanes.length === 0 && html`<p class="quiet">No lane has a block yet.</p>`}
    </section>
  `;
}

/** A refused lane before a pinned one, a pinned one before one that is behind or full. */
function trouble(lane: LaneLook): number {
  return (
    (lane.refused ? 10_000 : 0) +
    (lane.pinned.length > 0 ? 1000 : 0) +
    10 * lane.lag -
    lane.capacityLeft
  );
}

function laneRow(lane: LaneLook, mostRetained: number): Tree {
  const { label, refused, pinned } = lane;
  return html`
    <tr key=${label} class=${refused ? "refused" : ""}>
      <th scope="row">${label}</th>
      <td class="blocks">${strip(lane, mostRetained)}</td>
      <td class=${`number${lane.lag > 20 ? " much" : ""}`}>${count(lane.lag)}</td>
      <td class="number">${lane.oldestWaitingMs === 0 ? "–" : ms(lane.oldestWaitingMs)}</td>
      <td class="number">${count(lane.first)}</td>
      <td class="number">${count(lane.durable)}</td>
      <td class="number">${count(lane.next)}</td>
      <td class=${`number${lane.capacityLeft === 0 ? " much" : ""}`}>${count(lane.capacityLeft)}</td>
      <td class=${`number${pinned.length > 0 ? " much" : ""}`}>${count(pinned.length)}</td>
      <td class="number">${count(lane.retained)}</td>
      <td class="id" title=${lane.id}>
        <code>${lane.id.slice(0, 8)}</code>
        ${refused && html`<code class="refusal" title=${refused.message}>${refused.code}</code>`}
      </td>
    </tr>
  `;
}

function strip(lane: LaneLook, mostRetained: number): Tree {
  const share = lane.retained / mostRetained;
  const kept = Math.min(lane.durableBlocks, CELLS);
  const queued = Math.min(lane.lag, CELLS - kept);
  return html`
    <span class="strip" role="img" aria-label=${stripWords(lane)}>
      <span class="past"><span style=${{ width: `${100 * share}%` }}></span></span>
      <span class="cells">
        <span class="durable" style=${{ width: `${(100 * kept) / CELLS}%` }}></span>
        <span class="queued" style=${{ width: `${(100 * queued) / CELLS}%` }}></span>
        ${lane.pinned
          .filter((at) => at < CELLS)
          .map((at) => {
            return html`<span key=${at} class="pin" style=${{ left: `${(100 * (at + 0.5)) / CELLS}%` }}></span>`;
          })}
      </span>
    </span>
  `;
}

function stripWords({ durableBlocks, lag, capacityLeft, retained, pinned }: LaneLook): string {
  const parts = [
    `${count(retained)} retained`,
    `${count(durableBlocks)} durable`,
    `${count(lag)} queued`,
    `room for ${count(capacityLeft)}`,
  ];
  if (pinned.length > 0) parts.push(`${count(pinned.length)} pinned`);
  return parts.join(", ");
}
