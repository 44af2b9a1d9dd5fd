/** `lanekeeper digest`: one digest of what a store holds, by which two stores are compared. */
import { digestOf, type LogDigest, type StoreDigest } from "../../keeping/reading/digest.js";
import { readStore } from "../../keeping/reading/calls.js";
import { sourcesOf } from "../store/key-files.js";
import { shortLane } from "../terminal/lanes.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable, table } from "../terminal/table.js";

export interface DigestChoices {
  readonly key?: readonly string[];
  readonly json?: boolean;
}

/** @throws {PersisterError} as `readStore`. */
export async function digestCommand(
  store: string,
  { key = [], json }: DigestChoices,
  port: CliPort,
): Promise<void> {
  await using snapshot = await readStore(store, { keys: sourcesOf(key), signal: port.stop });
  const found = await digestOf(snapshot);
  await tellDone(port, json, found, textOf(found));
}

function textOf({ digest, chainId, lanes, road, anchor, vote }: StoreDigest): string {
  return table([
    ["digest", digest],
    ["chain", printable(chainId)],
    ...lanes.map((each) => [`lane ${shortLane(each.lane)}`, logText(each)] as const),
    ["road", logText(road)],
    ["anchor", anchor ? `road index ${anchor.roadIndex}, ${anchor.digest}` : "none"],
    ["vote state", vote?.digest ?? "none"],
  ]);
}

function logText({ first, next, digest }: LogDigest): string {
  return `[${first}, ${next}) ${digest}`;
}
