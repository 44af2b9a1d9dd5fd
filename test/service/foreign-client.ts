/**
 * A client that knows nothing of us: grpc-js, and the descriptors that the service itself tells by
 * reflection. A client in any language can do the same.
 */
import { createRequire } from "node:module";
import {
  type ClientDuplexStream,
  credentials,
  Client,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";

type Plain = Readonly<Record<string, unknown>>;
type Options = { readonly deadline?: number };

/** Options of a call. */
export interface CallOptions {
  readonly token?: string;
  readonly deadlineMs?: number;
}

const reflectionProto = createRequire(import.meta.url).resolve(
  "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
);

export class ForeignClient {
  readonly #client: Client;
  readonly #root: protobuf.Root;

  private constructor(client: Client, root: protobuf.Root) {
    this.#client = client;
    this.#root = root;
  }

  /** Connects, and asks for the descriptors of every service. */
  static async connect(
    target: string,
    channel = credentials.createInsecure(),
    options: ConstructorParameters<typeof Client>[2] = {},
  ): Promise<ForeignClient> {
    const services = await reflect(target, channel, options);
    return new ForeignClient(new Client(target, channel, options), services);
  }

  /** The value of a message of any type that reflection told of. */
  decoded(typeName: string, bytes: Buffer): Plain {
    return decoder(this.#root.lookupType(typeName))(bytes);
  }

  close(): void {
    this.#client.close();
  }

  /** A unary call of a method such as "KeeperService/PushBlock"; a service that is not ours by its full name. */
  async call(name: string, request: Plain = {}, options: CallOptions = {}): Promise<Plain> {
    const { path, request: input, response } = this.#method(name);
    return await new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Plain): void => {
        if (error) reject(error);
        else resolve(answer ?? {});
      };
      const { metadata, rest } = optionsOf(options);
      this.#client.makeUnaryRequest(
        path,
        encoder(input),
        decoder(response),
        request,
        metadata,
        rest,
        done,
      );
    });
  }

  /** A call of which the answers come as a stream. */
  async *stream(
    name: string,
    request: Plain = {},
    options: CallOptions = {},
  ): AsyncGenerator<Plain> {
    const { path, request: input, response } = this.#method(name);
    const { metadata, rest } = optionsOf(options);
    const call = this.#client.makeServerStreamRequest(
      path,
      encoder(input),
      decoder(response),
      request,
      metadata,
      rest,
    );
    try {
      for await (const answer of call) yield answer as Plain;
    } finally {
      call.cancel();
    }
  }

  /** A stream in both directions. */
  duplex(name: string, options: CallOptions = {}): ClientDuplexStream<Plain, Plain> {
    const { path, request, response } = this.#method(name);
    const { metadata, rest } = optionsOf(options);
    return this.#client.makeBidiStreamRequest(
      path,
      encoder(request),
      decoder(response),
      metadata,
      rest,
    );
  }

  #method(name: string): { path: string; request: protobuf.Type; response: protobuf.Type } {
    const [service = "", method = ""] = name.split("/");
    const full = service.includes(".") ? service : `lanekeeper.v1.${service}`;
    const found = this.#root.lookupService(full).methods[method];
    if (!found) throw new Error(`reflection told of no ${name}`);
    const { requestType, responseType } = found;
    const typeOf = (each: string): protobuf.Type => found.root.lookupType(each);
    return {
      path: `/${full}/${method}`,
      request: typeOf(requestType),
      response: typeOf(responseType),
    };
  }
}

function optionsOf({ token, deadlineMs }: CallOptions): { metadata: Metadata; rest: Options } {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return { metadata, rest: deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs } };
}

const encoder = (type: protobuf.Type) => (value: Plain) => {
  return Buffer.from(type.encode(type.fromObject(value)).finish());
};

/** 64-bit numbers as bigints. */
const decoder =
  (type: protobuf.Type) =>
  (bytes: Buffer): Plain => {
    const longs = { longs: String, enums: String, defaults: true, oneofs: true } as const;
    return type.toObject(type.decode(bytes), longs);
  };

/** The descriptors of every file that the services need, by the reflection protocol. */
async function reflect(
  target: string,
  channel: ReturnType<typeof credentials.createInsecure>,
  options: object,
): Promise<protobuf.Root> {
  const loaded = loadPackageDefinition(loadSync(reflectionProto)) as unknown as {
    grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } };
  };
  const client = new loaded.grpc.reflection.v1.ServerReflection(target, channel, options);
  const stream = (client["serverReflectionInfo"] as () => ClientDuplexStream<Plain, Plain>).call(
    client,
  );
  const answers = stream[Symbol.asyncIterator]();
  const ask = async (request: Plain): Promise<Plain> => {
    stream.write(request);
    return (await answers.next()).value as Plain;
  };
  const { listServicesResponse } = await ask({ listServices: "*" });
  const { service } = listServicesResponse as { service: readonly { name: string }[] };
  const files = new Map<string, protobuf.Message>();
  // A tool asks for the types inside of details when it meets them.
  for (const { name } of [...service, { name: "google.rpc.ErrorInfo" }]) {
    const { fileDescriptorResponse } = await ask({ fileContainingSymbol: name });
    const { fileDescriptorProto } = fileDescriptorResponse as { fileDescriptorProto: Buffer[] };
    for (const bytes of fileDescriptorProto) {
      const file = descriptor.FileDescriptorProto.decode(bytes);
      files.set(String(file.toJSON()["name"]), file);
    }
  }
  stream.end();
  client.close();
  const root = protobuf.Root.fromDescriptor({ file: [...files.values()] } as never);
  root.resolveAll();
  return root;
}
