/** The settings of a service, checked as a whole. */
import { PersisterError } from "../../types/errors.js";
import { type KeyName, keyNames, keys, type Settings } from "./keys.js";
import type { Given, GivenByKey } from "./sources.js";

/** Later sources win. */
export function merged(...sources: readonly GivenByKey[]): GivenByKey {
  return new Map(sources.flatMap((source) => [...source]));
}

/** @throws {PersisterError} USAGE naming the place and the key of the first value that is wrong. */
export function settingsOf(given: GivenByKey): Settings {
  const entries = keyNames.map((name) => [name, checked(name, given.get(name))] as const);
  const settings = Object.freeze(Object.fromEntries(entries)) as Settings;
  refuseContradictions(settings, given);
  return settings;
}

function checked(name: KeyName, given: Given | undefined): unknown {
  const key = keys[name];
  if (!given)
    return "fallback" in key ? key.form.parse(key.fallback === "" ? [] : key.fallback) : undefined;
  const result = key.form.safeParse(given.value);
  if (result.success) return result.data;
  const { description = "" } = key.form;
  throw new PersisterError("USAGE", `${given.origin}: ${name} must be ${description}`);
}

/** Tells whether this machine alone reaches an address. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function keySources(settings: Settings): number {
  const { "keys.files": files, "keys.environment": variables, "keys.command": command } = settings;
  return [files.length > 0, variables.length > 0, command !== undefined].filter(Boolean).length;
}

/** A rule about several settings: it says what is wrong, at the first of its keys that is given. */
interface Rule {
  readonly at: readonly [KeyName, ...KeyName[]];
  readonly isBroken: (settings: Settings) => boolean;
  readonly say: string;
}

const rules: readonly Rule[] = [
  {
    at: ["tls.certificate", "tls.key"],
    isBroken: (all) => (all["tls.certificate"] === undefined) !== (all["tls.key"] === undefined),
    say: "a certificate and its key belong together: give tls.certificate and tls.key",
  },
  {
    at: ["listen"],
    isBroken: (all) =>
      all.listen !== undefined && all["tls.certificate"] === undefined && !all.insecure,
    say: "TCP needs TLS: give tls.certificate and tls.key, or insecure: true for a loopback address",
  },
  {
    at: ["insecure"],
    isBroken: (all) => all.insecure && all.listen !== undefined && !isLoopback(all.listen.host),
    say: "insecure is for a loopback address alone: give tls.certificate and tls.key",
  },
  {
    at: ["tls.certificate"],
    isBroken: (all) => all["tls.certificate"] !== undefined && all.access === undefined,
    say: "over TLS nobody may call whom no file names: give access",
  },
  {
    at: ["keys.command"],
    isBroken: (all) => keySources(all) > 1,
    say: "keys come from one place: from keys.files, keys.environment or keys.command",
  },
  {
    at: ["keys.plain"],
    isBroken: (all) => all["keys.plain"] && keySources(all) === 0,
    say: "without keys everything is plain: leave it out, or give the keys that read",
  },
  {
    at: ["reserve.at", "reserve.validator"],
    isBroken: (all) =>
      (all["reserve.at"] === undefined) !== (all["reserve.validator"] === undefined),
    say: "reservations are of one validator: give reserve.at and reserve.validator",
  },
  {
    at: ["admin.listen"],
    isBroken: ({ "admin.listen": admin, access }) =>
      admin !== "off" && !isLoopback(admin.host) && access === undefined,
    say: "beyond this machine metrics and page need tokens: give access, or a loopback address",
  },
];

function refuseContradictions(settings: Settings, given: GivenByKey): void {
  const broken = rules.find((rule) => rule.isBroken(settings));
  if (!broken) return;
  const at = broken.at.find((name) => given.has(name)) ?? broken.at[0];
  const origin = given.get(at)?.origin ?? "settings";
  throw new PersisterError("USAGE", `${origin}: ${at}: ${broken.say}`);
}

/** Every setting with its origin, one a line, as YAML. No value of ours is a secret: secrets are in files. */
export function printedSettings(given: GivenByKey): string {
  const lines = keyNames.map((name) => {
    const found = given.get(name);
    const value = found === undefined ? "" : JSON.stringify(found.value);
    return `${name}: ${value}`.trimEnd().padEnd(48) + ` # ${found?.origin ?? "not set"}`;
  });
  return `${lines.join("\n")}\n`;
}

/** As `printedSettings`, by name. */
export function settingsJson(given: GivenByKey): object {
  return Object.fromEntries(
    keyNames.map((name) => {
      const { value, origin } = given.get(name) ?? {};
      return [name, { value: value ?? null, origin: origin ?? "not set" }];
    }),
  );
}
