import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Chain, epochOfKeys } from "../../../src/cli/run/chain.js";
import { Comparison } from "../../../src/cli/run/comparison.js";
import { CAPACITY_BLOCKS, Feed, type FeedCommand } from "../../../src/cli/run/feed.js";
import { Ledger } from "../../../src/cli/run/ledger.js";
import {
  decodeCommitQC,
  decodePruneAnchor,
  decodeSignedBlock,
} from "../../../src/wire/codec/decode.js";
import { TXS_BYTES_MAX } from "../../../src/wire/messages.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyCommitQC,
  verifySignedBlock,
} from "../../../src/wire/rules/verify.js";

/** All that a chain makes of `blocks` blocks a lane, in one digest. */
function digestOf(options: { seed: number; lanes: number; payloadBytes: number }): string {
  const chain = new Chain(options);
  const hash = createHash("sha256");
  for (let count = 0; count < 12; count++) {
    for (const lane of chain.lanes) hash.update(chain.nextBlock(lane));
  }
  let road = 0n;
  for (; chain.hasNextCommitQC; road++) hash.update(chain.nextCommitQC());
  hash.update(chain.anchorAt(road - 1n).bytes);
  return hash.digest("hex");
}

/** The store that a feed is made for: takes everything, acknowledges on demand. */
function feedWorld(windowBlocks: number) {
  const chain = new Chain({ seed: 3, lanes: 3, payloadBytes: 100 });
  const ledger = new Ledger(chain.lanes);
  const recovered = new Comparison(ledger);
  recovered.finish();
  return { chain, ledger, feed: new Feed(chain, ledger, recovered, windowBlocks) };
}

/** The blocks that a feed sends while nothing is acknowledged, as hex. */
function blocksOf(feed: Feed): string[] {
  const sent: string[] = [];
  for (let command = feed.next(); command !== undefined; command = feed.next()) {
    if (command.kind === "block") sent.push(Buffer.from(command.bytes).toString("hex"));
  }
  return sent;
}

function acknowledge(ledger: Ledger, command: FeedCommand): void {
  if (command.kind === "block") ledger.lane(command.lane).acknowledgeTo(command.number + 1n);
  else if (command.kind === "commitQc") ledger.road.acknowledgeTo(command.index + 1n);
  else ledger.acknowledgeAnchor(command.index);
}

describe("a chain", () => {
  test("follows from its seed", () => {
    const options = { seed: 1, lanes: 3, payloadBytes: 2500 };
    expect(digestOf(options)).toBe(digestOf(options));
    expect(digestOf({ ...options, seed: 2 })).not.toBe(digestOf(options));
  });

  test("is valid: blocks, commit QCs and anchors verify", async () => {
    const chain = new Chain({ seed: 5, lanes: 4, payloadBytes: 5000 });
    const epoch = epochOfKeys(chain.keys);
    for (const lane of chain.lanes) {
      for (let number = 0n; number < 12n; number++) {
        const { msg, sig } = decodeSignedBlock(chain.nextBlock(lane));
        expect([msg.header.lane, msg.header.blockNumber]).toEqual([lane, number]);
        verifySignedBlock({ msg, sig }, epoch.committee);
      }
    }
    while (chain.hasNextCommitQC) await verifyCommitQC(decodeCommitQC(chain.nextCommitQC()), epoch);
    const { appQC, commitQC } = decodePruneAnchor(chain.anchorAt(1n).bytes);
    await verifyAppQC(appQC, epoch.committee);
    verifyAppAgainstCommit(appQC.vote, commitQC);
  });

  test("makes a legal block of the largest payload", () => {
    const chain = new Chain({ seed: 1, lanes: 1, payloadBytes: TXS_BYTES_MAX });
    const { msg } = decodeSignedBlock(chain.nextBlock(chain.lanes[0]!));
    expect(msg.payload.txs).toHaveLength(2000);
  });
});

describe("a feed", () => {
  test("stops at its windows while nothing is acknowledged", () => {
    const { feed, chain } = feedWorld(8);
    const sent: FeedCommand[] = [];
    for (let command = feed.next(); command !== undefined; command = feed.next())
      sent.push(command);
    expect(sent.filter(({ kind }) => kind === "block")).toHaveLength(8 * chain.lanes.length);
    expect(sent.filter(({ kind }) => kind === "anchor")).toHaveLength(0);
  });

  test("never goes above capacity where anchors are not acknowledged", () => {
    const { feed, ledger, chain } = feedWorld(8);
    for (let command = feed.next(); command !== undefined; command = feed.next()) {
      if (command.kind !== "anchor") acknowledge(ledger, command);
    }
    for (const lane of chain.lanes) expect(ledger.lane(lane).next).toBe(CAPACITY_BLOCKS);
  });

  test("goes on for ever where all is acknowledged, with bounded memory", () => {
    const { feed, ledger, chain } = feedWorld(8);
    for (let count = 0; count < 2000; count++) {
      const command = feed.next();
      expect(command).toBeDefined();
      acknowledge(ledger, command!);
    }
    expect(ledger.ackedAnchor).toBeGreaterThan(50n);
    expect(ledger.road.at(0n)).toBeUndefined();
    for (const lane of chain.lanes) expect(ledger.lane(lane).at(0n)).toBeUndefined();
  });

  test("sends the same bytes again after a loss", () => {
    const { feed, ledger, chain } = feedWorld(2);
    const sent = blocksOf(feed);
    const recovered = new Comparison(ledger);
    recovered.finish();
    expect(blocksOf(new Feed(chain, ledger, recovered, 2))).toEqual(sent);
  });
});
