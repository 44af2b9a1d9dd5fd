/**
 * The homes of a bucket: a folder, the suite's own server, and a real server where one is named by
 * LANEKEEPER_S3_ENDPOINT (with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and LANEKEEPER_S3_BUCKET).
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pacing } from "../../../src/archive/bucket/attempts.js";
import type { Bucket } from "../../../src/archive/bucket/bucket.js";
import { openBucket } from "../../../src/archive/open-bucket.js";
import { credentials, S3Server } from "../s3/server.js";

export interface BucketHome {
  readonly bucket: Bucket;
  /** The address by which another process would open it. */
  readonly address: string;
  readonly end: () => Promise<void>;
}

/** Chance and waits that cost no time. */
export const hasty: Pacing = { random: () => 0.5, wait: () => Promise.resolve() };

const folder = async (): Promise<BucketHome> => {
  const root = await mkdtemp(join(tmpdir(), "lanekeeper-bucket-"));
  const address = `file://${root}`;
  const bucket = await openBucket(address);
  return { bucket, address, end: () => rm(root, { recursive: true }) };
};

const server = async (): Promise<BucketHome> => {
  const there = await S3Server.start();
  const address = there.address("a/prefix");
  const bucket = await openBucket(address, { credentials: () => credentials });
  const end = async (): Promise<void> => {
    await bucket.close();
    await there.stop();
  };
  return { bucket, address, end };
};

const real = (endpoint: string) => async (): Promise<BucketHome> => {
  const name = process.env["LANEKEEPER_S3_BUCKET"] ?? "lanekeeper-tests";
  const prefix = randomBytes(8).toString("hex");
  const address = `s3://${name}/${prefix}?endpoint=${endpoint}`;
  const bucket = await openBucket(address);
  return { bucket, address, end: () => bucket.close() };
};

const endpoint = process.env["LANEKEEPER_S3_ENDPOINT"];

export const homes: readonly (readonly [string, () => Promise<BucketHome>])[] = [
  ["a folder", folder],
  ["the suite's own server", server],
  ...(endpoint === undefined ? [] : [[endpoint, real(endpoint)] as const]),
];
