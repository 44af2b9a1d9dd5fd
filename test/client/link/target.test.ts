import { expect, test } from "vitest";
import { targetOf } from "../../../src/client/link/target.js";
import { checkConnect } from "../../../src/client/options.js";
import { Backoff } from "../../../src/client/link/backoff.js";

const plain = checkConnect({});
const secure = checkConnect({ tls: { ca: "pem", serverName: "store.example" } });

test("a socket is named by its path, which becomes absolute", () => {
  expect(targetOf("unix:/run/store.sock", plain).address).toBe("unix:/run/store.sock");
  expect(targetOf("unix:store.sock", plain).address).toBe(`unix:${process.cwd()}/store.sock`);
});

test("a path that the kernel would cut is refused", () => {
  expect(() => targetOf(`unix:/${"a".repeat(107)}`, plain)).toThrow("1 to 107 bytes");
  expect(() => targetOf("unix:", plain)).toThrow("1 to 107 bytes");
});

test("without TLS only this machine is reached", () => {
  for (const address of ["localhost:7000", "127.0.0.1:7000", "[::1]:7000"]) {
    expect(targetOf(address, plain).address).toBe(address);
  }
  for (const address of ["store.example:7000", "10.0.0.1:7000", "127.0.0.1.example:7000"]) {
    expect(() => targetOf(address, plain)).toThrow("give the option tls");
    expect(targetOf(address, secure).options).toMatchObject({
      "grpc.ssl_target_name_override": "store.example",
    });
  }
});

test("what is no address is refused", () => {
  for (const address of ["", "store", "http://store:7000", "store:port", "unix"]) {
    expect(() => targetOf(address, secure)).toThrow("the address must be");
  }
});

test("wrong options are named", () => {
  expect(() => checkConnect({ writer: "ü" })).toThrow("option writer");
  expect(() => checkConnect({ reachMs: -1 })).toThrow("option reachMs");
  expect(() => checkConnect({ tls: { cert: "pem" } })).toThrow("cert and key belong together");
  expect(() => checkConnect({ takeover: true } as never)).toThrow("takeover");
});

test("the time between attempts doubles up to two seconds, is drawn, and begins anew", () => {
  const backoff = new Backoff(() => 0);
  const least = Array.from({ length: 9 }, () => backoff.next());
  expect(least).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  backoff.reset();
  expect(backoff.next()).toBe(10);
  expect(new Backoff(() => 0.5).next()).toBe(15);
});
