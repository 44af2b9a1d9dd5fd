/**
 * A validator that is killed: waits for a word, then makes the store where there is none, and opens it,
 * writes, prunes and closes it, over and over, until it is ended. Says on standard output what it was
 * acknowledged, a line each, the moment that it was.
 */
import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { killChain, killChoices, voteBytes } from "./kill-traffic.js";

const STDOUT = 1;
/** Rounds of one opening, and how far an anchor stays behind. */
const ROUNDS = 7n;
const ANCHOR_LAG = 9n;
const VOTE_EVERY = 2n;

function say(words: string): void {
  writeSync(STDOUT, `${words}\n`);
}

async function live(directory: string): Promise<never> {
  if (!existsSync(join(directory, "STORE"))) {
    await Lanekeeper.init(directory, { chainId: killChoices.chainId, segmentBytes: 48 * 1024 });
    say("born");
  }
  for (;;) {
    const keeper = await Lanekeeper.open(directory, killChoices);
    say("open");
    const first = keeper.status().road.next;
    for (let round = first; round < first + ROUNDS; round++) await work(keeper, round);
    await keeper.close();
    say("closed");
  }
}

/** A block in every lane (the last lane's straggle), a QC, now and then a vote and an anchor. */
async function work(keeper: Lanekeeper, round: bigint): Promise<void> {
  const waits: Promise<void>[] = [];
  const told = async (wait: Promise<unknown>, words: string): Promise<void> => {
    await wait;
    say(words);
  };
  for (const [at, lane] of killChain.lanes.entries()) {
    const { next = 0n } = keeper.status().lanes.get(lane) ?? {};
    const pin = keeper.status().pins.find((each) => each.lane === lane && each.number === next);
    if (next > round || (at === 2 && round % 5n !== 0n && !pin)) continue;
    await keeper.pushBlock(killChain.block(lane, next).bytes);
    waits.push(told(keeper.waitForBlock(lane, next), `block ${at} ${next}`));
  }
  await keeper.pushCommitQC(killChain.qc(round).bytes);
  waits.push(told(keeper.waitForCommitQC(round), `qc ${round}`));
  if (round % VOTE_EVERY === 0n) {
    waits.push(told(keeper.writeVoteState(voteBytes(round), round), `vote ${round}`));
  }
  if (round % 6n === 5n && round > ANCHOR_LAG) {
    const index = round - ANCHOR_LAG;
    await keeper.pushAnchor(killChain.qc(index).anchor);
    waits.push(told(keeper.waitForAnchor(index), `anchor ${index}`));
  }
  await Promise.all(waits);
}

const [directory = ""] = process.argv.slice(2);
// So that all is made before the word comes, and the kill falls into the store's own work.
killChain.qc(0n);
say("ready");
process.stdin.once("data", () => {
  live(directory).catch((cause: unknown) => {
    say(`refused ${cause instanceof PersisterError ? cause.code : String(cause)}`);
    process.exit(1);
  });
});
