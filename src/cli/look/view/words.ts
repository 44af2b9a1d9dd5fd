/** The parts of a store as one line each. */
import { nameText, rangeText } from "../../terminal/lanes.js";
import type { LogView, PinView, UnreadView } from "./view.js";

export function logText({ name, first, next, durable, retained, refused }: LogView): string {
  const lag = durable === undefined || durable === next ? "" : `, durable below ${durable}`;
  const kept = retained ? `, retained ${rangeText(retained)}` : "";
  const why = refused === undefined ? "" : `, refused: ${refused}`;
  return `${nameText(name)} ${rangeText({ first, next })}${lag}${kept}${why}`;
}

export function pinText({ lane, number, headerHash }: PinView): string {
  return `${nameText(lane)}, number ${number}: header ${headerHash}`;
}

export function unreadText({ file, message }: UnreadView): string {
  return `unread ${file}, ${message}`;
}
