import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CredentialKeeper } from "../../../src/archive/s3/credentials.js";

const folder = mkdtempSync(join(tmpdir(), "lanekeeper-credentials-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "credentials");
writeFileSync(
  file,
  `[default]
aws_access_key_id = A1
aws_secret_access_key = s1 / with = signs

[profile other]
AWS_ACCESS_KEY_ID=A2
aws_secret_access_key=s2
aws_session_token=t2

[half]
aws_access_key_id = A3
`,
);
const own = { accessKeyId: "A1", secretAccessKey: "s1 / with = signs" };

test("the environment has credentials, or names the file and the profile", async () => {
  const variables = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s" };
  expect(await new CredentialKeeper(undefined, variables).current()).toEqual({
    accessKeyId: "A",
    secretAccessKey: "s",
  });
  const named = { AWS_SHARED_CREDENTIALS_FILE: file };
  expect(await new CredentialKeeper(undefined, named).current()).toEqual(own);
  const other = { ...named, AWS_PROFILE: "other" };
  expect(await new CredentialKeeper(undefined, other).current()).toEqual({
    accessKeyId: "A2",
    secretAccessKey: "s2",
    sessionToken: "t2",
  });
});

test("a file that is asked for by name has the default profile", async () => {
  expect(await new CredentialKeeper({ file }, {}).current()).toEqual(own);
});

test.for([
  ["no file", { file: join(folder, "none") }],
  ["no profile", { file, profile: "nobody" }],
  ["no secret", { file, profile: "half" }],
  ["no variable", "environment"],
] as const)("a source with %s is refused", async ([, source]) => {
  const keeper = new CredentialKeeper(source, {});
  await expect(keeper.current()).rejects.toMatchObject({ code: "BUCKET_REFUSED" });
});

test("a function is asked once, again shortly before its credentials end, and when told", async () => {
  let asked = 0;
  let lastsMs = 3_600_000;
  const keeper = new CredentialKeeper(() => {
    asked += 1;
    return { ...own, expiresAt: new Date(Date.now() + lastsMs) };
  }, {});
  lastsMs = 30_000;
  await keeper.current();
  expect(asked).toBe(1);
  lastsMs = 3_600_000;
  await keeper.current();
  await keeper.current();
  expect(asked).toBe(2);
  keeper.forget();
  await keeper.current();
  expect(asked).toBe(3);
});

test("a function that throws is told as the caller's", async () => {
  const keeper = new CredentialKeeper(() => {
    throw new Error("no service");
  }, {});
  await expect(keeper.current()).rejects.toMatchObject({ code: "CALLBACK_FAILED" });
});
