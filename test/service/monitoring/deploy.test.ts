/** The systemd unit and the container file agree with the code: exit codes, Node.js, paths, the admin port. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { keys } from "../../../src/service/config/keys.js";
import { errorCodes, type ErrorCode } from "../../../src/types/error-codes.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const unitPath = `${root}/scripts/deploy/lanekeeper.service`;
const unit = readFileSync(unitPath, "utf8");
const container = readFileSync(`${root}/scripts/deploy/Containerfile`, "utf8");

/** The values of a setting of the unit. */
function settings(name: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
}

/** Refusals that stand until an operator has looked. */
const lasting: readonly ErrorCode[] = [
  "USAGE",
  "WRONG_COMMITTEE",
  "JOURNAL_CORRUPT",
  "ACKNOWLEDGED_LOST",
  "MARK_CORRUPT",
  "ANCHOR_CORRUPT",
  "RECOVERY_MISMATCH",
  "STORE_EXISTS",
  "NOT_A_STORE",
  "STORE_STOLEN",
  "WRONG_CHAIN",
  "FORMAT_TOO_NEW",
  "READ_ONLY",
];

test("systemd starts no service again whose store will be refused again", () => {
  const exits = lasting.map((code) => String(errorCodes[code].exit));
  expect(settings("RestartPreventExitStatus")).toEqual([exits.join(" ")]);
});

test("the unit waits for READY, lets the service drain, and leaves it nothing but its store", () => {
  expect(settings("Type")).toEqual(["notify"]);
  expect(settings("NotifyAccess")).toEqual(["all"]);
  expect(Number(settings("TimeoutStopSec")[0])).toBeGreaterThan(10);
  expect(settings("UMask")).toEqual(["0077"]);
  expect(settings("ProtectSystem")).toEqual(["strict"]);
  expect(settings("MemoryDenyWriteExecute")).toEqual([]);
  expect(settings("ExecStart")[0]).toMatch(
    /^\/usr\/bin\/lanekeeper serve .*\/var\/lib\/lanekeeper\/store$/,
  );
});

test("the container runs a Node.js that the package allows, as a user of its own, with the same command", () => {
  const { engines, bin } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as {
    engines: { node: string };
    bin: { lanekeeper: string };
  };
  const versions = [...container.matchAll(/^FROM .*\/node:(\d+)-/gm)].map(([, major]) =>
    Number(major),
  );
  const [, least = ""] = /^>=(\d+)/.exec(engines.node) ?? [];
  for (const version of versions) expect(version).toBeGreaterThanOrEqual(Number(least));
  expect(new Set(versions).size).toBe(1);
  expect(container).toContain(`"/opt/lanekeeper/${bin.lanekeeper}"`);
  expect(container).toMatch(/^USER 10001$/m);
  const [, command = "[]"] = /^CMD (\[.*\])$/m.exec(container) ?? [];
  expect(JSON.parse(command) as string[]).toEqual(settings("ExecStart")[0]!.split(" ").slice(1));
});

test("the container copies files that are there, and asks the admin listener where it is", () => {
  const copies = [...container.matchAll(/^COPY (?!--from)(.*) \S+$/gm)];
  const copied = copies.flatMap(([, files]) => files!.split(" "));
  expect(copied).toContain("src");
  for (const file of copied) expect(existsSync(join(root, file)), file).toBe(true);
  const [, health] = /'http:\/\/([\d.:]+)\/healthz'/.exec(container) ?? [];
  expect(health).toBe(keys["admin.listen"].fallback);
});

test("systemd finds nothing wrong with the unit", () => {
  const { status, stderr, error } = spawnSync("systemd-analyze", ["verify", unitPath], {
    encoding: "utf8",
  });
  if (error) {
    console.log("did not run: there is no systemd-analyze here (Debian: apt-get install systemd)");
    return;
  }
  const said = stderr
    .split("\n")
    .filter(
      (line) => line.includes("lanekeeper.service") && !/not executable|No such file/.test(line),
    );
  expect({ status: said.length === 0 ? 0 : status, said }).toEqual({ status: 0, said: [] });
});
