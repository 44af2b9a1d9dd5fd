/**
 * The places where settings come from, in rising order: defaults, the YAML file, variables of the
 * environment, flags. Each value remembers its place, which an error names.
 */
import { readFile } from "node:fs/promises";
import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { PersisterError } from "../../types/errors.js";
import { flagOf, type KeyName, keyNames, keys, variableOf } from "./keys.js";

export interface Given {
  readonly value: unknown;
  /** "default", "lanekeeper.yaml:3", "LANEKEEPER_RETAIN" or "--retain". */
  readonly origin: string;
}

export type GivenByKey = Map<KeyName, Given>;

export function defaultsGiven(): GivenByKey {
  const given: GivenByKey = new Map();
  for (const name of keyNames) {
    const key = keys[name];
    if ("fallback" in key && key.fallback !== "")
      given.set(name, { value: key.fallback, origin: "default" });
  }
  return given;
}

/** @throws {PersisterError} USAGE naming file and line: no YAML, a key that is not known, a key twice. */
export async function fileGiven(file: string): Promise<GivenByKey> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new PersisterError("USAGE", `${file} cannot be read`, { file, cause });
  }
  return parseGiven(file, text);
}

/** @throws {PersisterError} USAGE naming the line. */
export function parseGiven(file: string, text: string): GivenByKey {
  const lines = new LineCounter();
  // A key that stands there twice is told of by its name, and not in the words of the parser.
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const lineOf = (node: { readonly range?: readonly number[] | null }): number => {
    return lines.linePos(node.range?.[0] ?? 0).line;
  };
  const [error] = document.errors;
  if (error) throw refused(file, lines.linePos(error.pos[0]).line, error.message);
  const given: GivenByKey = new Map();
  const visit = (node: Node | null, prefix: string): void => {
    if (!isMap(node)) {
      if (node === null || (isScalar(node) && node.value === null)) return;
      const what = prefix === "" ? "the file" : prefix.slice(0, -1);
      throw refused(file, lineOf(node), `${what} must be a map of keys`);
    }
    const seen = new Set<string>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node;
      const line = lineOf(keyNode);
      const name = prefix + String(isScalar(keyNode) ? keyNode.value : keyNode);
      if (seen.has(name)) throw refused(file, line, `${name} stands there twice`);
      seen.add(name);
      const known = keyNames.find((each) => each === name);
      const value = pair.value as Node | null;
      if (known) given.set(known, { value: plainOf(value), origin: `${file}:${line}` });
      else if (keyNames.some((each) => each.startsWith(`${name}.`))) visit(value, `${name}.`);
      else throw refused(file, line, `there is no key ${name}${nearest(name)}`);
    }
  };
  visit(document.contents, "");
  return given;
}

function plainOf(node: Node | null): unknown {
  return isScalar(node) ? node.value : node?.toJSON();
}

/** Keys that a wrong one may have meant: those with the same last word. */
function nearest(name: string): string {
  const last = name.split(".").at(-1)?.toLowerCase() ?? "";
  const found = keyNames.filter((each) => each.toLowerCase().includes(last));
  return found.length > 0
    ? `; did you mean ${found.join(" or ")}?`
    : `; the keys are ${keyNames.join(", ")}`;
}

export function environmentGiven(
  environment: Readonly<Record<string, string | undefined>>,
): GivenByKey {
  const given: GivenByKey = new Map();
  for (const name of keyNames) {
    const variable = variableOf(name);
    const value = environment[variable];
    if (value !== undefined && value !== "") given.set(name, { value, origin: variable });
  }
  return given;
}

/** Kubernetes sets these where a service of its own is called lanekeeper. */
const ofKubernetes = /^LANEKEEPER_(?:SERVICE_|PORT$|PORT_)/;

/** Variables that look like settings and are none: one that is misspelt would change nothing, in silence. */
export function strayVariables(environment: Readonly<Record<string, unknown>>): readonly string[] {
  const known = new Set(keyNames.map(variableOf));
  return Object.keys(environment).filter((name) => {
    return name.startsWith("LANEKEEPER_") && !known.has(name) && !ofKubernetes.test(name);
  });
}

/** `flags` as commander read them, by key. */
export function flagsGiven(flags: ReadonlyMap<KeyName, unknown>): GivenByKey {
  return new Map([...flags].map(([name, value]) => [name, { value, origin: flagOf(name) }]));
}

function refused(file: string, line: number, why: string): PersisterError {
  return new PersisterError("USAGE", `${file}:${line}: ${why}`, { file });
}
