/**
 * Alert rules, dashboard and the page on monitoring agree with the table of metrics; Prometheus' own grammar reads every
 * query, and its own tool agrees with the rules. `vitest run -u` writes the page's table.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { archiveLimits } from "../../../src/service/admin/off-machine-findings.js";
import { limits } from "../../../src/service/admin/findings.js";
import { Meters } from "../../../src/service/metrics/meters.js";
import { metrics } from "../../../src/service/metrics/table.js";
import { TestChain } from "../../model/chain.js";
import { observedOf } from "../kit.js";
import { readScrape } from "../metrics/scrape.js";
import { labelsOfAnswer, type Scraped } from "./promql.js";

const folder = fileURLToPath(new URL("../../../scripts/monitoring", import.meta.url));
const fileOf = (name: string): string => readFileSync(join(folder, name), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<"summary" | "description" | "runbook", string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly datasource: { uid: string };
  }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly time?: unknown;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[];
  };
}

const { groups } = parse(fileOf("alerts.yml")) as { groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(fileOf("dashboard.json")) as Dashboard;
const page = fileOf("README.md");
const drawn = dashboard.panels.filter(({ type }) => type !== "row");
const queries = drawn
  .flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr))
  .map((expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"));

/** Every metric that a scrape has: those of the table, and the process' own. */
async function scraped(): Promise<(name: string) => Scraped | undefined> {
  const meters = new Meters();
  meters.addProcess();
  const text = await meters.text(observedOf(new TestChain(1), { kind: "opening" }));
  const { types } = readScrape(text);
  return (name) => {
    const type = types.get(name);
    const labels = metrics[name as keyof typeof metrics]?.labels ?? [];
    return type === undefined ? undefined : { type, labels };
  };
}

test("every query is one by Prometheus' own grammar, of metrics and labels that a scrape has", async () => {
  const metricOf = await scraped();
  for (const expr of queries) expect(() => labelsOfAnswer(expr, metricOf), expr).not.toThrow();
  for (const { alert, expr, annotations } of rules) {
    const labels = labelsOfAnswer(expr, metricOf) ?? new Set();
    // An alert speaks of labels that its own answer has: another one would be an empty word.
    const words = `${annotations.summary} ${annotations.description}`;
    const spoken = [...words.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
    expect(
      spoken.filter((label) => !labels.has(label)),
      alert,
    ).toEqual([]);
  }
});

test.each([
  ["sum(rate(lanekeeper_refused_total[5m])", "No parse"],
  ["sum by instance (lanekeeper_store_ready)", "No parse"],
  ["lanekeeper_store_redy == 1", "no series is called lanekeeper_store_redy"],
  ["lanekeeper_ack_duration_seconds > 1", "no series is called"],
  ["lanekeeper_store_ready{lane='1'} == 0", "has no label lane"],
  ["rate(lanekeeper_store_ready[5m]) > 0", "rate of lanekeeper_store_ready, which is a gauge"],
  ["predict_linear(lanekeeper_refused_total[5m], 9) > 0", "which is a counter"],
  ["rate(lanekeeper_refused_total) > 0", "needs a time"],
  ["sum by (lane) (lanekeeper_store_ready) > 0", "no lane to group by"],
  ["histogram_quantile(0.9, rate(lanekeeper_ack_duration_seconds_sum[5m])) > 1", "without le"],
  ["lanekeeper_lane_lag_blocks / lanekeeper_store_ready", "never have the same labels"],
  ["lanekeeper_store_ready and on (lane) lanekeeper_lane_lag_blocks", "no lane to group by"],
])("a query that can never answer is refused: %s", async (query, why) => {
  const metricOf = await scraped();
  expect(() => labelsOfAnswer(query, metricOf)).toThrow(why);
});

test("guards, backups, keys, jobs, the map, the archive and reservations are drawn to the last metric", () => {
  const ofThese =
    /^lanekeeper_(store_guarded|backup|encryption|archive|reservations|jobs?_|map_bytes|retained_bytes)/;
  const isDrawn = (name: string): boolean => queries.some((query) => query.includes(name));
  const named = Object.keys(metrics).filter((name) => ofThese.test(name));
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((name) => !isDrawn(name))).toEqual([]);
});

