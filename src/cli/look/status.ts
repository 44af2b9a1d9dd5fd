/** `lanekeeper status`: the whole store in one look. */
import { exitCodeOf } from "../../inspect/finding.js";
import { put, writeDocument } from "../terminal/json-document.js";
import type { CliPort } from "../terminal/port.js";
import { formatSize } from "../terminal/sizes.js";
import { type Row, table } from "../terminal/table.js";
import { reservationRows } from "./view/reservations.js";
import { archiveRows } from "./view/archive.js";
import { guardsText } from "./view/guards.js";
import { logText, pinText } from "./view/words.js";
import { lanesOf, roadOf, type StoreView, viewJson } from "./view/view.js";

/** Tells of the store; returns the exit code, which says whether it works. */
export async function tellStatus(view: StoreView, json: boolean, port: CliPort): Promise<number> {
  if (json) await writeDocument(port.stdout, viewJson(view));
  else await put(port.stdout, statusText(view));
  return exitCodeOf(view.code);
}

function statusText(view: StoreView): string {
  const { service, segments, pins, guards, archive, reservations, anchorRoadIndex } = view;
  const lanes = lanesOf(view);
  const road = roadOf(view);
  const others = view.logs.filter((log) => !lanes.includes(log) && log !== road);
  const rows: readonly Row[] = [
    [
      "store",
      `${view.storeId ?? "not known"}${view.chainId === undefined ? "" : ` of chain ${view.chainId}`}`,
    ],
    ["directory", view.directory],
    ...(service ? serviceRows(service) : []),
    ["state", view.state],
    ...(road ? [["road", logText(road)] as const] : []),
    ["anchor", anchorRoadIndex === undefined ? "none" : `road index ${anchorRoadIndex}`],
    ["lanes", `${lanes.length}`],
    ...lanes.map((lane): Row => ["", logText(lane)]),
    ...others.map((log): Row => ["log", logText(log)]),
    ["pins", `${pins.length}`],
    ...pins.map((pin): Row => ["", pinText(pin)]),
    ...(guards ? [["guards", guardsText(guards)] as const] : []),
    ...(reservations ? reservationRows(reservations) : []),
    ...(archive ? archiveRows(archive) : []),
    ["segments", segments.map(({ state, slots }) => `${slots} ${state}`).join(", ")],
    ["", formatSize(segments.reduce((sum, { bytes }) => sum + bytes, 0))],
  ];
  return table(rows);
}

function serviceRows(service: NonNullable<StoreView["service"]>): readonly Row[] {
  const { address, version, startedMs, writer, writerPresent, fence } = service;
  const since = new Date(startedMs).toISOString();
  const present = writerPresent ? "is here" : "was here last";
  return [
    ["service", `${address}, version ${version}, since ${since}`],
    ["writer", fence === 0n ? "none yet" : `${writer} ${present}, fence ${fence}`],
  ];
}
