/** `lanekeeper repair`: tells what a repair of a damaged store would do; with --apply, does it. */
import { reasonArgument } from "../../types/arguments.js";
import type { Command } from "commander";
import { committeeFileHelp, readCommittees } from "../../inspect/committee-file.js";
import { repairStore } from "../../keeping/repair/calls.js";
import type { KeptLog } from "../../keeping/repair/logs.js";
import type { RepairPlan } from "../../keeping/repair/plan.js";
import type { RepairReport } from "../../keeping/repair/repair.js";
import { repairs } from "../../keeping/repair/table.js";
import { errorCodes } from "../../types/errors.js";
import { findingText, logName } from "../look/inspect/report.js";
import { keyOption, sourcesOf } from "../store/key-files.js";
import { placeOf } from "../store/places.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";

const rows = Object.entries(repairs).flatMap(([code, { repair, loss }]) => {
  return repair === undefined ? [] : [`  ${code}: ${repair}.\n    Loss: ${loss}.`];
});

const help = `
Without --apply it tells each finding, what a repair would keep and what would be lost, and changes nothing. With it,
a store is made of everything that is proven, beside the damaged one, and the two are swapped by renames: the
damaged one stays as STORE.damaged-1. Records that are lost come from the newest backup in --from, or from an archive, if
they are proven: a block of an archive counts only if a commit QC has its hash, or the block behind it links to it. Peers
are asked by the library, repairStore. A repair that loses anything which was acknowledged, or may have been, wants
--accept-loss (else exit code ${errorCodes.ACKNOWLEDGED_LOST.exit}).

The new store is guarded as a whole: it signs nothing of what may be lost until the heights of its guards are known.

${rows.join("\n")}
${committeeFileHelp}`;

interface Choices {
  readonly committee: string;
  readonly from?: string;
  readonly fromArchive?: string;
  readonly chainId?: string;
  readonly key?: readonly string[];
  readonly moved?: boolean;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
  readonly acceptLoss?: boolean;
  readonly reason: string;
  readonly json?: boolean;
}

export function addRepairCommand(program: Command, port: CliPort): void {
  const repair = addCommand(program, "repair", {
    what: "Tells what a repair of a damaged store would do, or does it.",
    help,
    examples: [
      "repair ./state --committee ./committee.json",
      "repair ./state --committee ./committee.json --from=./backups --apply",
      "repair ./state --committee ./committee.json --from-archive file://./bucket",
    ],
  });
  withDryRun(repair)
    .argument("<directory>", "the state directory; nobody has it open")
    .requiredOption("--committee <file>", "the committees that prove what is kept")
    .option("--from <directory>", "a directory of backups of this store")
    .option(
      "--from-archive <bucket>",
      "an archive of its chain: file:///folder or s3://BUCKET/PREFIX",
    )
    .option("--chain-id <chain>", "the chain of a store that has lost its STORE, without a backup")
    .addOption(keyOption("a key of sealed payloads; the first one seals the new store"))
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .option("--apply", "make the store, and swap it in")
    .option("--accept-loss", "what is lost may be lost")
    .option("--reason <text>", "the reason, which stands on record", "lanekeeper repair")
    .action(async (directory: string, choices: Choices) => {
      await repairCommand(directory, choices, port);
    });
}

async function repairCommand(named: string, choices: Choices, port: CliPort): Promise<void> {
  const {
    committee,
    from,
    fromArchive,
    chainId,
    key = [],
    apply = false,
    dryRun = false,
    json,
  } = choices;
  const directory = await placeOf(named);
  const report = await repairStore(directory, {
    epochs: await readCommittees(committee),
    from,
    fromArchive,
    chainId,
    keys: sourcesOf(key),
    moved: choices.moved ?? false,
    apply: apply && !dryRun,
    acceptLoss: choices.acceptLoss ?? false,
    reason: reasonArgument("--reason", choices.reason),
  });
  await tellDone(port, json, membersOf(directory, report), textOf(directory, report));
}

function membersOf(directory: string, { findings, plan, hasLoss, damaged }: RepairReport): object {
  return {
    directory,
    findings,
    isWhole: plan === undefined,
    repaired: damaged !== undefined,
    hasLoss,
    damaged: damaged ?? null,
    logs: (plan?.logs ?? []).map(
      ({ name, first, records, fromBackup, fromArchive, fromPeers, lost }) => {
        const next = first + BigInt(records.length);
        return { name, first, next, fromBackup, fromArchive, fromPeers, lost: lost ?? null };
      },
    ),
  };
}

function textOf(directory: string, report: RepairReport): string {
  const { findings, plan, hasLoss, damaged } = report;
  const place = printable(directory);
  if (!plan) return `${place}: open takes it: there is nothing to repair\n`;
  const would = damaged === undefined;
  const end = would
    ? `nothing was changed; --apply${hasLoss ? " with --accept-loss" : ""} makes this store\n`
    : `${place} is repaired and guarded; the damaged store is ${printable(damaged)}\n`;
  return [
    ...findings.map((finding) => `${findingText(finding)}  ${adviceOf(finding.class)}\n`),
    ...plan.logs.map((log) => logText(log)),
    ...lossesOf(plan),
    end,
  ].join("");
}

function adviceOf(code: string): string {
  const row = Object.entries(repairs).find(([name]) => name === code)?.[1];
  return row?.repair === undefined ? "a repair does nothing about it" : `a repair ${row.repair}`;
}

function logText({ name, first, records, fromBackup, fromArchive, lost }: KeptLog): string {
  const kept = `${logName(name)}: keeps [${first}, ${first + BigInt(records.length)})`;
  const elsewhere = [
    ...(fromBackup > 0 ? [`, ${fromBackup} of them from the backup`] : []),
    ...(fromArchive > 0 ? [`, ${fromArchive} of them from the archive`] : []),
  ];
  return `${kept}${elsewhere.join("")}${lost ? `; LOSES [${lost.first}, ${lost.next})` : ""}\n`;
}

function lossesOf({ isAnchorLost, isVoteLost, isEndUnknown }: RepairPlan): string[] {
  return [
    ...(isAnchorLost
      ? ["the newest anchor is lost: an older one, or none, stands in its place\n"]
      : []),
    ...(isVoteLost ? ["the newest votes are lost: all votes are guarded\n"] : []),
    ...(isEndUnknown
      ? ["nobody can tell what was acknowledged behind the records that are kept\n"]
      : []),
  ];
}
