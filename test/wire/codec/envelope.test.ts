/** The envelope of a block in memory that is lent: the bytes are those of `encodeMsg`, and nobody else's. */
import { describe, expect, it } from "vitest";
import { encodeMsg, lendEnvelope } from "../../../src/wire/codec/envelope.js";
import { laneProposalDigest } from "../../../src/wire/hash.js";
import type { Block } from "../../../src/wire/messages.js";
import { signedBlockRule } from "../../../src/wire/rules/rules.js";
import { TestChain } from "../../model/chain.js";

const own = (block: Block): Uint8Array => encodeMsg({ kind: "lane_proposal", value: block });

describe.each([1, 300, 40_000, 255_000, 270_000])("of blocks of %i bytes", (bytes) => {
  const chain = new TestChain(2, bytes);
  const [lane = ""] = chain.lanes;
  const blocks = [0n, 1n, 2n].map((number) => chain.block(lane as never, number).signed);

  it("two that are lent at once, and one behind them, have their own bytes", () => {
    const [first, second, third] = blocks.map(({ msg }) => msg) as [Block, Block, Block];
    const one = lendEnvelope(first);
    const other = lendEnvelope(second);
    expect(Buffer.compare(one.bytes, own(first))).toBe(0);
    expect(Buffer.compare(other.bytes, own(second))).toBe(0);
    one.giveBack();
    const last = lendEnvelope(third);
    expect(Buffer.compare(last.bytes, own(third))).toBe(0);
    expect(Buffer.compare(other.bytes, own(second))).toBe(0);
    other.giveBack();
    last.giveBack();
  });

  it("blocks that are verified in turns claim their own digests", () => {
    const { committee } = chain.epochOf(0n) ?? expect.fail("the chain has an epoch 0");
    const rules = blocks.map((signed) => signedBlockRule(signed, committee));
    const claims: unknown[][] = rules.map(() => []);
    for (let open = rules.length; open > 0; ) {
      open = 0;
      for (const [at, rule] of rules.entries()) {
        const { done, value } = rule.next();
        if (done !== true) open += 1;
        if (value) claims[at]?.push(value);
      }
    }
    const digests = blocks.map(({ msg }) => [{ digest: laneProposalDigest(msg) }]);
    expect(claims).toMatchObject(
      digests.map((each) => each.map(({ digest }) => ({ checks: [{ digest }] }))),
    );
  });
});
