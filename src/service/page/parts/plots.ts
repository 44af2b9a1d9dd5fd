/** The last ten minutes: flushes, the largest lag, and blocks a second. Drawn by uPlot on a canvas. */
import type { Sample } from "../look.js";
import { html, type Tree } from "../vendor/preact.js";
import uPlot from "../vendor/uplot.js";
import { count, ms, short } from "../words.js";

const HEIGHT = 120;

/** The shortest time that a plot shows. */
const SPAN_SECONDS = 120;

interface Line {
  readonly colour: "--plot-1" | "--plot-2";
  readonly name: string;
  readonly of: (sample: Sample) => number | null;
}

interface Plot {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly Line[];
  /** The end of the scale when all values are small. */
  readonly least: number;
  readonly tick: (value: number) => string;
  readonly words: (samples: readonly Sample[]) => string;
}

const most = (samples: readonly Sample[], of: Line["of"]): number => {
  return samples.reduce((largest, sample) => Math.max(largest, of(sample) ?? 0), 0);
};

const plots: readonly Plot[] = [
  {
    id: "flush",
    title: "Flush",
    lines: [
      { colour: "--plot-2", name: "p99", of: ({ flushP99Ms }) => flushP99Ms },
      { colour: "--plot-1", name: "p50", of: ({ flushP50Ms }) => flushP50Ms },
    ],
    least: 1,
    tick: (value) => ms(value),
    words: (samples) => `highest p99 ${ms(most(samples, ({ flushP99Ms }) => flushP99Ms))}`,
  },
  {
    id: "lag",
    title: "Largest lag of a lane",
    lines: [{ colour: "--plot-1", name: "blocks", of: ({ lag }) => lag }],
    least: 5,
    tick: (value) => count(value),
    words: (samples) => `highest ${count(most(samples, ({ lag }) => lag))}`,
  },
  {
    id: "blocks",
    title: "Durable blocks a second",
    lines: [{ colour: "--plot-1", name: "blocks", of: ({ blocksPerSecond }) => blocksPerSecond }],
    least: 10,
    tick: (value) => short(value),
    words: (samples) => `highest ${short(most(samples, ({ blocksPerSecond }) => blocksPerSecond))}`,
  },
];

/** The places of the plots; `drawPlots` fills them. */
export function plotsPanel(samples: readonly Sample[]): Tree {
  return html`
    <section aria-labelledby="plots-title">
      <h2 id="plots-title">Last ten minutes</h2>
      ${plots.map(({ id, title, lines, words }) => {
        return html`
          <figure key=${id}>
            <figcaption>
              <span>${title}</span>
              <span class="quiet">${keys(lines)}${words(samples)}</span>
            </figcaption>
            <div id=${`plot-${id}`} class="plot" role="img" aria-label=${`${title}: ${words(samples)}`}></div>
          </figure>
        `;
      })}
    </section>
  `;
}

/** The colours, where there is more than one line. */
function keys(lines: readonly Line[]): readonly Tree[] {
  if (lines.length === 1) return [];
  return lines.map(({ name, colour }) => {
    return html`<span key=${name} class=${`key ${colour.slice(2)}`}></span>${name}, `;
  });
}

interface Drawn {
  readonly chart: uPlot;
  readonly place: Element;
  readonly theme: string;
}

const drawn = new Map<string, Drawn>();

/** Draws each plot anew, or gives it the samples that came. */
export function drawPlots(samples: readonly Sample[]): void {
  for (const plot of plots) {
    const place = document.querySelector<HTMLElement>(`#plot-${plot.id}`);
    if (!place) continue;
    const { chart } = chartIn(place, plot);
    if (chart.width !== place.clientWidth && place.clientWidth > 0) {
      chart.setSize({ width: place.clientWidth, height: HEIGHT });
    }
    chart.setData(seriesOf(plot, samples));
  }
}

function seriesOf({ lines }: Plot, samples: readonly Sample[]): uPlot.AlignedData {
  const times = samples.map(({ atMs }) => atMs / 1000);
  return [times, ...lines.map(({ of }) => samples.map(of))];
}

/** The chart of a place; another one when the colours of the page have changed. */
function chartIn(place: HTMLElement, plot: Plot): Drawn {
  const theme = colourOf("--ink");
  const known = drawn.get(plot.id);
  if (known && known.theme === theme && known.place === place) return known;
  known?.chart.destroy();
  const chart = new uPlot(optionsOf(plot, place.clientWidth), seriesOf(plot, []), place);
  const made = { chart, place, theme };
  drawn.set(plot.id, made);
  return made;
}

/** Of the samples themselves: a single one is given to a chart as a whole day. */
function spanOf(times: ArrayLike<number>): [number, number] {
  const newest = times[times.length - 1] ?? Date.now() / 1000;
  return [Math.min(times[0] ?? newest, newest - SPAN_SECONDS), newest];
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function optionsOf({ lines, least, tick }: Plot, width: number): uPlot.Options {
  const axis = {
    stroke: colourOf("--muted"),
    font: "12px system-ui, sans-serif",
    ticks: { show: false },
  };
  const grid = { stroke: colourOf("--line"), width: 1 };
  return {
    width: Math.max(width, 50),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 20, 0, 0],
    scales: {
      x: { range: ({ data: [times] }) => spanOf(times) },
      y: { range: (_, __, highest) => [0, Math.max(least, (highest ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 70,
        values: [[60, "{HH}:{mm}", null, null, null, null, null, null, 1]],
      },
      { ...axis, grid, size: 58, space: 28, values: (_, values) => values.map(tick) },
    ],
    series: [
      {},
      ...lines.map(({ colour }) => ({
        stroke: colourOf(colour),
        width: 1.5,
        points: { show: false },
        spanGaps: true,
      })),
    ],
  };
}
