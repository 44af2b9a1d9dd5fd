/**
 * Server reflection, v1 and v1alpha. Its index of our descriptors takes longer to make than all else of a server: it is
 * made at the first call, and many a service is never asked.
 */
import type {
  handleBidiStreamingCall,
  MethodDefinition,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { fileDescriptors } from "./descriptors.js";

const METHOD = "ServerReflectionInfo";
const paths = ["v1", "v1alpha"].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/${METHOD}`,
);

interface Made {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handle: handleBidiStreamingCall<unknown, unknown>;
}

/** Adds the reflection of `services`, given by their full names. */
export function addReflection(server: Server, services: readonly string[]): void {
  let all: ReadonlyMap<string, Made> | undefined;
  const made = (path: string): Made => {
    all ??= make(services);
    const found = all.get(path);
    if (!found) throw new Error(`${path} is a method of reflection`);
    return found;
  };
  for (const path of paths) {
    const definition: MethodDefinition<unknown, unknown> = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (value) => made(path).definition.requestSerialize(value),
      requestDeserialize: (bytes) => made(path).definition.requestDeserialize(bytes),
      responseSerialize: (value) => made(path).definition.responseSerialize(value),
      responseDeserialize: (bytes) => made(path).definition.responseDeserialize(bytes),
    };
    server.addService(
      { [METHOD]: definition },
      {
        [METHOD]: ((stream) => made(path).handle(stream)) satisfies Made["handle"],
      },
    );
  }
}

/** Made of our own descriptors: those of proto-loader lose their imports, and break maps. */
function make(services: readonly string[]): ReadonlyMap<string, Made> {
  const described = {
    all: { format: "", type: {}, fileDescriptorProtos: fileDescriptors() },
  } as unknown as ConstructorParameters<typeof ReflectionService>[0];
  const all = new Map<string, Made>();
  const addService = (service: ServiceDefinition, handlers: UntypedServiceImplementation): void => {
    const definition = service[METHOD];
    const handle = handlers[METHOD] as Made["handle"] | undefined;
    if (definition && handle) all.set(definition.path, { definition, handle });
  };
  new ReflectionService(described, { services: [...services] }).addToServer({
    addService,
  });
  return all;
}
