/**
 * The progress of a work that takes a while: how much is done, at which rate, and how long it still takes.
 * A terminal shows a bar, a pipe gets plain lines (`redraw.ts`).
 */
import type { CliPort } from "./port.js";
import { Redraw } from "./redraw.js";
import { formatSize } from "./sizes.js";

/** A work at one moment. */
export interface Work {
  /** Its name; with another name another work begins, and its rate with it. */
  readonly name: string;
  readonly unit: "bytes" | "records" | "seconds";
  readonly done: number;
  /** How much it will be, as far as that is known. */
  readonly total?: number | undefined;
}

const BAR_WIDTH = 20;
/** A rate that is taken over less time says nothing. */
const RATE_MS_MIN = 500;

/** Shows the work that `look` tells of, until the view is stopped. */
export function showWork(look: () => Work, { stderr, clockMs }: ProgressPort): Redraw {
  let name: string | undefined;
  let begin = { ms: 0, done: 0 };
  const text = (): string => {
    const work = look();
    const ms = clockMs();
    if (work.name !== name) [name, begin] = [work.name, { ms, done: work.done }];
    return workText(work, { done: work.done - begin.done, ms: ms - begin.ms });
  };
  return new Redraw(stderr, { lines: () => [`${barOf(look())}${text()}`], plain: text });
}

export type ProgressPort = Pick<CliPort, "stderr" | "clockMs">;

/** `storing: 120 of 400 records, 60 records/s, 5 s left`; `recent` gives the rate. */
export function workText(
  { name, unit, done, total }: Work,
  recent: { readonly done: number; readonly ms: number },
): string {
  const amount = (count: number): string => (unit === "bytes" ? formatSize(count) : `${count}`);
  const whole = total === undefined ? "" : ` of ${amount(Math.max(total, done))}`;
  const so = `${name}: ${amount(done)}${whole}${unit === "bytes" ? "" : ` ${unit}`}`;
  if (unit === "seconds") return so;
  const rate = recent.ms < RATE_MS_MIN ? 0 : (recent.done * 1000) / recent.ms;
  if (rate === 0) return so;
  const pace = unit === "bytes" ? formatSize(rate) : `${rate.toPrecision(3)} ${unit}`;
  const left = total === undefined ? "" : `, ${timeText((total - done) / rate)} left`;
  return `${so}, ${pace}/s${left}`;
}

function timeText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.ceil(whole / 60)} min` : `${Math.ceil(whole / 3600)} h`;
}

function barOf({ done, total }: Work): string {
  if (total === undefined || total === 0) return "";
  const full = Math.round(Math.min(1, done / total) * BAR_WIDTH);
  return `${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)} `;
}
