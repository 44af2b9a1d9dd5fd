/**
 * The benchmarks: `npm run bench [-- NAME] [--json] [--rounds N]`. Each prints ratios against a
 * baseline measured in the same run, since machines are noisy. `journal` also takes `--only CASES`,
 * `--long` and `--save FILE`, `persist` takes `--only SIZES`, `retention` takes `--mib N`.
 */
import { appendFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchBackup } from "./stores/backup.mjs";
import { benchArchive } from "./stores/archive.mjs";
import { benchArchiveBeside } from "./stores/archive-beside.mjs";
import { benchCalls } from "./calls.mjs";
import { benchDevnet } from "./processes/devnet.mjs";
import { benchJobs } from "./stores/jobs.mjs";
import { benchJournal, placeOf } from "./journal.mjs";
import { benchKeys } from "./stores/keys.mjs";
import { benchPersist, persistTargets } from "./persist.mjs";
import { benchHistory, benchRecovery } from "./recovery.mjs";
import { benchRetention } from "./retention.mjs";
import { atMost } from "./targets.mjs";
import { benchService } from "./processes/service.mjs";
import { benchWire } from "./wire.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    rounds: { type: "string" },
    only: { type: "string" },
    long: { type: "boolean" },
    save: { type: "string" },
    mib: { type: "string" },
  },
});

const KIB = 1024;
const persistCases = persistTargets.flatMap(({ recordBytes, plain, anchored }) => [
  { recordBytes, anchored: false, target: plain },
  { recordBytes, anchored: true, target: anchored },
]);
/** Of every case of a store: its p99 as a multiple of its p50, and its memory. */
const TAIL_MOST = 5;
const STORE_MIB_MOST = 130;
/** Of the first case of a recovery; and of retained bytes, against the same store that retains none. */
const RECOVERY_MOST = 1.8;
const retainedMost = { openMs: 100, rssMiB: 30, readMs: 50, readAfterKillMs: 1000, holdMs: 20 };
/** The targets of a sealed round, as multiples of the plain one's; a recovery may take twice as long. */
const keyCases = [
  { recordBytes: 300, target: 1.25 },
  { recordBytes: 4 * KIB, target: 1.25 },
  { recordBytes: 64 * KIB, target: 1.6 },
  { recordBytes: 512 * KIB, target: 1.8 },
];
const RECOVERY_TARGET = 2;
/** The target of a store that is backed up without a pause, as a multiple of one that is not; turns of each. */
const BACKUP_TARGET = 1.1;
const BACKUP_TURNS = 20;
const recoveryCases = [
  { lanes: 100, blocks: 30, recordBytes: 64 * KIB },
  { lanes: 334, blocks: 30, recordBytes: 2 * KIB },
  { lanes: 8, blocks: 30, recordBytes: 1024 * KIB },
];
/** The same 16 lanes x 20 live blocks, after so many anchors. */
const historyCase = { anchors: [10, 10_000], recordBytes: 2 * KIB };
/** The default of `--mib`: enough to tell which costs grow with the retained bytes. */
const RETAINED_MIB = 512;
/** Some dozens of objects. */
/** A write beside the archive, against one beside a plain process that writes as much to the same disk. */
const BESIDE_MOST = 1.05;
const ARCHIVED_MIB = 256;
const roundsFor = (recordBytes) =>
  recordBytes >= 512 * KIB ? 100 : recordBytes >= 64 * KIB ? 400 : 2000;

