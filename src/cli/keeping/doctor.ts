/** `lanekeeper doctor`: whether a disk and its machine are fit for a store. */
import type { Command } from "commander";
import { exitCodeOf } from "../../inspect/finding.js";
import { examine, type Judged } from "../../keeping/doctor/doctor.js";
import { realMachine } from "../../keeping/doctor/machine.js";
import type { Level } from "../../keeping/doctor/mounts.js";
import { needs } from "../../keeping/doctor/outcome.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import { placeOf } from "../store/places.js";
import { put, writeDocument } from "../terminal/json-document.js";
import { addCommand } from "../terminal/manners.js";
import { type Color, painter } from "../terminal/paint.js";
import type { CliPort } from "../terminal/port.js";
import { showWork } from "../terminal/progress.js";
import { printable } from "../terminal/table.js";

const SECONDS_DEFAULT = "10";
const SECONDS_MAX = 3600;

const help = `
It looks at the file system and its options, locks, space, limits, memory and clock, and writes to one file in the
directory, as a store writes, for 10 seconds. That file is gone at the end. A disk is good if 99 of 100 flushes take less
than ${needs.goodFlushMs} ms, and bad above ${needs.poorFlushMs} ms. A store that runs there goes on; its own writes are then measured too.

The exit code is ${errorCodes.UNFIT.exit} if anything is bad. A poor finding hinders no store, but may cost time or safety.
`;

interface Choices {
  readonly seconds: string;
  readonly json?: boolean;
}

export function addDoctorCommand(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  addCommand(program, "doctor", {
    what: "Tells whether a disk and its machine are fit for the store of a validator.",
    help,
    examples: [
      "doctor ./state --seconds 1",
      "doctor ./state --seconds 1 --json | jq '.checks[].level'",
    ],
  })
    .argument("<directory>", "the directory that the store is in, or is to be in")
    .option("--seconds <count>", "how long flushes are measured", SECONDS_DEFAULT)
    .action(async (directory: string, choices: Choices) => {
      setExit(await doctorCommand(directory, choices, port));
    });
}

async function doctorCommand(
  named: string,
  { seconds, json = false }: Choices,
  port: CliPort,
): Promise<number> {
  const forMs = secondsIn(seconds) * 1000;
  const directory = await placeOf(named);
  let doneMs = 0;
  const view = showWork(() => {
    const [done, total] = [Math.floor(doneMs / 1000), Math.ceil(forMs / 1000)];
    return { name: "measuring flushes", unit: "seconds", done, total };
  }, port);
  const judged: Judged[] = [];
  const onProgress = (ms: number): void => void (doneMs = ms);
  try {
    const choices = { forMs, signal: port.stop, onProgress };
    for await (const each of examine(realMachine(), directory, choices)) {
      judged.push(each);
      view.erase();
      if (!json) await put(port.stdout, lineOf(each, port.hasColor));
    }
  } finally {
    view.stop();
  }
  const code = judged.some(({ level }) => level === "bad") ? "UNFIT" : undefined;
  const exitCode = exitCodeOf(code);
  if (json)
    await writeDocument(port.stdout, {
      ok: exitCode === 0,
      exitCode,
      code: code ?? null,
      directory,
      checks: judged,
    });
  else await put(port.stdout, verdictOf(judged));
  return exitCode;
}

const colors: Readonly<Record<Level, Color>> = {
  good: "green",
  poor: "yellow",
  bad: "red",
  unknown: "dim",
};

function lineOf({ name, level, text }: Judged, hasColor: boolean): string {
  const paint = painter(hasColor);
  return `${paint(colors[level], level.padEnd(8))}${name.padEnd(16)}${printable(text)}\n`;
}

function verdictOf(judged: readonly Judged[]): string {
  const named = (level: Level): string =>
    judged
      .filter((each) => each.level === level)
      .map(({ name }) => name)
      .join(", ");
  const [bad, poor] = [named("bad"), named("poor")];
  if (bad !== "") return `not fit: ${bad}\n`;
  return poor === "" ? "fit\n" : `fit, but look at: ${poor}\n`;
}

function secondsIn(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= SECONDS_MAX) return seconds;
  throw new PersisterError("USAGE", `--seconds takes 0 to ${SECONDS_MAX}, not ${printable(text)}`);
}
