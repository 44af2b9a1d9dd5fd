/**
 * The server of the bare echo in the bench `service`: `echoed.mjs SOCKET`. It answers each message of a stream with a
 * few bytes, and keeps nothing. So it shows the part of grpc-js itself: the same messages, the same windows.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { echoService } from "./echo.mjs";

/** As many as a verdict and a cursor take. */
const ANSWER = Buffer.alloc(64);
/** As those of the service (src/service/grpc/door/listeners.ts). */
const WINDOW_BYTES = 512 * 1024;

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(echoService, {
  echo: (call) => {
    call.sendMetadata(new Metadata());
    call.on("data", () => call.write(ANSWER));
    call.on("end", () => call.end());
  },
});
const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
for (const each of server.http2Servers.keys()) {
  each.on("session", (session) => {
    session.settings({ initialWindowSize: WINDOW_BYTES });
    session.setLocalWindowSize(WINDOW_BYTES);
  });
}
const listener = createServer((socket) => injector.injectConnection(socket));
listener.listen(process.argv[2], () => process.send("listening"));

await once(process, "disconnect");
process.exit();