const benches = {
  async persist() {
    const rows = [];
    const only = values.only?.split(",");
    for (const { recordBytes, anchored, target } of persistCases) {
      if (only && !only.includes(String(recordBytes))) continue;
      const rounds = values.rounds ? Number(values.rounds) : roundsFor(recordBytes);
      const row = { ...(await benchPersist({ recordBytes, anchored, rounds })), target };
      rows.push(row);
      if (!values.json) printPersist(row);
    }
    return rows;
  },
  async archive() {
    const rows = await benchArchive({ mib: Number(values.mib ?? ARCHIVED_MIB) });
    if (!values.json) for (const row of rows) printArchive(row);
    const beside = { recordBytes: 64 * KIB, mib: ARCHIVED_MIB, turns: 6, rounds: 80 };
    const row = await benchArchiveBeside(beside);
    if (!values.json) printBeside(row);
    return [...rows, row];
  },
  async keys() {
    const rows = [];
    for (const { recordBytes, target } of keyCases) {
      const rounds = values.rounds ? Number(values.rounds) : roundsFor(recordBytes);
      const row = { ...(await benchKeys({ recordBytes, rounds })), target };
      rows.push(row);
      if (!values.json) printKeys(row);
    }
    return rows;
  },
  async backup() {
    const rows = [];
    for (const recordBytes of [300, 64 * KIB]) {
      const turns = values.rounds ? Number(values.rounds) : BACKUP_TURNS;
      const row = { ...(await benchBackup({ recordBytes, turns })), target: BACKUP_TARGET };
      rows.push(row);
      if (!values.json) printBackup(row);
    }
    return rows;
  },
  async recovery() {
    const rows = [];
    for (const [index, shape] of recoveryCases.entries()) {
      const target = index === 0 ? RECOVERY_MOST : undefined;
      const row = { ...(await benchRecovery(shape)), target };
      rows.push(row);
      if (!values.json) printRecovery(row);
    }
    const history = await benchHistory(historyCase);
    if (!values.json) printHistory(history);
    return { rows, history };
  },
  async retention() {
    const mib = values.mib ? Number(values.mib) : RETAINED_MIB;
    const rows = await benchRetention({ mib, recordBytes: 64 * KIB });
    if (!values.json) for (const row of rows) printRetention(row, rows);
    return rows;
  },
  async journal() {
    const { only, long } = values;
    const lines = [placeOf(machine)];
    if (!values.json) console.log(lines[0]);
    const rounds = values.rounds ? Number(values.rounds) : undefined;
    const rows = await benchJournal({ only, long, rounds }, (line) => {
      lines.push(line);
      if (!values.json) console.log(line);
    });
    if (values.save) appendFileSync(values.save, `${lines.join("\n")}\n`);
    return rows;
  },
  async devnet() {
    const row = await benchDevnet();
    if (!values.json) printDevnet(row);
    return row;
  },
  jobs: () =>
    benchJobs(
      values.rounds ? { rows: Number(values.rounds) } : {},
      values.json ? () => undefined : console.log,
    ),
  calls: () => benchCalls(values.json ? () => undefined : console.log),
  service: () => benchService(values.json ? () => undefined : console.log),
  wire: () => benchWire(values.json ? () => undefined : printWire),
};

function printBackup({ recordBytes, alone, beside, ratio, target, backups }) {
  const kib = `${recordBytes} B`.padStart(8);
  console.log(
    `${kib}  durable ${alone.toFixed(3)} ms, beside ${backups} backups ${beside.toFixed(3)} ms  ` +
      `${ratio.toFixed(2)}x (wanted ${target}x)`,
  );
}

function printArchive(row) {
  const at = (name) =>
    `${row[`${name}MBs`].toFixed(0)} MB/s, ${row[`${name}Cores`].toFixed(2)} of a core at 100 MB/s`;
  const memory = `${row.archiveObjects.toFixed(1)} objects of memory`;
  console.log(
    `archive to a ${row.what}: ${at("archive")}, ${memory} (target 0.3, 3); ` +
      `verify: ${at("verify")} (target 200 MB/s); a plain copy: ${row.copyMBs.toFixed(0)} MB/s`,
  );
}

function printBeside({ recordBytes, archivedMBs, ...row }) {
  const [alone, beside, floor] = [row.alone, row.beside, row.floor].map((ms) => ms.toFixed(3));
  console.log(
    `${recordBytes} B durable in ${alone} ms, beside the archive of ${archivedMBs.toFixed(0)} MB/s in ${beside} ms: ` +
      `${row.ratio.toFixed(2)}x; beside a plain process that writes as much to the disk in ${floor} ms: ` +
      `${row.floorRatio.toFixed(2)}x; ours ${atMost(row.ours, BESIDE_MOST, "x")}`,
  );
}

function printPersist(row) {
  const anchor = row.anchorEachRound ? "anchor each round" : "without an anchor";
  const ms = ({ p50, p99 }) => `${p50.toFixed(3)} / ${p99.toFixed(3)}`;
  console.log(
    `${String(row.recordBytes).padStart(7)} B x ${row.lanes}  ${anchor}  floor ${ms(row.floorMs)}  ` +
      `durable ${ms(row.persistMs)}  ${atMost(row.ratio, row.target, "x")}  ` +
      `p99 / p50 ${atMost(row.tail, TAIL_MOST, "x")}  groups/round ${row.groupsPerRound.toFixed(2)}  ` +
      `blocking ${row.blockingPerRound.toFixed(2)}  RSS ${atMost(row.rssMiB, STORE_MIB_MOST, " MiB")}`,
  );
}

function printKeys(row) {
  const { recordBytes, plain, sealed, roundRatio, recoveryRatio, target } = row;
  const ms = ({ roundMs }) => `${roundMs.toFixed(3)} ms`;
  const openMs = ({ recoveryMs }) => `${recoveryMs.toFixed(0)} ms`;
  console.log(
    `keys ${String(recordBytes).padStart(7)} B  round: plain ${ms(plain)}, sealed ${ms(sealed)}, ` +
      `ratio ${roundRatio.toFixed(2)} (at most ${target}; node:crypto alone ${row.bareRoundMs.toFixed(3)} ms)  recovery: plain ${openMs(plain)}, ` +
      `sealed ${openMs(sealed)}, ratio ${recoveryRatio.toFixed(2)} (at most ${RECOVERY_TARGET}; node:crypto alone ${row.bareRecoveryMs.toFixed(0)} ms)`,
  );
}

