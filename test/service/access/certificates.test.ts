/** TLS: client certificates and tokens, and certificates that are read anew while streams go on. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { LanekeeperClient } from "../../../src/client/client.js";
import { parseAccessList } from "../../../src/service/access/access-file.js";
import { Certificates } from "../../../src/service/access/certificates.js";
import { TestChain } from "../../model/chain.js";
import { laneAt, refusal } from "../../node/kit.js";
import { ForeignClient } from "../foreign-client.js";
import { callRefusal, running, temporaryFolder } from "../running.js";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const overTls = test.runIf(hasOpenssl);
if (!hasOpenssl) {
  console.log("did not run: there is no openssl here (Debian: apt-get install openssl)");
}

/** A certificate that signs itself, and its key. */
function made(
  folder: string,
  name: string,
): { readonly certificate: string; readonly key: string } {
  const certificate = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...form, ...subject, "-keyout", key, "-out", certificate],
    { stdio: "pipe" },
  );
  return { certificate, key };
}

overTls(
  "a client certificate has its role, one of nobody is not let in, and a reload takes new ones",
  async () => {
    const folder = await temporaryFolder();
    const server = made(folder, "server");
    const ops = made(folder, "ops-1");
    const stranger = made(folder, "stranger");
    const clientCa = join(folder, "clients.pem");
    writeFileSync(clientCa, readFileSync(ops.certificate));
    const certificates = await Certificates.load({ ...server, clientCa });
    const list = parseAccessList("access", "certificate ops-1 reader");
    const address = { host: "127.0.0.1", port: 0 };
    const listener = { kind: "tcp", address, certificates, isOpen: false } as const;
    const channelOf = ({ certificate, key }: typeof server, ca = server.certificate) => {
      return credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(certificate));
    };
    const { service } = await running(
      new TestChain(1),
      { listeners: [listener], access: () => list },
      channelOf(ops),
    );
    const [target = ""] = service.targets;
    const client = await ForeignClient.connect(target, channelOf(ops));
    expect(await client.call("KeeperService/GetStatus")).toMatchObject({
      status: { state: "STATE_SERVING" },
    });
    const acquire = client.call("KeeperService/AcquireWriter", { writer: "x" });
    expect(await callRefusal(acquire)).toMatchObject({ status: status.PERMISSION_DENIED });
    await expect(ForeignClient.connect(target, channelOf(stranger))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
    const other = made(folder, "other");
    writeFileSync(server.certificate, readFileSync(other.certificate));
    await refusal(certificates.reload(), "USAGE");
    expect(await client.call("KeeperService/GetStatus")).toBeDefined();
    writeFileSync(server.key, readFileSync(other.key));
    await certificates.reload();
    expect(await client.call("KeeperService/GetStatus")).toBeDefined();
    const renewed = await ForeignClient.connect(target, channelOf(ops, other.certificate));
    expect(await renewed.call("KeeperService/GetStatus")).toBeDefined();
    expect(service.certificates()).toMatchObject([{ file: "server.pem" }]);
    renewed.close();
    client.close();
  },
);

overTls(
  "without an authority of clients nobody is asked for a certificate: a token is enough",
  async () => {
    const server = made(await temporaryFolder(), "server");
    const certificates = await Certificates.load({ ...server, clientCa: undefined });
    const secret = "s".repeat(40);
    const list = parseAccessList("access", `token validator-3 writer ${secret}`);
    const address = { host: "127.0.0.1", port: 0 };
    const listener = { kind: "tcp", address, certificates, isOpen: false } as const;
    const channel = credentials.createSsl(readFileSync(server.certificate));
    const { service } = await running(
      new TestChain(1),
      { listeners: [listener], access: () => list },
      channel,
    );
    const [target = ""] = service.targets;
    const client = await ForeignClient.connect(target, channel);
    expect(await callRefusal(client.call("KeeperService/GetStatus"))).toMatchObject({
      status: status.UNAUTHENTICATED,
    });
    expect(await client.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
    client.close();
    const ca = readFileSync(server.certificate);
    const keeper = await LanekeeperClient.connect(target, {
      writer: "validator-3",
      token: secret,
      tls: { ca, serverName: "localhost" },
    });
    const { bytes } = new TestChain(1).block(laneAt(new TestChain(1), 0), 0n);
    expect(await keeper.pushBlock(bytes)).toEqual({ status: "admitted" });
    await keeper.close();
    await refusal(LanekeeperClient.connect(target, { tls: { ca }, reachMs: 0 }), "UNAUTHENTICATED");
  },
);

overTls("nothing older than TLS 1.3 is spoken, after a reload either", async () => {
  const server = made(await temporaryFolder(), "server");
  const certificates = await Certificates.load({ ...server, clientCa: undefined });
  const list = parseAccessList("access", `token validator-3 writer ${"s".repeat(40)}`);
  const address = { host: "127.0.0.1", port: 0 };
  const listener = { kind: "tcp", address, certificates, isOpen: false } as const;
  const channel = credentials.createSsl(readFileSync(server.certificate));
  const { service } = await running(
    new TestChain(1),
    { listeners: [listener], access: () => list },
    channel,
  );
  const port = Number(service.targets[0]?.split(":")[1]);
  const ca = readFileSync(server.certificate);
  const spoken = async (maxVersion: "TLSv1.2" | "TLSv1.3"): Promise<string | null> =>
    await new Promise((resolve) => {
      const at = { host: "127.0.0.1", port, ca, servername: "localhost", maxVersion };
      const socket = connectTls({ ...at, ALPNProtocols: ["h2"] }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
      socket.once("error", () => resolve(null));
    });
  for (const _ of ["as begun", "reloaded"]) {
    expect(await spoken("TLSv1.2")).toBeNull();
    expect(await spoken("TLSv1.3")).toBe("TLSv1.3");
    await certificates.reload();
  }
});
