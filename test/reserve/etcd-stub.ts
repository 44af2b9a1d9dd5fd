/** A server that speaks the part of etcd's API that reservations need: its messages by protobufjs. */
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import protobuf from "protobufjs";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Header { int64 revision = 3; }
  message KeyValue { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; bytes value = 5; }
  message RangeRequest { bytes key = 1; }
  message RangeResponse { Header header = 1; repeated KeyValue kvs = 2; int64 count = 4; }
  message PutRequest { bytes key = 1; bytes value = 2; }
  message PutResponse { Header header = 1; }
  message Compare {
    int32 result = 1; int32 target = 2; bytes key = 3;
    oneof expected { int64 create_revision = 5; int64 mod_revision = 6; }
  }
  message RequestOp { oneof request { RangeRequest range = 1; PutRequest put = 2; } }
  message ResponseOp { oneof response { RangeResponse range = 1; PutResponse put = 2; } }
  message TxnRequest {
    repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3;
  }
  message TxnResponse { Header header = 1; bool succeeded = 2; repeated ResponseOp responses = 3; }
`);

interface Held {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: Uint8Array;
}

interface Op {
  readonly range?: { readonly key: Uint8Array };
  readonly put?: { readonly key: Uint8Array; readonly value: Uint8Array };
}

interface Txn {
  readonly compare: readonly {
    readonly target: number;
    readonly key: Uint8Array;
    readonly createRevision?: string;
    readonly modRevision?: string;
  }[];
  readonly success: readonly Op[];
  readonly failure: readonly Op[];
}

export class EtcdStub {
  readonly #server = new Server();
  readonly #held = new Map<string, Held>();
  #revision = 1;
  port = 0;

  static async start(): Promise<EtcdStub> {
    const stub = new EtcdStub();
    stub.#server.addService(
      { Range: method("Range"), Txn: method("Txn") },
      {
        Range: answering((asked) => stub.#range(asked as { readonly key: Uint8Array })),
        Txn: answering((asked) => stub.#txn(asked as Txn)),
      },
    );
    stub.port = await new Promise((resolve, reject) => {
      stub.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(port);
      });
    });
    return stub;
  }

  stop(): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }

  #range({ key }: { readonly key: Uint8Array }): object {
    const held = this.#held.get(nameOf(key));
    return { header: { revision: this.#revision }, kvs: held ? [{ key, ...held }] : [] };
  }

  #txn({ compare, success, failure }: Txn): object {
    const succeeded = compare.every(({ target, key, createRevision, modRevision }) => {
      const { createRevision: created = 0, modRevision: changed = 0 } =
        this.#held.get(nameOf(key)) ?? {};
      return target === 1 ? created === Number(createRevision) : changed === Number(modRevision);
    });
    const responses = (succeeded ? success : failure).map((op) => this.#do(op));
    return { header: { revision: this.#revision }, succeeded, responses };
  }

  #do({ range, put }: Op): object {
    if (range) return { range: this.#range(range) };
    if (!put) return {};
    this.#revision += 1;
    const { createRevision = this.#revision } = this.#held.get(nameOf(put.key)) ?? {};
    const value = Uint8Array.from(put.value);
    this.#held.set(nameOf(put.key), { createRevision, modRevision: this.#revision, value });
    return { put: { header: { revision: this.#revision } } };
  }
}

function method(name: string) {
  const [request, response] = [`${name}Request`, `${name}Response`].map((type) => {
    return root.lookupType(type);
  }) as [protobuf.Type, protobuf.Type];
  const serialize = (type: protobuf.Type) => (value: object) =>
    Buffer.from(type.encode(type.fromObject(value)).finish());
  const deserialize = (type: protobuf.Type) => (encoded: Buffer) =>
    type.toObject(type.decode(encoded), { longs: String });
  return {
    path: `/etcdserverpb.KV/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize(request),
    requestDeserialize: deserialize(request),
    responseSerialize: serialize(response),
    responseDeserialize: deserialize(response),
  };
}

function answering(answer: (asked: unknown) => object) {
  return (call: ServerUnaryCall<unknown, object>, done: sendUnaryData<object>): void => {
    done(null, answer(call.request));
  };
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString("utf8");
}
