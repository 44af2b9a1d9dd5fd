/** The levels of a service's log. They stand apart from the log, whose library a mere `--help` does not load. */
export const levels = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];
