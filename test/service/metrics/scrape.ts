/** A scrape, read as Prometheus reads it. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  /** The type of each family, by its name. */
  readonly types: ReadonlyMap<string, string>;
  readonly help: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

/** @throws on a line that is none of the text format. */
export function readScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const help = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) (comment[1] === "HELP" ? help : types).set(comment[2]!, comment[3]!);
    else samples.push(sampleOf(line));
  }
  return { types, help, samples };
}

function sampleOf(line: string): Sample {
  const parts = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (!parts) throw new Error(`this is no sample: ${line}`);
  const labels = [...(parts[2] ?? "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
  return {
    name: parts[1]!,
    labels: Object.fromEntries(labels.map(([, name, value]) => [name, value])),
    value: Number(parts[3]),
  };
}

/** The value of the sample with this name and these labels; there must be one. */
export function valueOf(
  { samples }: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samples.filter((sample) => {
    return (
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    );
  });
  if (found.length !== 1) throw new Error(`${found.length} samples of ${name}`);
  return found[0]!.value;
}
