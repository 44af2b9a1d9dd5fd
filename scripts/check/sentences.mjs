/**
 * Comments, messages and pages are in plain English: a sentence begins with its subject. This check finds
 * those that begin with a clause in its place, which a reader must read twice: "Live records move first"
 * is right, and with "that which is live" as the first words it is wrong.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const clause = "(?:What|Whatever|Where|Wherever|Who|Whoever|Whose|Which|So much|So many) ";
const sentence = new RegExp(`(?:^|[.:;!?|*] |\\) |\\*\\*)${clause}`);
/** Sentences in code stand in comments, and at the beginning of texts. */
const inCode = [
  /(?:^\s*(?:\/\*\*|\*)|\/\/) *(.*)$/,
  new RegExp(`["\`](${clause}.*)`),
  // The lines of a help text.
  new RegExp(`^(${clause}.*)`),
  new RegExp(`[\\w).]\\. (${clause}.*)`),
];

const files = [
  "README.md",
  "vitest.config.ts",
  ...["proto", "scripts", "src", "test"].flatMap((folder) => {
    const names = readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" });
    return names.map((name) => `${folder}/${name}`);
  }),
].filter((path) => /\.(?:ts|mjs|md|proto)$/.test(path) && !path.includes("/generated/"));

function textsOf(path, line) {
  if (path.endsWith(".md")) return line.startsWith("#") ? [] : [line];
  return inCode.flatMap((text) => text.exec(line)?.[1] ?? []);
}

const faults = files.flatMap((path) => {
  const lines = readFileSync(`${root}/${path}`, "utf8").split("\n");
  return lines.flatMap((line, at) => {
    const isWrong = textsOf(path, line).some((text) => sentence.test(text));
    return isWrong ? [`${path}:${at + 1}: ${line.trim()}`] : [];
  });
});
for (const fault of faults) console.error(fault);
if (faults.length > 0)
  console.error("each of these sentences needs a subject in front of its verb");
process.exitCode = faults.length === 0 ? 0 : 1;