test("every alert says how bad it is, what happened and what to do, and the page has a part for it", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, for: duration, labels, annotations } of rules) {
    expect(alert).toMatch(/^Lanekeeper[A-Z][A-Za-z]+$/);
    expect(duration, alert).toMatch(/^\d+[mh]$/);
    expect(["warning", "critical"], alert).toContain(labels.severity);
    expect(annotations.summary.length, alert).toBeGreaterThan(10);
    expect(annotations.description, alert).toContain("{{ $labels.instance }}");
    expect(annotations.runbook).toBe(`scripts/monitoring/README.md#${alert.toLowerCase()}`);
  }
  const parts = [...page.matchAll(/^## (Lanekeeper\w+)$/gm)].map(([, name]) => name);
  expect(parts).toEqual(rules.map(({ alert }) => alert));
});

test("alerts have the limits of the page's verdict", () => {
  const exprOf = (alert: string): string => rules.find((rule) => rule.alert === alert)!.expr;
  const ends: readonly (readonly [string, string])[] = [
    ["LanekeeperFlushSlow", `> ${limits.flushP99Ms.warning / 1000}`],
    ["LanekeeperFlushVerySlow", `> ${limits.flushP99Ms.danger / 1000}`],
    ["LanekeeperBlockWaits", `> ${limits.oldestWaitingMs / 1000}`],
    ["LanekeeperLag", `> ${limits.laneLagBlocks}`],
    ["LanekeeperDiskLow", `< ${limits.freeShare.warning}`],
    ["LanekeeperDiskVeryLow", `< ${limits.freeShare.danger}`],
    ["LanekeeperCertificateSoon", `< ${limits.certificateMs.warning / 86_400_000} * 86400`],
    ["LanekeeperCertificateNow", `< ${limits.certificateMs.danger / 86_400_000} * 86400`],
    ["LanekeeperArchiveFull", `> ${archiveLimits.heldShare}`],
    ["LanekeeperArchiveOld", `> ${archiveLimits.pendingMs / 1000}`],
  ];
  for (const [alert, end] of ends) expect(exprOf(alert).endsWith(end), alert).toBe(true);
  expect(exprOf("LanekeeperAnchorStill")).toContain(`> ${limits.anchorAgeMs / 1000} `);
});

test("the dashboard asks a data source that is chosen, has units and words, and no two panels overlap", () => {
  expect(dashboard.time).toBe(undefined);
  expect(dashboard.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "datasource datasource",
    "instance query",
  ]);
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const cells = new Set<string>();
  for (const { gridPos, title } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(x < 24 && !cells.has(`${x} ${y}`), title).toBe(true);
        cells.add(`${x} ${y}`);
      }
    }
  }
  for (const { title, description, datasource, fieldConfig, targets = [] } of drawn) {
    expect(description, title).toMatch(/\.$/);
    expect(fieldConfig?.defaults.unit, title).toMatch(/^\w+$/);
    expect(datasource?.uid, title).toBe("${datasource}");
    expect(targets.length, title).toBeGreaterThan(0);
    for (const target of targets) expect(target.datasource.uid, title).toBe("${datasource}");
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
  }
});

test("the page's table is the table of metrics", async () => {
  const rows = Object.entries(metrics).map(([name, { type, unit, labels, help }]) => {
    const cells = [`\`${name}\``, type, unit, labels.join(", "), help];
    return `| ${cells.join(" | ")} |`;
  });
  const head = ["| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"];
  const made = `<!-- metrics -->\n\n${[...head, ...rows].join("\n")}\n\n<!-- end -->`;
  const written = page.replace(/<!-- metrics -->[^]*<!-- end -->/, () => made);
  await expect(written).toMatchFileSnapshot(join(folder, "README.md"));
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
if (!hasPromtool) {
  console.log("did not run: there is no promtool here (Debian: apt-get install prometheus)");
}

describe.runIf(hasPromtool)("Prometheus' own tool", () => {
  function promtool(...args: readonly string[]): {
    readonly status: number | null;
    readonly said: string;
  } {
    const { status, stdout, stderr } = spawnSync("promtool", args, {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, said: stdout + stderr };
  }

  test("the rules are rules, and fire when they should and not before", () => {
    expect(promtool("check", "rules", "alerts.yml")).toMatchObject({ status: 0 });
    expect(promtool("test", "rules", "alerts.test.yml")).toMatchObject({ status: 0 });
  });

  test("every query of the dashboard is a query", () => {
    const work = mkdtempSync(join(tmpdir(), "lanekeeper-queries-"));
    const tests = queries.map((expr) => ({
      expr,
      eval_time: "5m",
      exp_samples: [],
    }));
    const file = join(work, "queries.json");
    writeFileSync(file, JSON.stringify({ tests: [{ interval: "1m", promql_expr_test: tests }] }));
    expect(promtool("test", "rules", file)).toMatchObject({ status: 0 });
    rmSync(work, { recursive: true });
  });
});
