/** The operator's page: one look tells whether this validator is safe. It changes nothing. */
import { Connection, type Heard } from "./connection.js";
import { figures } from "./parts/figures.js";
import { heatStrip, laneTable } from "./parts/lanes.js";
import {
  archivePanel,
  callsPanel,
  diskPanel,
  recoveryPanel,
  releasesPanel,
  reservationsPanel,
  roadPanel,
} from "./parts/panels.js";
import { drawPlots, plotsPanel } from "./parts/plots.js";
import { lostFinding, otherFindings, verdict } from "./parts/verdict.js";
import { tokenForm } from "./parts/token-form.js";
import { html, render, type Tree } from "./vendor/preact.js";
import { when } from "./words.js";

/** With so few lanes there is room below their table. */
const FEW_LANES = 16;

const root = document.querySelector("#page");
if (!root) throw new Error("the page has no root");

/** Whether the lanes stand in the order of trouble. */
let isWorstFirst = false;
let isDrawing = false;
let isDrawn = false;
const connection = new Connection(drawSoon);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSoon);
addEventListener("resize", drawSoon);

/** Draws once before the next frame, however much changes until then. */
function drawSoon(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw(connection.heard);
  });
}

function draw(heard: Heard): void {
  if (!root) return;
  if (!isDrawn) root.replaceChildren();
  isDrawn = true;
  if (heard.link === "asked") {
    render(
      tokenForm((token) => connection.login(token)),
      root,
    );
    return;
  }
  render(page(heard), root);
  drawPlots(heard.samples);
  const { title } =
    heard.link === "lost" ? lostFinding(heard.atMs) : (heard.look?.verdict ?? lostFinding(0));
  document.title = `${title.split(":", 1)[0] ?? title} · Lanekeeper`;
}

function page(heard: Heard): Tree {
  const { look, link, atMs, samples } = heard;
  const found = link === "lost" || !look ? lostFinding(atMs) : look.verdict;
  const store = look?.store;
  const hasFewLanes = store !== undefined && store.lanes.length <= FEW_LANES;
  const more = store && [
    diskPanel(store),
    reservationsPanel(store),
    archivePanel(store),
    callsPanel(look),
    recoveryPanel(store),
    releasesPanel(store),
  ];
  return html`
    <header class="bar">
      <h1>Lanekeeper</h1>
      <dl class="identity">
        ${store && pair("Chain", store.chainId)} ${store && pair("Store", store.storeId.slice(0, 12))}
        ${look && pair("Directory", store?.mode === "memory" ? "none: memory" : look.service.directory)}
        ${look && pair("Version", look.service.version)}
      </dl>
      <p class=${`link ${link}`}>${link === "live" ? `Live · ${when(atMs)}` : "Not connected"}</p>
    </header>
    <main class=${link === "lost" ? "old" : ""}>
      ${verdict(found)} ${look && otherFindings(look.findings)}
      ${store && figures(store, samples)}
      ${
        store &&
        html`
          <div class="columns">
            <div class="left">
              ${heatStrip(store.lanes)} ${laneTable(store.lanes, isWorstFirst, sortLanes)}
              ${hasFewLanes && html`<div class="pair">${more}</div>`}
            </div>
            <div class="right">
              ${plotsPanel(samples)} ${roadPanel(store)} ${!hasFewLanes && more}
            </div>
          </div>
        `
      }
      ${look && !store && html`<div class="columns"><div class="left">${callsPanel(look)}</div></div>`}
    </main>
  `;
}

function sortLanes(worstFirst: boolean): void {
  isWorstFirst = worstFirst;
  drawSoon();
}

function pair(name: string, value: string): Tree {
  return html`<div><dt>${name}</dt><dd title=${value}>${value}</dd></div>`;
}
