/** The panels beside the lanes: road and anchor, disk, reservations, archive, calls, recovery, releases. */
import type { Latency, Look, ReservedLook, StoreLook } from "../look.js";
import { html, type Tree } from "../vendor/preact.js";
import { age, bytes, count, many, ms, when } from "../words.js";

type Fact = readonly [name: string, value: unknown];

function panel(id: string, title: string, facts: readonly Fact[], more?: unknown): Tree {
  return html`
    <section aria-labelledby=${`${id}-title`}>
      <h2 id=${`${id}-title`}>${title}</h2>
      <dl class="facts">
        ${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
      </dl>
      ${more}
    </section>
  `;
}

export function roadPanel({ road, epochIndex, latencies }: StoreLook): Tree {
  const anchor =
    road.anchor === undefined
      ? "none yet"
      : `${count(road.anchor)}, ${age(road.anchorAgeSeconds)} ago`;
  return panel("road", "Road and anchor", [
    ["Prune anchor", anchor],
    ["Commit QCs held", `${count(road.first)} to ${count(road.durable)}`],
    ["Queued", count(road.lag)],
    ["Retained below", count(road.retained)],
    ["Epoch", count(epochIndex)],
    ["Anchor write", latency(latencies.anchor)],
    ["Vote write", latency(latencies.vote)],
  ]);
}

function latency(found: Latency | undefined): string {
  if (!found) return "none in the last minute";
  return `p50 ${ms(found.p50Ms)}, p99 ${ms(found.p99Ms)}, max ${ms(found.maxMs)}`;
}

function sealed(keys: StoreLook["keys"]): string {
  return keys
    .map(({ content, state, bytes: size }) => `${content} ${state}, ${bytes(size)}`)
    .join(" · ");
}

export function diskPanel({ disk, latencies, keys, mode }: StoreLook): Tree {
  const { liveBytes, retainedBytes, freeSlotBytes, journalBytes, reclaimableBytes } = disk;
  const rest = Math.max(0, journalBytes - liveBytes - retainedBytes - freeSlotBytes);
  const shares = [
    ["live", "durable", liveBytes],
    ["retained", "retained", retainedBytes],
    ["dead or unwritten", "queued", rest],
    ["spare", "spare", freeSlotBytes],
  ] as const;
  const bar = html`
    <div class="share" role="img" aria-label=${shares.map(([name, , size]) => `${name} ${bytes(size)}`).join(", ")}>
      ${shares.map(([name, colour, size]) => {
        return html`<span key=${name} class=${colour} style=${{ flexGrow: String(size) }}></span>`;
      })}
    </div>
    <p class="legend" aria-hidden="true">
      ${shares.map(([name, colour, size]) => {
        return html`<span key=${name}><span class=${`key ${colour}`}></span>${name} ${bytes(size)}</span>`;
      })}
    </p>
  `;
  return panel(
    "disk",
    "Disk",
    [
      ["Journal", bytes(journalBytes)],
      ["Can be won back", bytes(reclaimableBytes)],
      [
        "File system",
        mode === "memory"
          ? "none: in memory"
          : `${bytes(disk.freeBytes)} free of ${bytes(disk.sizeBytes)}`,
      ],
      ["Full in", disk.fullInSeconds === undefined ? "not filling" : age(disk.fullInSeconds)],
      ["Flush", latency(latencies.flush)],
      ["Keys", sealed(keys)],
    ],
    bar,
  );
}

export function callsPanel({ service }: Look): Tree {
  const { calls, writer, refusals, refused, startedAtMs } = service;
  const who = writer
    ? `${writer.name}, fence ${count(writer.fence)}, ${writer.isConnected ? "connected" : "gone"}`
    : "none yet";
  const list = html`
    <details>
      <summary>Last refusals (${count(refused)} in all)</summary>
      <ol class="list">
        ${refusals.map(({ atMs, code, kind, message }, at) => {
          return html`<li key=${at}><time>${when(atMs)}</time> <code>${code}</code> ${kind}: ${message}</li>`;
        })}
      </ol>
    </details>
  `;
  return panel(
    "calls",
    "Callers",
    [
      ["Writer", who],
      ["Calls", `${count(calls.started)}, ${many(calls.failed, "failure")}`],
      ["Running since", when(startedAtMs)],
    ],
    refusals.length > 0 ? list : undefined,
  );
}

/** Whether this machine signs for the validator, and how far: for a validator whose keys two machines have. */
export function reservationsPanel({ reservations }: StoreLook): Tree | undefined {
  if (!reservations) return undefined;
  const { at, state, holder, road, own, votes, votedLanes, puts, failing } = reservations;
  const other = holder === undefined ? "" : `: ${holder} signs`;
  return panel("reservations", "Reservations", [
    ["This machine", state === "standing by" ? `stands by${other}` : state],
    ["Votes on the road", reserved(road)],
    [
      "Votes for blocks",
      votes ? `${many(votedLanes, "lane")}, ${count(votes.left)} left at least` : "none",
    ],
    ["Own blocks", reserved(own)],
    ["Records put", count(puts)],
    ["Refused for", failing ?? "no reason"],
    ["At", at],
  ]);
}

function reserved(found: ReservedLook | undefined): string {
  return found ? `below ${count(found.next)}, ${count(found.left)} left` : "none";
}

/** How far history is beyond this machine. */
export function archivePanel({ archive }: StoreLook): Tree | undefined {
  if (!archive) return undefined;
  const { bucket, gate, objects, heldBytes, heldBytesMax, failing } = archive;
  const oldest = age(archive.oldestPendingSeconds);
  return panel("archive", "Archive", [
    [
      "Wait for it",
      archive.pendingRecords === "0"
        ? "no records"
        : `${count(archive.pendingRecords)} records, the oldest for ${oldest}`,
    ],
    ["Held back", `${bytes(heldBytes)} of ${bytes(heldBytesMax)} at most`],
    ["Stored since open", `${count(objects)} objects, ${bytes(Number(archive.bytes))}`],
    ["Gate", gate],
    ["Last step", failing ?? "done"],
    ["In", bucket],
  ]);
}

export function recoveryPanel({ recovery }: StoreLook): Tree {
  const { steps, warnings } = recovery;
  const list = html`
    <details>
      <summary>${many(warnings.length, "warning")}</summary>
      <ul class="list">
        ${warnings.map((warning) => html`<li key=${warning}>${warning}</li>`)}
      </ul>
    </details>
  `;
  return panel(
    "recovery",
    "Last open",
    [
      [
        "Took",
        `${ms(recovery.durationMs)} (${steps.map((step) => `${step.name} ${ms(step.ms)}`).join(", ")})`,
      ],
      ["Records read", count(recovery.recordsRead)],
      ["Written again", bytes(recovery.bytesWrittenAgain)],
      ["Pins set", count(recovery.pins)],
      [
        "Abstain through",
        recovery.abstainThrough === undefined ? "no" : count(recovery.abstainThrough),
      ],
      ["Times opened", count(recovery.generation)],
    ],
    warnings.length > 0 ? list : undefined,
  );
}

export function releasesPanel({ releases }: StoreLook): Tree | undefined {
  if (releases.length === 0) return undefined;
  return html`
    <section aria-labelledby="releases-title">
      <h2 id="releases-title">Pins lifted by decision</h2>
      <ol class="list">
        ${[...releases].reverse().map(({ lane, number, reason, atMs }) => {
          return html`
            <li key=${`${lane} ${number} ${atMs}`}>
              <time>${when(atMs)}</time> lane ${lane}, block ${count(number)}: ${reason}
            </li>
          `;
        })}
      </ol>
    </section>
  `;
}
