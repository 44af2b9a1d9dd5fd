/** The program of the worker that verifies for `check-worker.ts`: packed checks in, verdict out. */
import { parentPort } from "node:worker_threads";
import { assert } from "../../types/assert.js";
import { fastestArithmetic } from "./group-arithmetic.js";
import { firstBadOf } from "./packed-checks.js";

assert(parentPort !== null, "this program runs in a worker");
const port = parentPort;
port.on("message", (packed: Uint8Array) => port.postMessage(firstBadOf(packed)));
// The first message says that all is loaded.
await fastestArithmetic();
port.postMessage("ready");
