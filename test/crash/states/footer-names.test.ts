/**
 * D6: a group's footer names what the group holds. Recovery takes its word for what is lost; here the
 * footers themselves are judged, by the records that lie before them.
 */
import { expect, test } from "vitest";
import { bytesOf } from "../../../src/testing/simulated/content.js";
import type { World } from "../../../src/testing/simulated/world.js";
import { type Footer, footerAt } from "../../../src/journal/form/footer.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";
import { BLOCK_BYTES, recordType } from "../../../src/journal/form/records.js";
import { Campaign } from "./campaign.js";
import { freezeTime } from "../history/frozen-time.js";
import { type Extent, recordsIn } from "../harms/harms.js";
import { wideWorkloads } from "../history/workloads-wide.js";
import { filesOf } from "../history/worlds.js";

const SEED = 41;
/** The log of QCs: its records have no header hash. */
const ROAD = "road";

freezeTime();

/** A whole group: its records, PAD left out, and its footer. */
interface Group {
  readonly records: readonly Extent[];
  readonly footer: Footer;
  /** The number of the road's log, as the segment's head, or a footer behind it, names it. */
  readonly road: number | undefined;
}

function* groupsIn(world: World): Generator<Group> {
  for (const [path, { visible }] of filesOf(world)) {
    if (!path.endsWith(".seg")) continue;
    const bytes = Buffer.from(bytesOf(visible, 0, visible.size));
    const found = decodeHead(bytes.subarray(0, claimedHeadBytes(bytes) ?? 0));
    if (found.status !== "head") continue;
    const { salt, sequence, logs } = found.head;
    let road = logs.find(({ name }) => name === ROAD)?.log;
    let records: Extent[] = [];
    for (const record of recordsIn(visible)) {
      const { type } = record.header;
      if (type !== recordType.footer && type !== recordType.pad) records.push(record);
      if (type !== recordType.footer) continue;
      expect([record.from % BLOCK_BYTES, record.end % BLOCK_BYTES]).toEqual([0, 0]);
      const footer = footerAt(bytes, record.from, { salt, sequence, offset: record.from });
      if (footer) {
        road ??= footer.opened.find(({ name }) => name === ROAD)?.log;
        yield { records, footer, road };
      }
      records = [];
    }
  }
}

/** The records of `type` as a footer names them: log and number. */
function namesOf({ records }: Group, type: number): string[] {
  return records.flatMap(({ header }) =>
    header.type === type ? [`${header.log} ${header.number}`] : [],
  );
}

test("every footer names the appends of its group, the logs that it opened, and its drops", async () => {
  const { workload, stand } = wideWorkloads.manyLanesWork;
  const campaign = new Campaign(SEED, stand);
  const { end } = await campaign.run(await campaign.born(), workload, "many lanes", 1);
  const seen = { groups: 0, appends: 0, opened: 0, dropped: 0 };
  for (const group of groupsIn(end.world)) {
    const { records, footer, road } = group;
    const [first] = records;
    expect(footer.firstLsn).toBe(first?.header.lsn);
    const dropped = new Set(footer.dropped.map(({ log }) => log));
    const appends = namesOf(group, recordType.append).filter((each) => {
      const log = Number.parseInt(each, 10);
      return log !== road && !dropped.has(log);
    });
    expect(footer.appends.map(({ log, number }) => `${log} ${number}`)).toEqual(appends);
    expect(footer.opened.map(({ log }) => log)).toEqual(
      namesOf(group, recordType.open).map((each) => Number.parseInt(each, 10)),
    );
    expect([...dropped]).toEqual(
      namesOf(group, recordType.drop).map((each) => Number.parseInt(each, 10)),
    );
    seen.groups += 1;
    seen.appends += appends.length;
    seen.opened += footer.opened.length;
    seen.dropped += dropped.size;
  }
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
});
