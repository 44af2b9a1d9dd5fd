/** The histograms of the store: each measure that the store takes goes to one of them. */
import type { Measure, Observe } from "../../types/measures.js";
import { type Families, type Labels, spreadOf } from "./families.js";
import type { MetricName } from "./table.js";
import type { Spread } from "./spread.js";

interface Target {
  readonly name: MetricName;
  readonly labels?: Labels;
}

const targets: Readonly<Record<Measure, Target>> = {
  groupMs: { name: "lanekeeper_journal_flush_duration_seconds" },
  groupRecords: { name: "lanekeeper_journal_group_records" },
  groupBytes: { name: "lanekeeper_journal_group_bytes" },
  markMs: { name: "lanekeeper_mark_write_duration_seconds" },
  anchorSlotMs: { name: "lanekeeper_slot_write_duration_seconds", labels: { slot: "anchor" } },
  voteSlotMs: { name: "lanekeeper_slot_write_duration_seconds", labels: { slot: "vote" } },
  blockAckMs: { name: "lanekeeper_ack_duration_seconds", labels: { kind: "block" } },
  commitQCAckMs: { name: "lanekeeper_ack_duration_seconds", labels: { kind: "commit_qc" } },
  anchorAckMs: { name: "lanekeeper_ack_duration_seconds", labels: { kind: "anchor" } },
  voteAckMs: { name: "lanekeeper_ack_duration_seconds", labels: { kind: "vote" } },
  blockVerifyMs: { name: "lanekeeper_verify_duration_seconds", labels: { kind: "block" } },
  commitQCVerifyMs: { name: "lanekeeper_verify_duration_seconds", labels: { kind: "commit_qc" } },
  anchorVerifyMs: { name: "lanekeeper_verify_duration_seconds", labels: { kind: "anchor" } },
  laneQCVerifyMs: { name: "lanekeeper_verify_duration_seconds", labels: { kind: "lane_qc" } },
  archiveObjectMs: { name: "lanekeeper_archive_object_duration_seconds" },
};

const measures = Object.keys(targets) as readonly Measure[];

export class StoreMeter {
  readonly #spreads = Object.fromEntries(
    measures.map((measure) => [measure, spreadOf(targets[measure].name)]),
  ) as Readonly<Record<Measure, Spread>>;

  /** To be given to the store as it is opened. */
  readonly observe: Observe = (measure, value) => {
    // Metrics have base units: seconds, where the measure is of milliseconds.
    this.#spreads[measure].note(measure.endsWith("Ms") ? value / 1000 : value);
  };

  spread(measure: Measure): Spread {
    return this.#spreads[measure];
  }

  fill(families: Families): void {
    for (const measure of measures) {
      const { name, labels } = targets[measure];
      families.putSpread(name, this.#spreads[measure], labels);
    }
  }
}
