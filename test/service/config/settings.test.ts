/** Settings: sources in rising order, and a refusal that names file, line and key. */
import { expect, test } from "vitest";
import { flagOf, keyNames, variableOf } from "../../../src/service/config/keys.js";
import { merged, printedSettings, settingsOf } from "../../../src/service/config/settings.js";
import {
  defaultsGiven,
  environmentGiven,
  flagsGiven,
  parseGiven,
  strayVariables,
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
  ["strict: maybe\n", /^l\.yaml:1: strict must be true or false/],
  ["retain: 1MiB\nretain: 2MiB\n", /^l\.yaml:2: retain stands there twice/],
  ["limits:\n  streams: 2\n  streams: 2\n", /^l\.yaml:3: limits\.streams stands there twice/],
  ["limits:\n  streams: 2\ntls:\nlimits:\n", /^l\.yaml:4: limits stands there twice/],
  ["limits: 7\n", /^l\.yaml:1: limits must be a map/],
  ["limits:\n  7: 7\n", /^l\.yaml:2: there is no key limits\.7/],
  ["retain: *none\n", /^l\.yaml:1: /],
  ["- a\n", /^l\.yaml:1: the file must be a map/],
  ["a: [\n", /^l\.yaml:2: Flow sequence .* end with a \]$/],
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
  ["tls: { key: a }\n", /^l\.yaml:1: tls\.key: a certificate and its key belong together/],
  [
    "reserve: { validator: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 }\n",
    /^l\.yaml:1: reserve\.validator: /,
  ],
  ["\ntls: { certificate: a, key: b }\n", /^l\.yaml:2: tls\.certificate: .*give access/],
  ["admin: { listen: 0.0.0.0:9464 }\n", /need tokens/],
])("a wrong file is refused: %j", (text, message) => {
  expect(() => fromFile(text)).toThrow(
    expect.objectContaining({ code: "USAGE", message: expect.stringMatching(message) as string }),
  );
});

test.each(keyNames)(
  "a value of a wrong type is refused in words, by file, line and key: %s",
  (name) => {
    const path = name.split(".");
    const before = path.slice(0, -1).map((part, depth) => `${"  ".repeat(depth)}${part}:`);
    for (const wrong of ["{ a: 1 }", "[{}]", "1.5", "true", "''", "~", "nonsense ?"]) {
      const last = `${"  ".repeat(path.length - 1)}${path.at(-1)}: ${wrong}`;
      const given = parseGiven("l.yaml", `${[...before, last].join("\n")}\n`);
      try {
        settingsOf(merged(defaultsGiven(), given));
      } catch (cause) {
        const { message } = cause as Error;
        expect(message).toMatch(`l.yaml:${path.length}: ${name}`);
        // The words are ours: each says how a right value looks.
        expect(message).toMatch(/ must | belong together|TCP needs|over TLS|everything is plain/);
        expect(message).not.toMatch(/[Ii]nvalid|Expected|received|Required/);
      }
    }
  },
);

test("a variable of ours that is no setting is told of, and those that Kubernetes sets for a service are not", () => {
  const environment = {
    LANEKEEPER_RETAIN: "1MiB",
    LANEKEEPER_RETAN: "1MiB",
    LANEKEEPER_SERVICE_HOST: "10.0.0.1",
    LANEKEEPER_SERVICE_PORT_GRPC: "9463",
    LANEKEEPER_PORT: "tcp://10.0.0.1:9463",
    LANEKEEPER_PORT_9463_TCP_ADDR: "10.0.0.1",
    OTHER: "x",
  };
  expect(strayVariables(environment)).toEqual(["LANEKEEPER_RETAN"]);
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
