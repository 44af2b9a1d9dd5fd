/** The sentences of a devnet: each comeback while it runs, the legend, and the verdict. */
import { rules } from "../../devnet/judge/judge.js";
import type { Comeback } from "../../devnet/network/comebacks.js";
import type { StoreAfter } from "../../devnet/network/strikes.js";
import { sabotages } from "../../devnet/validator/sabotage.js";
import type { Paint } from "../terminal/paint.js";
import { counted, type DevnetSummary } from "./report.js";

/** The meaning of the table's words. */
export const legend = `acknowledged  a store said that a block, a commit QC, an anchor or a vote state is durable
signed        messages that left a validator: blocks, proposals, votes
compared      blocks and commit QCs that a recovery returned, held against what was acknowledged
pinned        a block was in flight and is lost: at its number only the identical block may be signed
              until all peers say that they have none there
abstained     a vote was in flight and is lost: no vote until the others have gone past it
restored      an old backup took the place of a store: guarded, until its peers say how far it had gone
lost          a store was gone with its machine: a new one, guarded too, catches up from the archive
`;

const wordsOf: Readonly<Record<StoreAfter, string>> = {
  kept: "killed",
  backup: "gone, an old backup is restored",
  new: "gone with its disk, a new one begins with nothing",
};

/**
 * `12.4 s  validator 2 power cut: 3 writes lost, 1 torn -> back in 380 ms, 92 records compared`.
 */
export function comebackText(comeback: Comeback, paint: Paint): string {
  const { atMs, validator, cutsPower, again, writes, backMs, compared } = comeback;
  const machine = comeback.isStandby ? "'s standby" : "";
  const who = comeback.struck === "service" ? "'s service" : machine;
  const struck = cutsPower ? `power cut: ${writesText(writes)}` : wordsOf[comeback.store];
  const twice = again === 0 ? "" : `, and again while it recovered`;
  const guards = [
    ...(comeback.pins === 0 ? [] : [counted(comeback.pins, "block") + " pinned"]),
    ...(comeback.abstains ? ["it abstains"] : []),
  ];
  const rest = guards.map((guard) => `, ${paint("yellow", guard)}`).join("");
  const back = `back in ${backMs.toFixed(0)} ms, ${counted(compared, "record")} compared`;
  const seconds = (atMs / 1000).toFixed(1);
  return `${seconds.padStart(6)} s  validator ${validator}${who} ${struck}${twice} -> ${paint("green", back)}${rest}`;
}

function writesText({ lost, torn, kept }: Comeback["writes"]): string {
  if (lost + torn + kept === 0) return "no write was under way";
  const parts = [`${counted(lost, "write")} lost`, `${torn} torn`];
  return [...parts, ...(kept === 0 ? [] : [`${kept} kept`])].join(", ");
}

/** The last word. */
export function sentenceOf(summary: DevnetSummary, paint: Paint): string {
  const { violations, sabotage, interrupted, judged } = summary;
  const [first] = violations;
  if (first !== undefined) {
    const what = `validator ${first.validator} broke the contract: ${rules[first.rule]}`;
    const why = sabotage === null ? "" : ` (it was sabotaged: it ${sabotages[sabotage]})`;
    return paint("red", `FAIL: ${what}: ${first.rule} at ${first.where}${why}`);
  }
  if (interrupted) return `STOPPED after ${summary.seconds.toFixed(1)} s: no violation until then`;
  if (sabotage !== null) {
    return paint("yellow", `NOT FOUND: ${sabotage} broke no rule in this run; let it run longer`);
  }
  const survived = `${counted(judged.acknowledged, "acknowledgement")} survived ${strikesText(summary)}`;
  const signed = `${counted(judged.said, "signed message")}, none twice`;
  return paint("green", `PASS: ${survived}; ${signed}`);
}

function strikesText({ kills, powerCuts, restores, losses, validators }: DevnetSummary): string {
  const all = validators === 1 ? "one more at the end" : `one at all ${validators} at once`;
  const strikes = [
    ...(kills === 0 ? [] : [counted(kills, "kill")]),
    ...(powerCuts === 0 ? [] : [counted(powerCuts, "power cut")]),
    ...(restores === 0 ? [] : [counted(restores, "old backup")]),
    ...(losses === 0 ? [] : [counted(losses, "lost machine")]),
  ];
  return [...strikes, all].join(strikes.length > 1 ? ", " : " and ");
}
