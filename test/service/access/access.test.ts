/** The right to call: tokens and certificates by a file, roles, and a flood of wrong tokens. */
import { chmod, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { Door } from "../../../src/service/access/access.js";
import { parseAccessList, readAccessList } from "../../../src/service/access/access-file.js";
import { forReaders, forWriters } from "../../../src/service/access/caller.js";
import { serviceLog } from "../../../src/service/config/log.js";
import { TestChain } from "../../model/chain.js";
import { refusal } from "../../node/kit.js";
import { ForeignClient } from "../foreign-client.js";
import { callRefusal, running, temporaryFolder } from "../running.js";

const writerSecret = "w".repeat(40);
const readerSecret = "r".repeat(40);
const text = [
  "# those who may call",
  `token validator-3 writer ${writerSecret}`,
  `token explorer    reader,metrics ${readerSecret}`,
  "",
  "certificate ops-1 operator",
].join("\n");

function door(isOpen = false, clock = { ms: 0 }): Door {
  const list = parseAccessList("access", text);
  return new Door(
    () => list,
    isOpen,
    () => clock.ms,
  );
}

const bearing = (secret: string) => ({ authorization: `Bearer ${secret}`, commonName: undefined });

test("a token and a certificate have the roles of their lines, and no other", () => {
  const caller = door().admit(bearing(writerSecret), forWriters);
  expect(caller.name).toBe("validator-3");
  const ops = { authorization: undefined, commonName: "ops-1" };
  expect(door().admit(ops, forReaders).name).toBe("ops-1");
  expect(() => door().admit(bearing(readerSecret), forWriters)).toThrow(
    expect.objectContaining({ code: "NOT_ALLOWED" }),
  );
});

test("nothing, a wrong token and an unknown certificate are no callers, unless the listener is open", () => {
  const none = { authorization: undefined, commonName: undefined };
  const unknown = { authorization: undefined, commonName: "somebody" };
  for (const papers of [none, unknown, bearing("x".repeat(40))]) {
    expect(() => door().admit(papers, forReaders)).toThrow(
      expect.objectContaining({ code: "UNAUTHENTICATED" }),
    );
  }
  expect(door(true).admit(none, forWriters).name).toBe("local");
  // A caller with a wrong token is wrong, and not a local one.
  expect(() => door(true).admit(bearing("x".repeat(40)), forReaders)).toThrow(/none that this/);
});

test("a flood of wrong tokens is refused without a word, right ones pass, and the next minute is a new one", () => {
  const clock = { ms: 0 };
  const watched = door(false, clock);
  const codes = Array.from({ length: 12 }, () => {
    try {
      watched.admit(bearing("x".repeat(40)), forReaders);
      return "admitted";
    } catch (cause) {
      return (cause as { code: string }).code;
    }
  });
  expect(new Set(codes.slice(0, 10))).toEqual(new Set(["UNAUTHENTICATED"]));
  expect(new Set(codes.slice(10))).toEqual(new Set(["OVERLOADED"]));
  expect(watched.admit(bearing(writerSecret), forWriters).name).toBe("validator-3");
  clock.ms += 60_000;
  expect(() => watched.admit(bearing("y".repeat(40)), forReaders)).toThrow(
    expect.objectContaining({ code: "UNAUTHENTICATED" }),
  );
});

test("a flood of calls without a token is refused without a word, too", () => {
  const watched = door();
  const none = { authorization: undefined, commonName: undefined };
  const codes = Array.from({ length: 12 }, () => {
    try {
      watched.admit(none, forReaders);
      return "admitted";
    } catch (cause) {
      return (cause as { code: string }).code;
    }
  });
  expect(codes).toEqual([...Array<string>(10).fill("UNAUTHENTICATED"), "OVERLOADED", "OVERLOADED"]);
});

test.each([
  ["token a writer short", "line 1: a secret has 32"],
  ["token a king wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", "line 1: roles are"],
  ["\ntoken a/b writer wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", "line 2: a name"],
  ["certificate a writer secret", "line 1 is neither"],
  ["token a writer b c", "line 1 has too many"],
])("a wrong line is refused by its number, without its secret: %j", (line, message) => {
  expect(() => parseAccessList("access", line)).toThrow(message);
  expect(() => parseAccessList("access", line)).not.toThrow(/wwww|short/);
});

test("a file that others can read is refused", async () => {
  const file = join(await temporaryFolder(), "access");
  await writeFile(file, text, { mode: 0o600 });
  expect((await readAccessList(file)).byToken(writerSecret)?.name).toBe("validator-3");
  await chmod(file, 0o640);
  await refusal(readAccessList(file), "USAGE");
  // As systemd hands it over, to one user by a list of rights.
  await chmod(file, 0o440);
  expect((await readAccessList(file, dirname(file))).byToken(writerSecret)?.name).toBe(
    "validator-3",
  );
  await chmod(file, 0o444);
  await refusal(readAccessList(file, dirname(file)), "USAGE");
  await refusal(readAccessList(`${file}-gone`), "USAGE");
});

test("over TCP a call outside of its role is PERMISSION_DENIED, logged and counted, with no secret told", async () => {
  const lines: string[] = [];
  const log = serviceLog("warn", { write: (line) => void lines.push(line) });
  const list = parseAccessList("access", text);
  const address = { host: "127.0.0.1", port: 0 };
  const socketless = { kind: "tcp", address, certificates: undefined, isOpen: false } as const;
  const { service } = await running(new TestChain(1), {
    listeners: [socketless],
    access: () => list,
    log,
  });
  const [target = ""] = service.targets;
  const client = await ForeignClient.connect(target);
  const acquire = (token?: string) => {
    return client.call(
      "KeeperService/AcquireWriter",
      { writer: "x" },
      token === undefined ? {} : { token },
    );
  };
  expect(await callRefusal(acquire(readerSecret))).toMatchObject({
    status: status.PERMISSION_DENIED,
  });
  expect(await callRefusal(acquire())).toMatchObject({ status: status.UNAUTHENTICATED });
  expect(await acquire(writerSecret)).toMatchObject({ fence: "1" });
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
    "callerRefused",
    "callerRefused",
  ]);
  // The log says who it was, where that is known.
  expect(lines[0]).toContain("explorer");
  // A runbook sends the operator to the address.
  for (const line of lines) expect(line).toMatch(/"from":"127\.0\.0\.1 \d+"/);
  expect(service.meters.refusals.total).toBe(2);
  for (let at = 0; at < 20; at++) await callRefusal(acquire("x".repeat(40)));
  // Of a flood the first ones have their line, and all of them count as logins.
  expect(lines).toHaveLength(11);
  const kinds = service.meters.refusals.recent.map(({ code, kind }) => `${code} ${kind}`);
  expect(new Set(kinds)).toEqual(new Set(["OVERLOADED login", "UNAUTHENTICATED login"]));
  expect(lines.join("")).not.toContain(readerSecret);
  client.close();
});
