/** Debian's Chromium, where there is one, and a page of it that keeps an account of everything amiss. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const options = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** The browser's path, or `undefined` where there is none. */
export function findChromium(): string | undefined {
  try {
    return execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

export async function launch(executablePath: string): Promise<Browser> {
  return await chromium.launch({ executablePath, args: options });
}

export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

export interface WatchedPage {
  readonly page: Page;
  /** Lines of the console, violations of the policy, requests to elsewhere, and errors. */
  readonly amiss: string[];
}

/** Opens a page that must load nothing but from `origin`. */
export async function openPage(browser: Browser, origin: string, view: View): Promise<WatchedPage> {
  const { width, height, scheme } = view;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  // Below the time of a test: a machine that does much else draws late.
  context.setDefaultTimeout(100_000);
  const page = await context.newPage();
  const amiss: string[] = [];
  page.on("console", (line) => amiss.push(`console: ${line.text()}`));
  page.on("pageerror", (error) => amiss.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && url !== "data:,") amiss.push(`request: ${url}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      console.log(`violation: ${violatedDirective} ${blockedURI}`);
    });
  });
  await page.goto(origin);
  return { page, amiss };
}

/** Screenshots go to a folder of the machine's for temporary files, to be looked at. */
export function screenshotPath(name: string): string {
  const folder = process.env["LANEKEEPER_SCREENSHOTS"] ?? join(tmpdir(), "lanekeeper-screenshots");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name.replaceAll(" ", "-")}.png`);
}