function printRecovery(row) {
  const { lanes, blocks, recordBytes, readMs, openMs, ratio, target, warmRatio, rssMiB } = row;
  const told = target === undefined ? `${ratio.toFixed(2)}x` : atMost(ratio, target, "x");
  console.log(
    `${lanes} lanes x ${blocks} x ${recordBytes} B`.padEnd(30) +
      `read ${readMs.toFixed(0)} ms  open ${openMs.toFixed(0)} ms  ${told}  ` +
      `warm code ${warmRatio.toFixed(2)}x  ${rssMiB.toFixed(0)} MiB at most`,
  );
}

function printHistory({ recordBytes, rows, ratio }) {
  for (const { anchors, openMs, records, rssMiB, storeMiB } of rows) {
    console.log(
      `after ${anchors} anchors`.padEnd(30) +
        `open ${openMs.toFixed(0)} ms  ${records} records of ${recordBytes} B read  ` +
        `journal ${storeMiB.toFixed(0)} MiB  ${rssMiB.toFixed(0)} MiB at most`,
    );
  }
  console.log(`start-up after many anchors against few: ${ratio.toFixed(2)}x`);
}

function printRetention(row, rows) {
  const { what, killed, openMs, firstReadMs, mendedMs, holdMs, rssMiB, retained } = row;
  const none = rows.find((each) => each.retainedMiB === 0 && each.killed === killed);
  const most = retainedMost;
  if (row === none) {
    console.log(`${what.padEnd(34)}open ${openMs.toFixed(0)} ms  ${rssMiB.toFixed(0)} MiB at most`);
    return;
  }
  const read = atMost(firstReadMs, killed ? most.readAfterKillMs : most.readMs, " ms");
  console.log(
    what.padEnd(34) +
      `open ${openMs.toFixed(0)} ms, more by ${atMost(openMs - none.openMs, most.openMs, " ms")}  ` +
      `first read after ${read}  map whole after ${mendedMs.toFixed(0)} ms  ` +
      `loop held ${atMost(holdMs, most.holdMs, " ms")}  ${rssMiB.toFixed(0)} MiB at most, ` +
      `more by ${atMost(rssMiB - none.rssMiB, most.rssMiB, " MiB")}  ${retained} blocks of a lane retained`,
  );
}

function printDevnet(row) {
  const percent = (part) => `${(100 * part).toFixed(0)} %`;
  const shares = Object.entries(row.mainThreadShares);
  const { persisted, unpersisted } = row.cpuMsPerRoundBeside;
  console.log(
    `4 validators x 16 KiB  ${row.roundsPerSecond.toFixed(1)} rounds/s of ` +
      `${row.blocksPerRound.toFixed(1)} blocks, ${row.cores.toFixed(1)} cores, CPU ` +
      `${row.cpuMsPerRound.toFixed(0)} ms a round. Beside a committee that persists nothing: ` +
      `${persisted.toFixed(0)} to ${unpersisted.toFixed(0)} ms, persisting takes ` +
      `${percent(row.persistingShare)} (wanted 20 %)`,
  );
  console.log(
    `main threads: ${shares.map(([name, part]) => `${name} ${percent(part)}`).join(", ")}; ` +
      `signatures per commit QC: ${row.signaturesPerCommitQC.toFixed(1)} verified, ` +
      `${row.knownSignaturesPerCommitQC.toFixed(1)} known from votes`,
  );
  console.log(
    `votes leave after ${row.voteMs.toFixed(2)} ms, blocks are durable after ` +
      `${row.durableMs.toFixed(2)} ms: ${row.voteOverDurable.toFixed(2)}x (wanted 2x)`,
  );
}

function printWire({ name, baseline, baselineUs, oursUs, ratio, target, holdMs }) {
  const us = (value) => `${value.toFixed(value < 100 ? 2 : 0)} us`.padStart(10);
  const wanted = target === undefined ? "" : `  (wanted ${target}x)`;
  const hold = holdMs && `  longest hold ${holdMs.p50.toFixed(1)} / ${holdMs.max.toFixed(1)} ms`;
  console.log(
    `${name.padEnd(52)}${us(oursUs)}  ${baseline}${us(baselineUs)}  ` +
      `${ratio.toFixed(1)}x${wanted}${hold ?? ""}`,
  );
}

const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.find((name) => !(name in benches));
if (unknown !== undefined) {
  console.error(`no such benchmark: ${unknown} (there is: ${Object.keys(benches).join(", ")})`);
  process.exit(2);
}

const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
if (!values.json)
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; p50 / p99 ms`);
const results = {};
for (const name of names) results[name] = await benches[name]();
if (values.json) console.log(JSON.stringify({ machine, results }));
