/** The log of a service: JSON lines on standard error, each event once and by its name. */
import { destination, type Logger, pino } from "pino";
import { isLanekeeperError } from "../../types/lanekeeper-error.js";
import type { Level } from "./levels.js";

export interface ServiceLog {
  level: Level;
  readonly write: (level: Level, event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** A log to standard error, or to `stream`. Lines are written at once: the last ones before an end count most. */
export function serviceLog(
  level: Level,
  stream?: { readonly write: (line: string) => void },
): ServiceLog {
  const options = { level, base: null, messageKey: "text" };
  const logger: Logger = pino(options, stream ?? destination({ dest: 2, sync: true }));
  return {
    get level() {
      return logger.level as Level;
    },
    set level(next) {
      logger.level = next;
    },
    write: (at, event, facts = {}) => logger[at]({ event, ...plain(facts) }),
  };
}

/** No line, and no cost. */
export const silentLog: ServiceLog = { level: "error", write: () => undefined };

/** Numbers of 64 bits as strings, and errors as their own JSON: no held bytes, no secrets. */
function plain(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(facts).map(([name, value]) => [name, plainValue(value)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (isLanekeeperError(value)) return value.toJSON();
  if (value instanceof Error) return { name: value.name, message: value.message };
  return value;
}
