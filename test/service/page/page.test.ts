/**
 * The operator's page in a real browser: what it says, that it loads nothing else, who can use it. Where
 * there is no Chromium the file says that it did not run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "../../../scripts/build/page.mjs";
import { type Admin, type AdminOptions, startAdmin } from "../../../src/service/admin/admin.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, pushBlocks } from "../../node/kit.js";
import { IS_SHORT } from "../../scale.js";
import { measuredStore } from "../kit.js";
import { findChromium, launch, openPage, screenshotPath, type View } from "./browser.js";
import { type SceneName, sceneNames, sceneOf } from "./scenes.js";

const chromium = findChromium();
if (chromium === undefined) {
  console.log("did not run: there is no chromium here (Debian: apt-get install chromium)");
}

const wide: View = { width: 1400, height: 900, scheme: "light" };
const narrow: View = { width: 390, height: 844, scheme: "dark" };
const views: readonly View[] = [
  wide,
  { ...wide, scheme: "dark" },
  { ...narrow, scheme: "light" },
  narrow,
];

describe.runIf(chromium !== undefined)("in Chromium", () => {
  let browser: Browser;
  let pageDirectory = "";

  beforeAll(async () => {
    pageDirectory = await mkdtemp(join(tmpdir(), "lanekeeper-page-"));
    await buildPage(pageDirectory);
    browser = await launch(chromium!);
  });

  afterAll(async () => {
    await browser.close();
    await rm(pageDirectory, { recursive: true });
  });

  async function served(
    service: Pick<AdminOptions, "observed" | "meters">,
    more: Partial<AdminOptions> = {},
  ): Promise<Admin & { readonly origin: string; readonly log: string[] } & AsyncDisposable> {
    const log: string[] = [];
    const admin = await startAdmin({
      ...service,
      listen: { host: "127.0.0.1", port: 0 },
      hosts: [],
      log: (event, facts) => void log.push(`${event} ${JSON.stringify(facts)}`),
      pageDirectory,
      ...more,
    });
    const origin = `http://127.0.0.1:${admin.address.port}/`;
    return { ...admin, origin, log, [Symbol.asyncDispose]: () => admin.close() };
  }

  async function opened(name: SceneName, view: View = wide): Promise<Opened> {
    const admin = await served(await sceneOf(name));
    const { page, amiss } = await openPage(browser, admin.origin, view);
    await page.locator(".verdict").waitFor();
    const close = async (): Promise<void> => {
      await page.context().close();
      await admin.close();
    };
    return { page, amiss, log: admin.log, [Symbol.asyncDispose]: close };
  }

  interface Opened extends AsyncDisposable {
    readonly page: Page;
    readonly amiss: readonly string[];
    readonly log: readonly string[];
  }

  // As a campaign every scene in every view; else each scene in one, so that all views are seen.
  const shots = sceneNames.flatMap((name, at) => {
    const seen = IS_SHORT ? [views[at % views.length]!] : views;
    return seen.map((view) => ({ name, view }));
  });

  test.each(shots)("$name, $view.width $view.scheme: nothing is amiss", async ({ name, view }) => {
    await using scene = await opened(name, view);
    const { page, amiss, log } = scene;
    await page.getByText("Live · ").waitFor();
    const path = screenshotPath(`${name} ${view.width} ${view.scheme}`);
    await page.screenshot({ path, fullPage: true });
    const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect({ amiss, log, isWider }).toEqual({ amiss: [], log: [], isWider: false });
  });

  test("the verdict comes first, with the code, the remedy and the mistake of the table", async () => {
    for (const [name, code] of [
      ["poisoned", "POISONED"],
      ["refused", "ACKNOWLEDGED_LOST"],
    ] as const) {
      await using scene = await opened(name);
      const verdict = scene.page.getByRole("region", { name: "Verdict" });
      const text = (await verdict.textContent()) ?? "";
      expect(text).toContain("Danger: ");
      expect(text).toContain(code);
      expect(text).toContain(errorCodes[code].remedy.replaceAll("`", ""));
      expect(text).toContain(errorCodes[code].never.replaceAll("`", ""));
      expect(await scene.page.title()).not.toContain("Safe");
    }
  });

  test("a screen reader is told of lanes by name, of strips and plots in words", async () => {
    await using scene = await opened("pinned");
    const { page } = scene;
    for (const name of [
      "Lanes at a glance",
      "Lanes",
      "Last ten minutes",
      "Road and anchor",
      "Disk",
      "Last open",
    ]) {
      expect(await page.getByRole("heading", { name, exact: true }).count()).toBe(1);
    }
    const glance = "4 lanes: ";
    expect(await page.getByRole("img", { name: glance }).getAttribute("aria-label")).toContain(
      "1 pinned, 1 refused",
    );
    const row = page
      .getByRole("row")
      .filter({ has: page.getByRole("rowheader", { name: "1", exact: true }) });
    expect(await row.getByRole("img").getAttribute("aria-label")).toMatch(
      / durable, 0 queued, .*2 pinned$/,
    );
    expect(await page.getByRole("img", { name: /^Flush: highest p99 / }).count()).toBe(1);
    expect(await page.getByRole("status").count()).toBe(1);
  });

  test("a machine that stands by says so, what it may still sign, and how far the archive is", async () => {
    await using scene = await opened("standing by");
    const { page } = scene;
    const factsOf = async (name: string): Promise<string> => {
      return (await page.getByRole("region", { name, exact: true }).innerText()).replaceAll(
        "\n",
        " ",
      );
    };
    const reservations = await factsOf("Reservations");
    for (const fact of [
      "This machine stands by: c4f1d07e2b96a385 signs",
      "Votes on the road below 5,145, 12 left",
      "Votes for blocks 3 lanes, 7 left at least",
      "Own blocks below ",
      ", 0 left Records put 318 Refused for UNRESERVED",
    ]) {
      expect(reservations).toContain(fact);
    }
    const archive = await factsOf("Archive");
    expect(archive).toContain("Wait for it 4,096 records, the oldest for 95 s");
    expect(archive).toContain("Held back 12 MiB of 256 MiB at most");
    const verdict = await factsOf("Verdict");
    expect(verdict).toContain("Another machine signs for this validator: this one stands by");
    await using plain = await opened("safe");
    for (const name of ["Reservations", "Archive"]) {
      expect(await plain.page.getByRole("heading", { name, exact: true }).count()).toBe(0);
    }
  });

  test("the keyboard reaches everything that can be used", async () => {
    await using scene = await opened("hundred lanes");
    const { page } = scene;
    const firstLane = (): Promise<string | null> => {
      return page.getByRole("rowheader").first().textContent();
    };
    expect(await firstLane()).toBe("0");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const button = page.getByRole("button", { name: "Worst first" });
    await page.getByRole("button", { name: "Worst first", pressed: true }).waitFor();
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await firstLane()).not.toBe("0");
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() =>
      document.activeElement?.getAttribute("aria-labelledby"),
    );
    expect(focused).toBe("lanes-title");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("SUMMARY");
  });

  test("text has a contrast of 4.5 to 1 in both palettes", async () => {
    for (const view of views.slice(0, 2)) {
      await using scene = await opened("pinned", view);
      const low = await scene.page.evaluate(lowContrasts);
      expect(low).toEqual([]);
    }
  });

  test("the page follows the store: a block that becomes durable is drawn by itself", async () => {
    const chain = new TestChain(2);
    const lane = laneAt(chain, 0);
    await using store = await measuredStore(chain);
    await using admin = await served(store);
    const { page, amiss } = await openPage(browser, admin.origin, wide);
    await page.getByText("No lane has a block yet.").waitFor();
    await pushBlocks(store.keeper, chain, lane, { to: 7n });
    await page.getByRole("img", { name: "0 retained, 7 durable, 0 queued" }).waitFor();
    expect(amiss).toEqual([]);
    await page.context().close();
  });

  test("the plots of a service that has just begun end now, and not a day later", async () => {
    await using admin = await served(await sceneOf("safe"));
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(() => {
      const drawn = new Set<string>();
      Object.assign(globalThis, { drawn });
      CanvasRenderingContext2D.prototype.fillText = (text) => void drawn.add(text);
    });
    await page.goto(admin.origin);
    await page.getByText("Live · ").waitFor();
    const times = await page.evaluate(() => {
      const { drawn } = globalThis as unknown as { readonly drawn: ReadonlySet<string> };
      const hours = [0, 120_000].map((ms) => new Date(Date.now() - ms).getHours());
      const found = [...drawn].filter((text) => /^\d\d:\d\d$/.test(text));
      return { count: found.length, areNow: found.every((text) => hours.includes(parseInt(text))) };
    });
    expect(times.count).toBeGreaterThan(0);
    expect(times.areNow).toBe(true);
    await context.close();
  });

  test("a page that hears nothing says that it knows nothing, and comes back by itself", async () => {
    await using scene = await sceneOf("safe").then((service) => served(service));
    const { page } = await openPage(browser, scene.origin, wide);
    await page.getByText("Safe: everything acknowledged is on disk").waitFor();
    await scene.close();
    await page.getByText("Unknown: no word from the service since").waitFor();
    expect(await page.getByText("Safe: everything").count()).toBe(0);
    await using again = await served(await sceneOf("safe"), { listen: scene.address });
    await page.getByText("Safe: everything acknowledged is on disk").waitFor();
    expect(again.log).toEqual([]);
    await page.context().close();
  });

  test("where the service asks for a token, so does the page", async () => {
    await using admin = await served(await sceneOf("safe"), {
      tokens: (given) => (given === "right" ? "right" : "wrong"),
    });
    const { page } = await openPage(browser, admin.origin, wide);
    const field = page.getByLabel("This service asks for a token.");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("this token is not known").waitFor();
    await page.screenshot({ path: screenshotPath("token 1400 light") });
    await field.fill("right");
    await page.keyboard.press("Enter");
    await page.getByText("Safe: everything acknowledged is on disk").waitFor();
    expect(await page.evaluate(() => document.cookie)).toBe("");
    await page.context().close();
  });

  test("with a hundred lanes and events that stream, a frame takes less than a sixtieth of a second", async () => {
    await using scene = await opened("hundred lanes");
    const cdp = await scene.page.context().newCDPSession(scene.page);
    // Of processor time: `npm run bench -- service` looks at the frames as an eye sees them.
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    const workedMs = async (): Promise<number> => {
      const { metrics } = await cdp.send("Performance.getMetrics");
      return 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
    };
    const began = await workedMs();
    const drawn = await scene.page.evaluate(frames, IS_SHORT ? 1000 : 3000);
    const ms = ((await workedMs()) - began) / drawn;
    console.log(`${drawn} frames, each ${ms.toFixed(1)} ms of processor time`);
    expect(ms).toBeLessThan(1000 / 60);
  });
});

/** In the page: lets `ms` pass; how many frames were drawn. */
async function frames(ms: number): Promise<number> {
  const nextFrame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
  const begin = await nextFrame();
  let count = 0;
  for (let now = begin; now < begin + ms; now = await nextFrame()) count += 1;
  return count;
}

/** In the page: the texts whose colour is too near to that of their ground. */
function lowContrasts(): string[] {
  const channels = (colour: string): number[] => [...colour.matchAll(/[\d.]+/g)].map(Number);
  const light = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = channels(colour).map((each) => {
      const share = each / 255;
      return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element: Element | null): string => {
    if (!element) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    const [, , , alpha = 1] = channels(backgroundColor);
    return alpha === 0 ? groundOf(element.parentElement) : backgroundColor;
  };
  const low: string[] = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some(({ nodeType, nodeValue }) => {
      return nodeType === Node.TEXT_NODE && nodeValue?.trim();
    });
    if (!text || element.closest(".hidden")) continue;
    const [ink, ground] = [light(getComputedStyle(element).color), light(groundOf(element))];
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5)
      low.push(`${element.className} ${element.textContent}: ${contrast.toFixed(2)}`);
  }
  return low;
}
