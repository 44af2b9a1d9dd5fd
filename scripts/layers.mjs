/**
 * Checks that imports go down only. The folders of `src` are layers; the table below says which
 * ones each may import, besides itself. Also refused: import cycles between files (type-only imports
 * count), a folder or a top-level file that the table does not know, imports that leave `src`.
 *
 * Usage: node scripts/layers.mjs [folder]
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const bottom = ["async", "codec", "types"];
const belowNode = ["avail", "persist", "log", "jobs", "journal", "wire", "disk", ...bottom];
const belowCli = [
  "service",
  "devnet",
  "testing",
  "node",
  "inspect",
  "sei",
  "records",
  "walmanager",
  ...belowNode,
];

/** Top to bottom. `index` is `src/index.ts`: it may import every layer, and no file may import it. */
const mayImport = {
  index: ["cli", ...belowCli],
  cli: belowCli,
  service: ["node", ...belowNode],
  devnet: ["node", ...belowNode],
  testing: ["node", ...belowNode],
  node: belowNode,
  avail: ["persist", "log", "wire", ...bottom],
  inspect: ["persist", "log", "journal", "wire", "disk", ...bottom],
  persist: ["log", "journal", "wire", "disk", ...bottom],
  records: ["journal", "log", "walmanager", "disk", ...bottom],
  log: ["journal", "disk", ...bottom],
  jobs: ["journal", "disk", ...bottom],
  journal: ["disk", ...bottom],
  sei: ["wire", "disk", ...bottom],
  walmanager: ["disk", ...bottom],
  wire: bottom,
  disk: bottom,
  async: ["types"],
  codec: ["types"],
  types: [],
};

/** Words after which a slash starts a regular expression rather than dividing. */
const beforeRegExp = new Set(
  "return typeof case in of delete void throw new else do await yield instanceof".split(" "),
);

/**
 * The tokens of a module that matter here, each with its line: words, strings (`text` without the
 * quotes) and single signs. Comments, regular expressions and the fixed parts of
 * templates are skipped; a template without substitutions is a string.
 */
