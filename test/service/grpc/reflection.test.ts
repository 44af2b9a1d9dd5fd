/** Reflection, v1 and v1alpha: it names our services and health, from the first call on. */
import { Client, credentials } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { TestChain } from "../../model/chain.js";
import { running } from "../running.js";

/** `list_services: ""` of a ServerReflectionRequest. */
const LIST = Buffer.from([0x3a, 0x00]);
const asIs = (bytes: Buffer): Buffer => bytes;
const chain = new TestChain();

test.each(["v1", "v1alpha"])("%s names every service, each time", async (version) => {
  const { socket } = await running(chain);
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  for (let call = 0; call < 2; call++) {
    const stream = client.makeBidiStreamRequest(path, asIs, asIs);
    const answer = new Promise<Buffer>((resolve, reject) => {
      stream.once("data", resolve).once("error", reject);
    });
    stream.write(LIST);
    const text = (await answer).toString("latin1");
    for (const name of ["lanekeeper.v1.KeeperService", "grpc.health.v1.Health"]) {
      expect(text).toContain(name);
    }
    stream.end();
  }
});
