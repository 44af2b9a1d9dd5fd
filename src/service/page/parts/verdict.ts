/** The verdict: one sentence, the code, and what to do. Shape and word tell the level, not colour alone. */
import type { Finding, Level } from "../look.js";
import { html, type Tree } from "../vendor/preact.js";
import { when } from "../words.js";

/** The sign and the word of each level. */
const signs: Readonly<Record<Level, readonly [string, string]>> = {
  safe: ["✓", "Safe"],
  waiting: ["…", "Waiting"],
  warning: ["!", "Warning"],
  danger: ["✕", "Danger"],
};

export function verdict(finding: Finding): Tree {
  const [sign, word] = signs[finding.level];
  return html`
    <section class=${`verdict ${finding.level}`} aria-label="Verdict">
      <span class="sign" aria-hidden="true">${sign}</span>
      <div role="status">
        <h2><span class="hidden">${word}: </span>${finding.title}</h2>
        ${advice(finding)}
      </div>
    </section>
  `;
}

/** All findings but the verdict, the worst first. */
export function otherFindings(findings: readonly Finding[]): Tree | undefined {
  if (findings.length === 0) return undefined;
  return html`
    <section class="findings" aria-label="Further findings">
      <ul>
        ${findings.map((finding) => {
          const [sign, word] = signs[finding.level];
          return html`
            <li key=${finding.title} class=${finding.level}>
              <span class="sign" aria-hidden="true">${sign}</span>
              <div>
                <h3><span class="hidden">${word}: </span>${finding.title}</h3>
                ${advice(finding)}
              </div>
            </li>
          `;
        })}
      </ul>
    </section>
  `;
}

function advice({ code, detail, remedy, never }: Finding): Tree {
  return html`
    ${detail && html`<p class="detail">${detail}</p>`}
    ${
      (code || remedy || never) &&
      html`
        <dl class="advice">
          ${code && html`<div><dt>Code</dt><dd><code>${code}</code></dd></div>`}
          ${remedy && html`<div><dt>Do</dt><dd>${marked(remedy)}</dd></div>`}
          ${never && html`<div><dt>Never</dt><dd>${marked(never)}</dd></div>`}
        </dl>
      `
    }
  `;
}

/** Words between backticks are code. */
function marked(text: string): readonly unknown[] {
  return text
    .split("`")
    .map((part, at) => (at % 2 === 1 ? html`<code key=${at}>${part}</code>` : part));
}

/** The verdict of a page that hears nothing: it knows nothing. */
export function lostFinding(atMs: number): Finding {
  const since = atMs === 0 ? "yet" : `since ${when(atMs)}`;
  return {
    level: "waiting",
    title: `Unknown: no word from the service ${since}`,
    remedy: "see whether the process runs; what stands below is old",
  };
}