export function tokensOf(source) {
  const tokens = [];
  const templateDepths = [];
  let line = 1;
  let depth = 0;
  let at = 0;
  const push = (kind, text) => tokens.push({ kind, text, line });
  const skipTo = (end) => {
    for (; at < end; at++) if (source[at] === "\n") line++;
  };

  /** Reads template text from `at` to its end or to its next substitution. */
  const template = (isHead) => {
    let end = at;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    const opens = source[end] === "$";
    // After a substitution, or before one, the text is no name to import.
    push(isHead && !opens ? "string" : "sign", isHead && !opens ? source.slice(at, end) : "`");
    skipTo(end + (opens ? 2 : 1));
    if (opens) templateDepths.push(depth);
  };

  while (at < source.length) {
    const rest = source.slice(at, at + 2);
    const char = source[at];
    const last = tokens.at(-1);
    if (rest === "//" || (rest === "#!" && at === 0)) {
      const end = source.indexOf("\n", at);
      at = end < 0 ? source.length : end;
    } else if (rest === "/*") {
      const end = source.indexOf("*/", at + 2);
      skipTo(end < 0 ? source.length : end + 2);
    } else if (char === '"' || char === "'") {
      let end = at + 1;
      while (end < source.length && source[end] !== char && source[end] !== "\n") {
        end += source[end] === "\\" ? 2 : 1;
      }
      push("string", source.slice(at + 1, end));
      skipTo(end + (source[end] === "\n" ? 0 : 1));
    } else if (char === "`") {
      at++;
      template(true);
    } else if (char === "}" && templateDepths.at(-1) === depth) {
      templateDepths.pop();
      at++;
      template(false);
    } else if (char === "/" && startsRegExp(last)) {
      const found = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/.exec(source.slice(at));
      push("sign", "/");
      at += found === null ? 1 : found[0].length;
    } else if (/[\w$#]/.test(char)) {
      const word = /^[\w$#]+/.exec(source.slice(at, at + 200))[0];
      push("word", word);
      at += word.length;
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      if (/\S/.test(char)) push("sign", char);
      skipTo(at + 1);
    }
  }
  return tokens;
}

function startsRegExp(last) {
  if (last === undefined) return true;
  if (last.kind === "word") return beforeRegExp.has(last.text);
  return last.kind === "sign" && !")]}`".includes(last.text);
}

/**
 * What a module imports, as `{name, line}`: `import`, `import type`, `export ... from`, `import()` in
 * code and in types, `require()`, and `new URL("...", import.meta.url)`, which names a worker or a
 * file beside the module. `name` is undefined where it is computed.
 */
export function importsOf(source) {
  const tokens = tokensOf(source);
  const found = [];
  const text = (index) => (tokens[index]?.kind === "string" ? undefined : tokens[index]?.text);
  const add = (index) => {
    const token = tokens[index];
    const computed = token.kind !== "string" || ![")", ","].includes(text(index + 1));
    found.push({ name: computed ? undefined : token.text, line: token.line });
  };
  /** A clause (`a, { b as c }`, `* as d`, `type { e }`) ends with `from` and a string. */
  const addClause = (index) => {
    let at = index;
    while (
      tokens[at] !== undefined &&
      !(text(at) === "from" && tokens[at + 1]?.kind === "string")
    ) {
      if (tokens[at].kind === "sign" && !"{},*".includes(tokens[at].text)) return;
      // After the closing brace of `export { a }` only `from` goes on with the same statement.
      if (text(at) === "}" && text(at + 1) !== "from") return;
      at++;
    }
    const token = tokens[at + 1];
    if (token !== undefined) found.push({ name: token.text, line: token.line });
  };

  for (let index = 0; index < tokens.length; index++) {
    if (text(index - 1) === ".") continue;
    const word = text(index);
    const next = tokens[index + 1];
    if (next === undefined) break;
    if (word === "import" && next.kind === "string") {
      found.push({ name: next.text, line: next.line });
    } else if ((word === "import" || word === "require") && text(index + 1) === "(") {
      if (tokens[index + 2] !== undefined) add(index + 2);
    } else if (word === "import" && text(index + 1) !== ".") {
      addClause(index + 1);
    } else if (word === "export" && ["{", "*", "type"].includes(text(index + 1))) {
      const isList = text(index + 1) !== "type" || ["{", "*"].includes(text(index + 2));
      if (isList) addClause(index + 1);
    } else if (
      word === "new" &&
      text(index + 1) === "URL" &&
      tokens[index + 3]?.kind === "string"
    ) {
      const base = [4, 5, 6, 7, 8, 9].map((step) => text(index + step)).join("");
      if (base === ",import.meta.url") {
        found.push({ name: tokens[index + 3].text, line: tokens[index + 3].line });
      }
    }
  }
  return found;
}

/** The layer of a path relative to `src`: its folder, or `index`; undefined where there is none. */
function layerOf(path) {
  const [first, ...rest] = path.split(sep);
  const layer = rest.length === 0 ? (first === "index.ts" ? "index" : undefined) : first;
  return layer !== undefined && Object.hasOwn(mayImport, layer) ? layer : undefined;
}

/** The file behind an import's name: a source (`.ts` for `.js`), or the name itself. */
function resolveFile(from, name) {
  const target = resolve(dirname(from), name);
  const source = target.replace(/\.([cm]?)js$/, ".$1ts");
  return existsSync(source) ? source : target;
}

/** What is wrong with one import, or undefined. */
function judge(path, targetPath) {
  if (targetPath.startsWith("..")) return "leaves the source folder";
  const layer = layerOf(path);
  const target = layerOf(targetPath);
  if (target === undefined) return `imports ${targetPath}, which is in no known layer`;
  if (target === "index") return "imports index.ts, which is on top of everything";
  if (layer === undefined || layer === target || mayImport[layer].includes(target)) {
    return undefined;
  }
  return `${layer} may not import ${target}`;
}

/** Each group of files that import each other in a ring, as the list of edges along one ring. */
function cyclesOf(graph) {
  const state = new Map();
  const stack = [];
  const cycles = [];
  const visit = (file) => {
    state.set(file, "open");
    for (const edge of graph.get(file)) {
      stack.push(edge);
      const target = state.get(edge.to);
      if (target === "open") {
        cycles.push(stack.slice(stack.findIndex(({ from }) => from === edge.to)));
      } else if (target === undefined && graph.has(edge.to)) visit(edge.to);
      stack.pop();
    }
    state.set(file, "done");
  };
  for (const file of graph.keys()) if (!state.has(file)) visit(file);
  return cycles;
}

/** Checks every source under `root`; returns violations as `{path, line, what}`. */
export function checkLayers(root) {
  const violations = [];
  const graph = new Map();
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) => ({ entry, path: relative(root, join(entry.parentPath, entry.name)) }))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));

  for (const { entry, path } of paths) {
    const isTop = !path.includes(sep);
    if (isTop && (entry.isDirectory() ? !layerOf(join(path, "x")) : !layerOf(path))) {
      violations.push({ path, line: 1, what: "is in no known layer" });
    }
    if (!entry.isFile() || !/\.[cm]?[jt]s$/.test(path)) continue;
    const edges = [];
    for (const { name, line } of importsOf(readFileSync(join(root, path), "utf8"))) {
      if (name === undefined) {
        violations.push({ path, line, what: "imports a computed name, which cannot be checked" });
      } else if (name === "lanekeeper" || name.startsWith("lanekeeper/")) {
        violations.push({ path, line, what: "imports the package itself" });
      } else if (name.startsWith(".")) {
        const target = relative(root, resolveFile(join(root, path), name));
        const what = judge(path, target);
        if (what !== undefined) violations.push({ path, line, what });
        edges.push({ from: path, to: target, line });
      }
    }
    graph.set(path, edges);
  }

  const rings = new Set();
  for (const cycle of cyclesOf(graph)) {
    const ring = [...cycle.map(({ from }) => from), cycle[0].from].join(" -> ");
    if (rings.has(ring)) continue;
    rings.add(ring);
    violations.push({ path: cycle[0].from, line: cycle[0].line, what: `import cycle: ${ring}` });
  }
  return { violations, files: graph.size };
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  const root = resolve(process.argv[2] ?? fileURLToPath(new URL("../src", import.meta.url)));
  const { violations, files } = checkLayers(root);
  for (const { path, line, what } of violations) {
    console.error(`${relative(process.cwd(), join(root, path))}:${line}: ${what}`);
  }
  if (violations.length === 0) console.log(`${files} files, imports go down only`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
