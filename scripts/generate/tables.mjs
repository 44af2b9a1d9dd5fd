/** The tables of `src/rpc/api`, made of a FileDescriptorSet. */
import descriptor from "protobufjs/ext/descriptor.js";

const HEADER = "/** Written by scripts/generate from proto/lanekeeper/v1/FILE.proto. */";
const TYPE = { UINT64: 4, BOOL: 8, STRING: 9, MESSAGE: 11, BYTES: 12, UINT32: 13, ENUM: 14 };
const scalars = {
  [TYPE.UINT64]: "u64",
  [TYPE.BOOL]: "bool",
  [TYPE.STRING]: "text",
  [TYPE.BYTES]: "bytes",
  [TYPE.UINT32]: "u32",
  [TYPE.ENUM]: "u32",
};
const LABEL_REPEATED = 3;
const wellKnown = {
  ".google.protobuf.Timestamp": ["Timestamp", "../times.js"],
  ".google.protobuf.Duration": ["Duration", "../times.js"],
};

/** The encoded FileDescriptorProto of each file, those that several sets have once. */
export function descriptorsOf(...sets) {
  const files = sets.flatMap((set) => descriptor.FileDescriptorSet.decode(set).file);
  const byName = new Map(files.map((file) => [file.name, file]));
  return [...byName.values()].map((file) => {
    return Buffer.from(descriptor.FileDescriptorProto.encode(file).finish());
  });
}

/** The text of each module by its name. */
export function apiFiles(set) {
  const files = descriptor.FileDescriptorSet.decode(set).file.filter((file) => {
    return file.package === "lanekeeper.v1";
  });
  const homes = new Map();
  for (const file of files) {
    const module = moduleName(file);
    for (const { path } of declarationsOf(file)) homes.set(`.lanekeeper.v1.${path}`, module);
  }
  return new Map(files.map((file) => [`${moduleName(file)}.ts`, moduleText(file, homes)]));
}

function moduleName({ name }) {
  return name.replace(/^.*\//, "").replace(/\.proto$/, "");
}

/** Every message and enum of a file, those inside others first. */
function declarationsOf(file) {
  const found = [];
  const visit = (messages, enums, outer) => {
    for (const each of enums) found.push({ path: `${outer}${each.name}`, enumeration: each });
    for (const each of messages) {
      const path = `${outer}${each.name}`;
      visit(each.nestedType, each.enumType, `${path}.`);
      found.push({ path, type: each });
    }
  };
  visit(file.messageType, file.enumType, "");
  return found;
}

/** `PersistRequest.Item` is called `PersistRequestItem`. */
const nameOf = (path) => path.replaceAll(".", "");
const localName = (typeName) => {
  return wellKnown[typeName]?.[0] ?? nameOf(typeName.replace(".lanekeeper.v1.", ""));
};
const camel = (name) => name.replaceAll(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

function moduleText(file, homes) {
  const own = moduleName(file);
  const words = new Set();
  const imports = new Map();
  const use = (typeName) => {
    const name = localName(typeName);
    const home = wellKnown[typeName]?.[1] ?? `./${homes.get(typeName)}.js`;
    if (home !== `./${own}.js`) imports.set(home, (imports.get(home) ?? new Set()).add(name));
    return name;
  };
  const word = (name) => {
    words.add(name);
    return name;
  };
  const declarations = sorted(declarationsOf(file)).map(({ path, type, enumeration }) => {
    return enumeration ? enumText(path, enumeration) : messageText(path, type, { use, word });
  });
  const services = file.service.map((each) => serviceText(each, { use }));
  if (declarations.length > 0) word("message");
  const methodWords = new Set(
    services.flatMap((text) => text.match(/\b(unary|serverStream|bidi)\b/g)),
  );
  return [
    HEADER.replace("FILE", own),
    ...(words.size > 0 ? [importText(["type Decoded", ...words], "../message.js")] : []),
    ...(services.length > 0 ? [importText(["service", ...methodWords], "../method.js")] : []),
    ...[...imports].map(([home, names]) => importText([...names], home)),
    "",
    [...declarations, ...services].join("\n\n"),
    "",
  ].join("\n");
}

function importText(names, from) {
  return `import { ${names.toSorted().join(", ")} } from "${from}";`;
}

/** A message stands behind those that it uses. */
function sorted(declarations) {
  const done = [];
  const seen = new Set();
  const byName = new Map(declarations.map((each) => [`.lanekeeper.v1.${each.path}`, each]));
  const visit = (each) => {
    if (seen.has(each)) return;
    seen.add(each);
    for (const { typeName } of each.type?.field ?? []) {
      const used = byName.get(typeName);
      if (used) visit(used);
    }
    done.push(each);
  };
  for (const each of declarations) visit(each);
  return done;
}

function enumText(path, { name, value }) {
  const prefix = `${name.replaceAll(/(?<!^)([A-Z])/g, "_$1").toUpperCase()}_`;
  const lines = value.map((each) => `  ${each.name.replace(prefix, "")}: ${each.number},`);
  return [`export const ${nameOf(path)} = {`, ...lines, "} as const;"].join("\n");
}

function messageText(path, { field, oneofDecl }, { use, word }) {
  const name = nameOf(path);
  const lines = [];
  const seen = new Set();
  for (const each of field) {
    const isOneOf = Object.hasOwn(each, "oneofIndex") && !each.proto3Optional;
    if (!isOneOf) {
      lines.push(`  ${camel(each.name)}: ${fieldText(each, { use, word })},`);
      continue;
    }
    if (seen.has(each.oneofIndex)) continue;
    seen.add(each.oneofIndex);
    const cases = field.filter((other) => {
      return other.oneofIndex === each.oneofIndex && Object.hasOwn(other, "oneofIndex");
    });
    lines.push(`  ${camel(oneofDecl[each.oneofIndex].name)}: ${word("oneOf")}({`);
    for (const other of cases) {
      lines.push(`    ${camel(other.name)}: ${fieldText(other, { use, word })},`);
    }
    lines.push("  }),");
  }
  const table = lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n}`;
  return [
    `export const ${name} = message("${name}", ${table});`,
    `export type ${name} = Decoded<typeof ${name}>;`,
  ].join("\n");
}

function fieldText({ name, number, type, typeName, label, proto3Optional }, { use, word }) {
  const scalar = scalars[type];
  if (scalar === undefined && type !== TYPE.MESSAGE) throw new Error(`${name}: type ${type}`);
  const text =
    scalar === undefined
      ? `${word("inner")}(${number}, ${use(typeName)})`
      : `${word(scalar)}(${number})`;
  if (label === LABEL_REPEATED) return `${word("repeated")}(${text})`;
  return proto3Optional ? `${word("optional")}(${text})` : text;
}

function serviceText({ name, method }, { use }) {
  const lines = method.map(({ name: each, inputType, outputType, ...streams }) => {
    if (streams.clientStreaming && !streams.serverStreaming) throw new Error(`${each}: a shape`);
    const shape = streams.clientStreaming
      ? "bidi"
      : streams.serverStreaming
        ? "serverStream"
        : "unary";
    const key = `${each.charAt(0).toLowerCase()}${each.slice(1)}`;
    return `  ${key}: ${shape}(${use(inputType)}, ${use(outputType)}),`;
  });
  return [`export const ${name} = service("lanekeeper.v1.${name}", {`, ...lines, "});"].join("\n");
}
