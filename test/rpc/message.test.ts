/** The tables of our gRPC API against protobufjs, which reads the proto files themselves. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import Long from "long";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import * as jobs from "../../src/rpc/api/jobs.js";
import * as journal from "../../src/rpc/api/journal.js";
import * as keeper from "../../src/rpc/api/keeper.js";
import * as operator from "../../src/rpc/api/operator.js";
import * as types from "../../src/rpc/api/types.js";
import type { Message } from "../../src/rpc/message.js";
import { Malformed } from "../../src/wire/codec/cursor.js";
import { property } from "../harness/property.js";

type Values = Readonly<Record<string, unknown>>;

const proto = fileURLToPath(new URL("../../proto", import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_, target) => (target.startsWith("google/") ? target : `${proto}/${target}`);
root.loadSync(readdirSync(`${proto}/lanekeeper/v1`).map((name) => `lanekeeper/v1/${name}`));
root.resolveAll();

const tables = { ...types, ...keeper, ...operator, ...journal, ...jobs };

/** Every message of the proto files, by the name of its table. */
const messages = new Map<string, protobuf.Type>();
function collect(namespace: protobuf.NamespaceBase, outer: string): void {
  for (const each of namespace.nestedArray) {
    if (each instanceof protobuf.Type) messages.set(`${outer}${each.name}`, each);
    if (each instanceof protobuf.Namespace) collect(each, `${outer}${each.name}`);
  }
}
const space = root.lookup("lanekeeper.v1") as protobuf.Namespace;
collect(space, "");

function tableOf(name: string): Message<Values> {
  const found: unknown = Object.entries(tables).find(([each]) => each === name)?.[1];
  expect(found, `the table of ${name}`).toBeDefined();
  return found as Message<Values>;
}

/** Values of one field, as our tables have them. */
function valueOf(field: protobuf.Field): fc.Arbitrary<unknown> {
  const { resolvedType, type } = field;
  if (resolvedType instanceof protobuf.Type) return arbitraryOf(resolvedType);
  if (resolvedType instanceof protobuf.Enum) return fc.integer({ min: 0, max: 5 });
  if (type === "uint64") return fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
  if (type === "uint32" || type === "int32") return fc.nat();
  if (type === "int64") return fc.bigInt({ min: 0n, max: 0x7fff_ffff_ffff_ffffn });
  if (type === "bool") return fc.boolean();
  return type === "string" ? fc.string({ unit: "binary", maxLength: 9 }) : bytesOf();
}

const bytesOf = (): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: 20 });
const isOptional = (field: protobuf.Field): boolean => field.partOf?.name.startsWith("_") === true;

function arbitraryOf(type: protobuf.Type): fc.Arbitrary<Values> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    if (field.partOf && !isOptional(field)) continue;
    const value = valueOf(field);
    const isMessage = field.resolvedType instanceof protobuf.Type;
    if (field.repeated) fields[field.name] = fc.array(value, { maxLength: 3 });
    else
      fields[field.name] =
        isOptional(field) || isMessage ? fc.option(value, { nil: undefined }) : value;
  }
  for (const { name, fieldsArray } of type.oneofsArray) {
    if (name.startsWith("_")) continue;
    const cases = fieldsArray.map((field) => {
      return fc.record({ case: fc.constant(field.name), value: valueOf(field) });
    });
    fields[name] = fc.option(fc.oneof(...cases), { nil: undefined });
  }
  return fc.record(fields);
}

/** A value as protobufjs takes it. */
function plainOf(type: protobuf.Type, value: Values): Values {
  const plain: Record<string, unknown> = {};
  const put = (field: protobuf.Field, given: unknown): void => {
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type)
      plain[field.name] = plainOf(resolvedType, given as Values);
    else
      plain[field.name] =
        typeof given === "bigint" ? Long.fromString(String(given), field.type === "uint64") : given;
  };
  for (const field of type.fieldsArray) {
    const given = value[field.name];
    if (given === undefined) continue;
    if (!field.repeated) {
      put(field, given);
      continue;
    }
    const all = (given as readonly unknown[]).map((each) => {
      put(field, each);
      return plain[field.name];
    });
    plain[field.name] = all;
  }
  for (const { name } of type.oneofsArray) {
    const chosen = value[name] as { readonly case: string; readonly value: unknown } | undefined;
    const field = chosen && type.fields[chosen.case];
    if (field) put(field, chosen.value);
  }
  return plain;
}

test("every message of the proto files has a table, and no table is of another", () => {
  const made = Object.entries(tables).filter(([, each]) => "decode" in each);
  expect(made.map(([name]) => name).sort()).toEqual([...messages.keys()].sort());
});

test("every method of the proto files is in its service, in the right shape", () => {
  const services = space.nestedArray.filter((each) => each instanceof protobuf.Service);
  expect(services.map(({ name }) => name).sort()).toEqual([
    "JobsService",
    "JournalService",
    "KeeperService",
    "OperatorService",
  ]);
  const { KeeperService } = keeper;
  const { OperatorService } = operator;
  const all = { ...jobs, ...journal, KeeperService, OperatorService };
  for (const { name, fullName, methods } of services) {
    const ours: unknown = Object.entries(all).find(([each]) => each === name)?.[1];
    const shapes = Object.entries(methods).map(([method, { requestStream, responseStream }]) => [
      method.charAt(0).toLowerCase() + method.slice(1),
      expect.objectContaining({
        shape: requestStream === true ? "bidi" : responseStream === true ? "serverStream" : "unary",
      }),
    ]);
    expect(ours).toEqual({ name: fullName.slice(1), methods: Object.fromEntries(shapes) });
  }
});

describe.each([...messages])("%s", (name, type) => {
  property([arbitraryOf(type)], { numRuns: 20 })(
    "goes there and back, through protobufjs too",
    (value) => {
      const table = tableOf(name);
      const encoded = table.encode(value);
      expect(table.decode(encoded)).toEqual(value);
      const theirs = type.encode(type.fromObject(plainOf(type, value))).finish();
      expect(table.decode(theirs)).toEqual(value);
      expect(type.encode(type.decode(encoded)).finish()).toEqual(theirs);
    },
  );
});

describe("bytes that are no message", () => {
  const { PushBlockRequest } = keeper;

  property([fc.uint8Array({ maxLength: 60 })], { numRuns: 500 })(
    "decode or are malformed, and nothing else",
    (bytes) => {
      for (const table of [PushBlockRequest, keeper.PersistRequest, types.StoreStatus]) {
        try {
          table.decode(bytes);
        } catch (cause) {
          expect(cause).toBeInstanceOf(Malformed);
        }
      }
    },
  );

  test("a length beyond the end, a text that is no UTF-8, a number cut off", () => {
    expect(() => PushBlockRequest.decode(Uint8Array.of(0x12, 5, 1))).toThrow("cut off");
    expect(() => keeper.AcquireWriterRequest.decode(Uint8Array.of(10, 1, 0xff))).toThrow("UTF-8");
    expect(() => types.LaneStatus.decode(Uint8Array.of(0x32, 1, 0x80))).toThrow("cut off");
  });

  test("of two cases of a oneof the later one counts, and unknown fields are skipped", () => {
    const bytes = Uint8Array.of(8, 7, 0x12, 1, 1, 0x1a, 1, 2, 0x7d, 0, 0, 0, 0);
    const item = { case: "commitQc", value: Uint8Array.of(2) };
    expect(keeper.PersistRequestItem.decode(bytes)).toEqual({ id: 7n, item });
  });
});
