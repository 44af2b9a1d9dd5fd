import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { hasty } from "../bucket/homes.js";
import { credentials, S3Server } from "./server.js";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) {
  console.log("did not run: there is no openssl here (Debian: apt-get install openssl)");
}

test.runIf(hasOpenssl)(
  "a certificate of an authority of one's own is trusted by `ca` alone",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "lanekeeper-tls-"));
    const file = (name: string): string => join(folder, name);
    const subject = ["-subj", "/CN=s3", "-addext", "subjectAltName=IP:127.0.0.1"];
    const form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const files = ["-keyout", file("key"), "-out", file("pem")];
    execFileSync("openssl", ["req", "-x509", ...form, ...subject, ...files], { stdio: "pipe" });
    const ca = readFileSync(file("pem"), "utf8");
    const server = await S3Server.start({ key: readFileSync(file("key"), "utf8"), cert: ca });
    const choices = { credentials: () => credentials, pacing: hasty };
    const trusting = await openBucket(server.address(), { ...choices, ca });
    const wary = await openBucket(server.address(), choices);
    expect(await trusting.putIfAbsent("x", Buffer.from("1"))).toMatchObject({ stored: true });
    await expect(wary.get("x")).rejects.toMatchObject({
      code: "BUCKET_REFUSED",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS") as string,
    });
    await trusting.close();
    await wary.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  },
);
