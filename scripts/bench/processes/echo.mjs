/**
 * A bare echo over grpc-js, with a server in a process of its own: what the library takes for messages of one size, to
 * be set beside the service.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

const echoed = fileURLToPath(new URL("./echoed.mjs", import.meta.url));
const asIs = (bytes) => bytes;
const path = "/bench.Echo/Echo";

/** The echo's only method. */
export const echoService = {
  echo: {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

export class Echo {
  #server;
  #client;
  #call;
  #answers = 0;
  #heard = () => undefined;

  /** Over a socket at `socket`. */
  static async begin(socket) {
    const echo = new Echo();
    echo.#server = fork(echoed, [socket]);
    await once(echo.#server, "message");
    const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };
    echo.#client = new Client(`unix:${socket}`, credentials.createInsecure(), options);
    echo.#call = echo.#client.makeBidiStreamRequest(path, asIs, asIs, new Metadata());
    echo.#call.on("error", () => undefined);
    echo.#call.on("data", () => {
      echo.#answers += 1;
      echo.#heard();
    });
    return echo;
  }

  /** Milliseconds from the first message until `count` of them are answered, `inFlight` at once at most. */
  async run(message, count, inFlight) {
    const began = performance.now();
    const end = this.#answers + count;
    let sent = 0;
    await new Promise((resolve) => {
      this.#heard = () => {
        while (sent < count && sent - (count - end + this.#answers) < inFlight) {
          this.#call.write(message);
          sent += 1;
        }
        if (this.#answers === end) resolve();
      };
      this.#heard();
    });
    return performance.now() - began;
  }

  async close() {
    this.#call.cancel();
    this.#client.close();
    const exit = once(this.#server, "exit");
    this.#server.disconnect();
    await exit;
  }
}
