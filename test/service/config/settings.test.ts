/** Settings: sources in rising order, and a refusal that names file, line and key. */
import { expect, test } from "vitest";
import { flagOf, keyNames, variableOf } from "../../../src/service/config/keys.js";
import { merged, printedSettings, settingsOf } from "../../../src/service/config/settings.js";
import {
  defaultsGiven,
  environmentGiven,
  flagsGiven,
  parseGiven,
} from "../../../src/service/config/sources.js";
import { sizeOf, sizeText } from "../../../src/service/config/units.js";

const fromFile = (text: string) => settingsOf(merged(defaultsGiven(), parseGiven("l.yaml", text)));

test("flags win over variables, these over the file, and the file over defaults", () => {
  const file = parseGiven("l.yaml", "retain: 1MiB\ncache: 1MiB\nsegment: 1MiB\n");
  const environment = environmentGiven({ LANEKEEPER_CACHE: "2MiB", LANEKEEPER_SEGMENT: "2MiB" });
  const flags = flagsGiven(new Map([["segment", "3MiB"]]));
  const given = merged(defaultsGiven(), file, environment, flags);
  const { retain, cache, segment, strict } = settingsOf(given);
  expect({ retain, cache, segment, strict }).toEqual({
    retain: 1 << 20,
    cache: 2 << 20,
    segment: 3 << 20,
    strict: false,
  });
  const printed = printedSettings(given);
  expect(printed).toMatch(/^retain: "1MiB" +# l\.yaml:1$/m);
  expect(printed).toMatch(/^cache: "2MiB" +# LANEKEEPER_CACHE$/m);
  expect(printed).toMatch(/^segment: "3MiB" +# --segment$/m);
  expect(printed).toMatch(/^log\.level: "info" +# default$/m);
  expect(printed).toMatch(/^listen: +# not set$/m);
});

test("nested keys, lists and comments", () => {
  const all = fromFile(
    "# ours\nlimits:\n  streams: 7\nadmin: { listen: 127.0.0.1:1, hosts: [a, b.c] }\njournal:\n  types: [1, 2]\n",
  );
  expect(all["limits.streams"]).toBe(7);
  expect(all["admin.hosts"]).toEqual(["a", "b.c"]);
  expect(all["journal.types"]).toEqual([1, 2]);
});

test.each([
  ["retain: 1MiB\nreatin: 2MiB\n", /^l\.yaml:2: there is no key reatin/],
  [
    "limits:\n  stream: 2\n",
    /^l\.yaml:2: there is no key limits\.stream; did you mean limits\.streams/,
  ],
  ["retain: 7\n", /^l\.yaml:1: retain must be a size/],
  ["retain: 10MB\n", /^l\.yaml:1: retain must be a size/],
  ["\nlimits:\n  streams: many\n", /^l\.yaml:3: limits\.streams must be a whole number/],
  ["strict: maybe\n", /^l\.yaml:1: strict/],
  ["retain: 1MiB\nretain: 2MiB\n", /^l\.yaml:2: .*unique/],
  ["limits: 7\n", /^l\.yaml:1: limits\. must be a map/],
  ["- a\n", /^l\.yaml:1: the file must be a map/],
  ["a: [\n", /^l\.yaml:/],
  [
    "keys:\n  files: [a.key]\n  command: print\n",
    /^l\.yaml:3: keys\.command: keys come from one place/,
  ],
  ["keys:\n  plain: true\n", /^l\.yaml:2: keys\.plain: without keys everything is plain/],
  ["keys:\n  environment: [a-b]\n", /^l\.yaml:2: keys\.environment must be names of variables/],
  ["listen: nowhere\n", /^l\.yaml:1: listen must be HOST:PORT/],
  ["listen: 10.0.0.1:1\n", /^l\.yaml:1: listen: TCP needs TLS/],
  ["listen: 10.0.0.1:1\ninsecure: true\n", /^l\.yaml:2: insecure: insecure is for a loopback/],
  ["listen: 127.0.0.1:1\n", /TCP needs TLS/],
  ["listen: 127.0.0.1:1\ntls: { certificate: a }\n", /belong together/],
  ["listen: 10.0.0.1:1\ntls: { certificate: a, key: b }\n", /give access/],
  ["admin: { listen: 0.0.0.0:9464 }\n", /need tokens/],
])("a wrong file is refused: %j", (text, message) => {
  expect(() => fromFile(text)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) as string }),
  );
});

test("every key has a variable and a flag of its own", () => {
  expect(new Set(keyNames.map(variableOf)).size).toBe(keyNames.length);
  expect(variableOf("limits.inFlight")).toBe("LANEKEEPER_LIMITS_IN_FLIGHT");
  expect(flagOf("tls.clientCa")).toBe("--tls-client-ca");
});

test("sizes go there and back, and nothing else is one", () => {
  for (const text of ["1B", "40KiB", "16MiB", "3GiB"])
    expect(sizeText(sizeOf(text) ?? -1)).toBe(text);
  expect(sizeOf("0")).toBe(0);
  for (const text of ["", "16", "16MB", "-1KiB", "1.5MiB", "1 MiB"])
    expect(sizeOf(text)).toBeUndefined();
});
