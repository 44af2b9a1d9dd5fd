/**
 * Each library gives the same signatures and the same verdicts. A package without `sodium-native` is fast
 * all the same, in a moment.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { verifyFast } from "../../../src/wire/signatures/ed25519.js";
import {
  compiledArithmetic,
  fastestArithmetic,
  installedArithmetic,
  slowArithmetic,
} from "../../../src/wire/signatures/group-arithmetic.js";
import { hex, toHex } from "../bytes.js";
import { first, second } from "../samples.js";
import * as kit from "./verifier-kit.js";

const compiled = await kit.compile();
afterAll(compiled.remove);

const installed = installedArithmetic();
if (!installed) throw new Error("sodium-native is a development dependency");
const fast = { "sodium-native": installed, "libsodium as WebAssembly": await compiledArithmetic() };
const every = { ...fast, "@noble/curves": slowArithmetic };

/** The order of the group, less 1. */
const HIGHEST = Buffer.from(`ecd3f55c1a631258d69cf7a2def9de14${"00".repeat(15)}10`, "hex");
const ONE = Buffer.from(`01${"00".repeat(31)}`, "hex");
const digest = new Uint8Array(32).fill(7);
const good = first.sign(digest);

describe.each(Object.entries(every))("%s", (_name, { timesBase }) => {
  it.each([
    ["1", ONE, "5866666666666666666666666666666666666666666666666666666666666666"],
    ["-1", HIGHEST, "58666666666666666666666666666666666666666666666666666666666666e6"],
  ])("%s times the base point is itself, or its mirror image", (_scalar, scalar, point) => {
    expect(toHex(timesBase(scalar))).toBe(point);
  });

  it("multiplies any scalar as the others do", () => {
    for (let each = 1; each < 20; each++) {
      const scalar = Buffer.alloc(32, each * 11);
      scalar[31] = each % 16;
      expect(toHex(timesBase(scalar))).toBe(toHex(installed.timesBase(scalar)));
    }
  });
});

describe.each(Object.entries(fast))("%s", (_name, arithmetic) => {
  it("says yes to a signature, and to no other digest, key or bytes", () => {
    expect(verifyFast(digest, good, arithmetic)).toBe(true);
    expect(verifyFast(new Uint8Array(32), good, arithmetic)).toBe(false);
    expect(verifyFast(digest, { ...good, key: second.publicKey }, arithmetic)).toBe(false);
    for (let bit = 0; bit < 64 * 8; bit += 5) {
      const bytes = good.bytes.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifyFast(digest, { ...good, bytes }, arithmetic)).toBe(false);
    }
  });

  it("refuses what the judge has to look at", () => {
    const smallOrder = { key: hex(toHex(ONE)), bytes: hex(toHex(ONE) + "00".repeat(32)) };
    expect(verifyFast(digest, smallOrder, arithmetic)).toBe(false);
  });
});

it("before a fast library is there, nothing gets a fast yes", () => {
  expect(verifyFast(digest, good, slowArithmetic)).toBe(false);
});

it("a library that is installed is there at once", async () => {
  await fastestArithmetic();
  expect(verifyFast(digest, good)).toBe(true);
});

describe("a package without sodium-native", () => {
  /** Hides the package `name` from a process. */
  const without = (name: string) =>
    fileURLToPath(
      kit.programOf(
        compiled.directory,
        `without-${name}.cjs`,
        `const modules = require("node:module");
         const resolve = modules._resolveFilename;
         modules._resolveFilename = (asked, ...rest) => {
           if (asked === "${name}") throw new Error("hidden");
           return resolve(asked, ...rest);
         };`,
      ),
    );
  const program = fileURLToPath(
    kit.programOf(
      compiled.directory,
      "signs.mjs",
      `import { keyPairFromSeed } from "./wire/signatures/signer.js";
       import { verify, verifyFast } from "./wire/signatures/ed25519.js";
       import { fastestArithmetic } from "./wire/signatures/group-arithmetic.js";
       const digest = new Uint8Array(32).fill(7);
       const keys = keyPairFromSeed(new Uint8Array(32).fill(1));
       const early = keys.sign(digest);
       const told = [verifyFast(digest, early), verify(digest, early)];
       await fastestArithmetic();
       const late = keys.sign(digest);
       told.push(verifyFast(digest, early), verifyFast(digest, late));
       console.log(JSON.stringify({ told, same: Buffer.compare(early.bytes, late.bytes) }));`,
    ),
  );
  const run = (...flags: readonly string[]): unknown =>
    JSON.parse(
      execFileSync(process.execPath, [...flags, program], { encoding: "utf8", timeout: 60_000 }),
    );

  it("signs and judges from its first call on, and is fast a moment later", () => {
    const told = [false, true, true, true];
    expect(run("--require", without("sodium-native"))).toEqual({ told, same: 0 });
  });

  it("goes on with the judge alone where there is no WebAssembly either", () => {
    const told = [false, true, false, false];
    const flags = ["--require", without("sodium-native"), "--jitless"];
    expect(run(...flags)).toEqual({ told, same: 0 });
  });
});
