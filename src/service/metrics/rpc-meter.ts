/** The metrics of the gRPC server, under the names that existing dashboards know. */
import { ByLabels } from "./by-labels.js";
import { type Families, spreadOf } from "./families.js";

/** A method of the API; a call of none has the service and method "unknown", so that labels stay few. */
export interface RpcMethod {
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "client_stream" | "bidi_stream";
}

const labelsOf = ({ service, method, type }: RpcMethod): Record<string, string> => ({
  grpc_service: service,
  grpc_method: method,
  grpc_type: type,
});

const counts = (): ByLabels<{ count: number }> => new ByLabels(() => ({ count: 0 }));

export class RpcMeter {
  readonly #started = counts();
  readonly #handled = counts();
  readonly #received = counts();
  readonly #sent = counts();
  readonly #seconds = new ByLabels(() => spreadOf("grpc_server_handling_seconds"));

  started(method: RpcMethod): void {
    this.#started.of(labelsOf(method)).count += 1;
  }

  /** A call ended with this status, for example "OK". */
  handled(method: RpcMethod, code: string, ms: number): void {
    const labels = labelsOf(method);
    this.#seconds.of(labels).note(ms / 1000);
    this.#handled.of({ ...labels, grpc_code: code }).count += 1;
  }

  received(method: RpcMethod): void {
    this.#received.of(labelsOf(method)).count += 1;
  }

  sent(method: RpcMethod): void {
    this.#sent.of(labelsOf(method)).count += 1;
  }

  /** Calls that began, that ended well, and that ended otherwise. */
  get totals(): { readonly started: number; readonly ok: number; readonly failed: number } {
    let [started, ok, failed] = [0, 0, 0];
    for (const { value } of this.#started) started += value.count;
    for (const { labels, value } of this.#handled) {
      if (labels["grpc_code"] === "OK") ok += value.count;
      else failed += value.count;
    }
    return { started, ok, failed };
  }

  fill(families: Families): void {
    const counters = [
      ["grpc_server_started_total", this.#started],
      ["grpc_server_handled_total", this.#handled],
      ["grpc_server_msg_received_total", this.#received],
      ["grpc_server_msg_sent_total", this.#sent],
    ] as const;
    for (const [name, all] of counters) {
      for (const { labels, value } of all) families.put(name, value.count, labels);
    }
    for (const { labels, value } of this.#seconds) {
      families.putSpread("grpc_server_handling_seconds", value, labels);
    }
  }
}
