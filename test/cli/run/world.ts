/** A small chain with a ledger of what was sent of it, for the tests of a run. */
import { Chain } from "../../../src/cli/run/chain.js";
import { Comparison } from "../../../src/cli/run/comparison.js";
import { Ledger } from "../../../src/cli/run/ledger.js";
import type { FoundEvent } from "../../../src/cli/run/messages.js";

/** Sends `blocks` blocks of each of two lanes and every commit QC that they allow. */
export function sentWorld(blocks: number) {
  const chain = new Chain({ seed: 7, lanes: 2, payloadBytes: 3000 });
  const ledger = new Ledger(chain.lanes);
  for (const lane of chain.lanes) {
    for (let count = 0; count < blocks; count++) ledger.lane(lane).append(chain.nextBlock(lane));
  }
  while (chain.hasNextCommitQC) ledger.road.append(chain.nextCommitQC());
  const [lane, other] = chain.lanes;
  if (lane === undefined || other === undefined) throw new Error("the chain has two lanes");
  return { chain, ledger, lane, other };
}

export type World = ReturnType<typeof sentWorld>;

/** What an honest store tells that has everything that was sent, under the newest anchor. */
export function honestRecovery({ chain, ledger }: World): FoundEvent[] {
  const events: FoundEvent[] = [];
  const anchor = ledger.newestAnchor;
  if (anchor !== undefined) {
    const bytes = ledger.anchorAt(anchor)?.bytes ?? new Uint8Array();
    events.push({ kind: "anchorFound", index: anchor, bytes });
  }
  for (const lane of chain.lanes) {
    const sent = ledger.lane(lane);
    const first = ledger.startUnder(anchor, lane);
    events.push({ kind: "laneFound", lane, first, next: sent.next });
    for (let number = first; number < sent.next; number++) {
      events.push({ kind: "blockFound", lane, number, bytes: sent.at(number)! });
    }
  }
  const first = anchor ?? 0n;
  const { next } = ledger.road;
  events.push({ kind: "roadFound", first, next });
  for (let index = first; index < next; index++) {
    events.push({ kind: "commitQcFound", index, bytes: ledger.road.at(index)! });
  }
  return events;
}

/** The rules that a recovery breaks, each once, in order. */
export function rulesBroken(ledger: Ledger, events: readonly FoundEvent[]): string[] {
  const comparison = new Comparison(ledger);
  for (const event of events) comparison.take(event);
  comparison.finish();
  return [...new Set(comparison.violations.map(({ rule }) => rule))];
}

/** Acknowledges every block and commit QC that was sent. */
export function acknowledgeAll({ chain, ledger }: World): void {
  for (const lane of chain.lanes) ledger.lane(lane).acknowledgeTo(ledger.lane(lane).next);
  ledger.road.acknowledgeTo(ledger.road.next);
}
