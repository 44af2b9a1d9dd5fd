/**
 * The child of a run: opens the store, tells all that recovery returned, then persists what it is
 * sent and says what is durable. It may be killed at any moment; where its input ends, it closes.
 */
import { setMaxListeners } from "node:events";
import type { Readable, Writable } from "node:stream";
import { build, type Histogram } from "hdr-histogram-js";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { assert } from "../../types/assert.js";
import { errorCodes, PersisterError } from "../../types/errors.js";
import { decodePruneAnchor } from "../../wire/codec/decode.js";
import { encodePruneAnchor } from "../../wire/codec/encode.js";
import { epochOfKeys } from "./chain.js";
import { decodeCommand, encodeEvent } from "./codec.js";
import { readFrames, writeFrame } from "./frames.js";
import type { Command, DurableEvent, Event, OpenCommand } from "./messages.js";

const STATS_INTERVAL_MS = 200;

type Emit = (event: Event) => Promise<void>;

/**
 * Serves one parent over `input` and `output`; returns the exit code. After a failure the store is
 * left as it is: the failure is told first, and a close could wait for a disk that is gone.
 */
export async function runChild(input: Readable, output: Writable): Promise<number> {
  const emit: Emit = (event) => writeFrame(output, encodeEvent(event));
  try {
    await serve(readFrames(input), emit);
    return 0;
  } catch (error) {
    return await tellFailure(error, emit);
  } finally {
    input.destroy();
  }
}

async function serve(frames: AsyncGenerator<Uint8Array>, emit: Emit): Promise<void> {
  const first = await frames.next();
  if (first.done === true) return;
  const command = decodeCommand(first.value);
  assert(command.kind === "open", "the first command opens the store");
  await emit({ kind: "opening" });
  const keeper = await open(command);
  const persistMicros = build({ numberOfSignificantValueDigits: 3 });
  const stats = startStats(keeper, persistMicros, emit);
  try {
    await tellRecovery(keeper, emit);
    await persist(keeper, frames, { emit, persistMicros });
  } finally {
    await stats.stop();
  }
  await keeper.close();
  await emit({ kind: "closed" });
}

function open({ directory, chainId, keys }: OpenCommand): Promise<Lanekeeper> {
  const epoch = epochOfKeys(keys);
  const epochOf = (index: bigint) => (index === epoch.index ? epoch : undefined);
  return Lanekeeper.open(directory, { chainId, epochOf });
}

/** Tells what recovery returned, records as the store reads them: the anchor first. */
async function tellRecovery(keeper: Lanekeeper, emit: Emit): Promise<void> {
  const { anchor, lanes, road, pins, warnings, durationMs } = keeper.recovery;
  if (anchor !== undefined) {
    const index = anchor.commitQC.vote.view.index;
    await emit({ kind: "anchorFound", index, bytes: encodePruneAnchor(anchor) });
  }
  for (const [lane, { first, next }] of lanes) {
    await emit({ kind: "laneFound", lane, first, next });
    for (let number: bigint = first; number < next; number++) {
      const bytes = await keeper.readBlock(lane, number);
      await emit({ kind: "blockFound", lane, number, bytes });
    }
  }
  await emit({ kind: "roadFound", first: road.first, next: road.next });
  for (let index: bigint = road.first; index < road.next; index++) {
    const bytes = await keeper.readCommitQC(index);
    await emit({ kind: "commitQcFound", index, bytes });
  }
  for (const { lane, number, headerHash } of pins) {
    await emit({ kind: "pinFound", lane, number, headerHash });
  }
  await emit({ kind: "recovered", durationMs, warnings });
}

/** Persists until the input ends or a `close` comes; tells the first error of the store. */
async function persist(
  keeper: Lanekeeper,
  frames: AsyncGenerator<Uint8Array>,
  port: { readonly emit: Emit; readonly persistMicros: Histogram },
): Promise<void> {
  const waits = new Set<Promise<void>>();
  const stop = new AbortController();
  // One listener for each wait, and the parent bounds those.
  setMaxListeners(0, stop.signal);
  const tellWhen = (durable: Promise<void>, event: DurableEvent): void => {
    const startMs = performance.now();
    const wait: Promise<void> = durable
      .then(() => {
        if (event.kind === "blockDurable") port.persistMicros.recordValue(micros(startMs));
        return port.emit(event);
      })
      .catch((cause: unknown) => {
        if (stop.signal.aborted) return undefined;
        stop.abort();
        return tellFailure(cause, port.emit).then(() => undefined);
      })
      .finally(() => waits.delete(wait));
    waits.add(wait);
  };
  for await (const frame of frames) {
    // After a failure the parent ends this process; what it sent before that is let go.
    if (stop.signal.aborted) continue;
    const command = decodeCommand(frame);
    if (command.kind === "close") break;
    await push(keeper, command, { emit: port.emit, tellWhen, signal: stop.signal });
  }
  // What was not acknowledged by now need not be: the parent asked for no more.
  stop.abort();
  await Promise.all(waits);
}

/** Tells an error of the store; any other one ends the process. */
async function tellFailure(error: unknown, emit: Emit): Promise<number> {
  if (!(error instanceof PersisterError)) throw error;
  await emit({ kind: "failed", code: error.code, message: error.message });
  return errorCodes[error.code].exit;
}

interface PushPort {
  readonly emit: Emit;
  readonly tellWhen: (durable: Promise<void>, event: DurableEvent) => void;
  readonly signal: AbortSignal;
}

async function push(keeper: Lanekeeper, command: Command, port: PushPort): Promise<void> {
  const { emit, tellWhen, signal } = port;
  switch (command.kind) {
    case "block": {
      const { lane, number } = command;
      const pushed = await keeper.pushBlock(command.bytes);
      if (pushed.status === "dropped") {
        return emit({ kind: "dropped", lane, number, reason: pushed.reason });
      }
      const durable = keeper.waitForBlock(lane, number, { signal });
      return tellWhen(durable, { kind: "blockDurable", lane, number });
    }
    case "commitQc": {
      const { index } = command;
      await keeper.pushCommitQC(command.bytes);
      const durable = keeper.waitForCommitQC(index, { signal });
      return tellWhen(durable, { kind: "commitQcDurable", index });
    }
    case "anchor": {
      const { index } = command;
      await keeper.pushAnchor(decodePruneAnchor(command.bytes));
      const durable = keeper.waitForAnchor(index, { signal });
      return tellWhen(durable, { kind: "anchorDurable", index });
    }
    case "open":
    case "close":
      assert(false, "the store is open, and open until the loop ends");
  }
}

/** Tells the measurements now and then; `stop` tells the last ones. */
function startStats(keeper: Lanekeeper, persistMicros: Histogram, emit: Emit) {
  const tell = () => {
    const { disk } = keeper.status();
    return emit({
      kind: "stats",
      rssBytes: process.memoryUsage.rss(),
      rssBytesMax: process.resourceUsage().maxRSS * 1024,
      diskBytes: disk.bytes,
      persistP50Ms: persistMicros.getValueAtPercentile(50) / 1000,
      persistP99Ms: persistMicros.getValueAtPercentile(99) / 1000,
    });
  };
  let last = tell();
  const timer = setInterval(() => {
    last = last.then(tell);
  }, STATS_INTERVAL_MS);
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await last.then(tell);
  };
  return { stop };
}

function micros(startMs: number): number {
  return Math.max(1, Math.round((performance.now() - startMs) * 1000));
}
