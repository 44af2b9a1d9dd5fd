import { expect, test } from "vitest";
import { s3Address, urlOfObject } from "../../../src/archive/s3/address.js";

test("an address has a bucket, a prefix, an endpoint, a region, a style and a checksum", () => {
  expect(s3Address("s3://blocks", {})).toEqual({
    bucket: "blocks",
    prefix: "",
    endpoint: new URL("https://s3.us-east-1.amazonaws.com/"),
    region: "us-east-1",
    style: "path",
    checksum: "sha256",
  });
  const full =
    "s3://blocks/of/a-chain/?endpoint=http://host:9000/base&region=eu-x&style=host&checksum=none";
  expect(s3Address(full, { AWS_REGION: "other" })).toEqual({
    bucket: "blocks",
    prefix: "of/a-chain/",
    endpoint: new URL("http://host:9000/base"),
    region: "eu-x",
    style: "host",
    checksum: "none",
  });
});

test("the environment gives an endpoint and a region, as to every tool of S3", () => {
  const { endpoint, region } = s3Address("s3://blocks", {
    AWS_ENDPOINT_URL: "http://less",
    AWS_ENDPOINT_URL_S3: "http://more",
    AWS_DEFAULT_REGION: "eu-y",
  });
  expect([endpoint.href, region]).toEqual(["http://more/", "eu-y"]);
});

test("the bucket is in the path, or in the name of the host", () => {
  const path = s3Address("s3://blocks/p?endpoint=https://host:9000", {});
  expect(urlOfObject(path, "road/1").href).toBe("https://host:9000/blocks/p/road/1");
  expect(urlOfObject(path, "").href).toBe("https://host:9000/blocks/");
  const host = s3Address("s3://blocks/p?endpoint=https://host:9000&style=host", {});
  expect(urlOfObject(host, "road/1").href).toBe("https://blocks.host:9000/p/road/1");
  expect(urlOfObject(host, "").href).toBe("https://blocks.host:9000/");
});

test.for([
  "s3://",
  "s3://UPPER",
  "s3://key:secret@blocks",
  "s3://blocks/A",
  "s3://blocks?style=none",
  "s3://blocks?endpoint=host",
  "s3://blocks?endpoint=ftp://host",
  "s3://blocks?secret=1",
])("%s is refused", (text) => {
  expect(() => s3Address(text, {})).toThrow(expect.objectContaining({ code: "USAGE" }));
});
