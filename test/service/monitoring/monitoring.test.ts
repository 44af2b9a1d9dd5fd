/**
 * Alert rules, dashboard and the page on monitoring agree with the table of metrics; Prometheus' own tool
 * agrees with the rules. `vitest run -u` writes the page's table.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { archiveLimits } from "../../../src/service/admin/archive-findings.js";
import { limits } from "../../../src/service/admin/findings.js";
import { Meters } from "../../../src/service/metrics/meters.js";
import { metrics } from "../../../src/service/metrics/table.js";
import { TestChain } from "../../model/chain.js";
import { observedOf } from "../kit.js";
import { readScrape } from "../metrics/scrape.js";

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
const queries = drawn.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));

/** Every name that a scrape has: those of the table, and the process' own. */
async function scrapeNames(): Promise<ReadonlySet<string>> {
  const meters = new Meters();
  meters.addProcess();
  const text = await meters.text(observedOf(new TestChain(1), { kind: "opening" }));
  return new Set(readScrape(text).types.keys());
}

test("every metric that a rule or a panel names is in a scrape, with labels of its own", async () => {
  const known = await scrapeNames();
  for (const expr of [...rules.map((rule) => rule.expr), ...queries]) {
    const named = [
      ...expr.matchAll(/\b((?:lanekeeper|grpc_server|nodejs|process)_\w+)(?:\{([^}]*)\})?/g),
    ];
    expect(named.length, expr).toBeGreaterThan(0);
    for (const [, name, matchers = ""] of named) {
      const family = name!.replace(/_(bucket|sum|count)$/, "");
      const found = known.has(name!) ? name! : family;
      expect(known.has(found), `${name} in ${expr}`).toBe(true);
      const labels = [...matchers.matchAll(/(\w+)=/g)].map(([, label]) => label!);
      const allowed = ["instance", ...(metrics[found as keyof typeof metrics]?.labels ?? [])];
      expect(
        labels.filter((label) => !allowed.includes(label)),
        expr,
      ).toEqual([]);
    }
  }
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
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"),
      eval_time: "5m",
      exp_samples: [],
    }));
    const file = join(work, "queries.json");
    writeFileSync(file, JSON.stringify({ tests: [{ interval: "1m", promql_expr_test: tests }] }));
    expect(promtool("test", "rules", file)).toMatchObject({ status: 0 });
    rmSync(work, { recursive: true });
  });
});
