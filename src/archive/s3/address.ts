/**
 * The address of a bucket in object storage, in one line that a command, a file of settings and a
 * program take alike:
 *
 * ```
 * s3://BUCKET/PREFIX?endpoint=https://host:9000&region=us-east-1&style=path&checksum=sha256
 * ```
 *
 * Secrets are never in it. `endpoint` and `region` may come from the environment, as every tool of S3
 * takes them.
 */
import { usageError } from "../../types/errors.js";
import { checkName } from "../bucket/bucket.js";

export interface S3Address {
  readonly bucket: string;
  /** "" or a prefix of every name, with "/" at its end. */
  readonly prefix: string;
  readonly endpoint: URL;
  readonly region: string;
  /** `path`: the bucket is the first part of the path; `host`: of the host's name. */
  readonly style: "path" | "host";
  /** Whether puts carry a checksum for the server to compare: some servers know none. */
  readonly checksum: "sha256" | "none";
}

export type Environment = Readonly<Record<string, string | undefined>>;

const BUCKET_FORM = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const known = ["endpoint", "region", "style", "checksum"];

/** @throws {PersisterError} USAGE naming the part that is wrong. */
export function s3Address(text: string, environment: Environment): S3Address {
  const url = urlOf(text, "a bucket's address");
  const bucket = url.hostname;
  if (!BUCKET_FORM.test(bucket)) throw usageError(`${text} names no bucket: s3://BUCKET/PREFIX`);
  if (url.username !== "" || url.password !== "") {
    throw usageError("a bucket's address holds no secret: credentials come from elsewhere");
  }
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw usageError(`${text}: no ${unknown}; it has ${known.join(", ")}`);
  const prefix = url.pathname.replace(/^\/|\/$/g, "");
  if (prefix !== "") checkName(prefix);
  const region =
    url.searchParams.get("region") ??
    environment["AWS_REGION"] ??
    environment["AWS_DEFAULT_REGION"] ??
    "us-east-1";
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint: endpointOf(url, region, environment),
    region,
    style: oneOf(url, "style", ["path", "host"]),
    checksum: oneOf(url, "checksum", ["sha256", "none"]),
  };
}

/** The URL of an object, or of the bucket for the name "". */
export function urlOfObject({ endpoint, style, bucket, prefix }: S3Address, name: string): URL {
  const url = new URL(endpoint);
  if (style === "host") url.hostname = `${bucket}.${endpoint.hostname}`;
  const base = endpoint.pathname.replace(/\/$/, "");
  const path = style === "path" ? `${base}/${bucket}` : base;
  url.pathname = name === "" ? `${path}/` : `${path}/${prefix}${name}`;
  return url;
}

function endpointOf(url: URL, region: string, environment: Environment): URL {
  const given =
    url.searchParams.get("endpoint") ??
    environment["AWS_ENDPOINT_URL_S3"] ??
    environment["AWS_ENDPOINT_URL"];
  const endpoint = urlOf(given ?? `https://s3.${region}.amazonaws.com`, "an endpoint");
  if (!["http:", "https:"].includes(endpoint.protocol)) {
    throw usageError(`the endpoint ${endpoint.href} is neither http:// nor https://`);
  }
  return endpoint;
}

function oneOf<Value extends string>(
  url: URL,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const given = url.searchParams.get(name);
  if (given === null) return values[0];
  const found = values.find((value) => value === given);
  if (found === undefined) throw usageError(`${name} is ${values.join(" or ")}, not ${given}`);
  return found;
}

function urlOf(text: string, noun: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw usageError(`${JSON.stringify(text)} is not ${noun}`, cause);
  }
}
