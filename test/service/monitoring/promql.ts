/**
 * Queries in PromQL, read by Prometheus' own grammar and judged against the metrics of a scrape. A query may be right by
 * its grammar and answer nothing for ever: of a metric that is not there, of a label that it does not have, by a match
 * of two sides that never have the same labels, or as the rate of a gauge. All of this is refused here.
 */
import { parser } from "@prometheus-io/lezer-promql";

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

/** A metric as it is scraped. */
export interface Scraped {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Labels that the scrape itself adds. */
const ADDED = ["instance", "job"];

const strict = parser.configure({ strict: true });

/** Functions that count what a counter gained. */
const ofCounters: ReadonlySet<string> = new Set(["rate", "irate", "increase", "resets"]);
/** Functions over a time that have no sense for a counter. */
const ofGauges: ReadonlySet<string> = new Set(["predict_linear", "deriv", "delta", "idelta"]);

/** `undefined` for a number. */
type Labels = ReadonlySet<string> | undefined;

/**
 * The labels of what a query answers.
 *
 * @throws {Error} for a query that is none, or that can never answer what it is meant to.
 */
export function labelsOfAnswer(
  query: string,
  metricOf: (name: string) => Scraped | undefined,
): Labels {
  return new Query(query, metricOf).labelsOf(strict.parse(query).topNode.firstChild);
}

class Query {
  readonly #text: string;
  readonly #metricOf: (name: string) => Scraped | undefined;

  constructor(text: string, metricOf: (name: string) => Scraped | undefined) {
    this.#text = text;
    this.#metricOf = metricOf;
  }

  labelsOf(node: SyntaxNode | null): Labels {
    if (!node) throw new Error(`a part is missing: ${this.#text}`);
    switch (node.name) {
      case "VectorSelector":
        return this.#selected(node);
      case "MatrixSelector":
      case "ParenExpr":
        return this.labelsOf(node.firstChild);
      case "NumberDurationLiteral":
        return undefined;
      case "FunctionCall":
        return this.#called(node);
      case "AggregateExpr":
        return this.#aggregated(node);
      case "BinaryExpr":
        return this.#combined(node);
      default:
        throw new Error(`${node.name} is not judged yet: ${this.#text}`);
    }
  }

  #words(node: SyntaxNode | null): string {
    return node ? this.#text.slice(node.from, node.to) : "";
  }

  /** The type and the labels of a series; of a histogram each part is a counter. */
  #series(selector: SyntaxNode): Scraped {
    const name = this.#words(selector.getChild("Identifier"));
    const [, family = name, part] = /^(.*?)(_bucket|_sum|_count)?$/.exec(name) ?? [];
    const whole = this.#metricOf(name);
    const histogram = part === undefined ? undefined : this.#metricOf(family);
    const labels = ADDED.concat(whole?.labels ?? histogram?.labels ?? []);
    if (histogram?.type === "histogram") {
      return { type: "counter", labels: part === "_bucket" ? [...labels, "le"] : labels };
    }
    if (!whole || whole.type === "histogram") throw new Error(`no series is called ${name}`);
    return { type: whole.type, labels };
  }

  #selected(node: SyntaxNode): Labels {
    const { labels } = this.#series(node);
    const matchers = node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [];
    for (const matcher of matchers) {
      const label = this.#words(matcher.getChild("LabelName"));
      if (!labels.includes(label))
        throw new Error(`${this.#words(node)}: it has no label ${label}`);
    }
    return new Set(labels);
  }

  #called(node: SyntaxNode): Labels {
    const name = this.#words(node.getChild("FunctionIdentifier"));
    const given: SyntaxNode[] = [];
    const body = node.getChild("FunctionCallBody");
    for (let each = body?.firstChild ?? null; each; each = each.nextSibling) given.push(each);
    const range = given.find((each) => each.name === "MatrixSelector");
    const vector = range?.getChild("VectorSelector");
    if (vector) {
      const { type } = this.#series(vector);
      const isWrong = type === "counter" ? ofGauges.has(name) : ofCounters.has(name);
      if (isWrong) throw new Error(`${name} of ${this.#words(vector)}, which is a ${type}`);
    } else if (ofCounters.has(name) || ofGauges.has(name) || name.endsWith("_over_time")) {
      throw new Error(`${name} needs a time: ${this.#words(node)}`);
    }
    const answers = given.map((each) => this.labelsOf(each)).filter((each) => each !== undefined);
    const [answer] = answers;
    if (name !== "histogram_quantile") return answer;
    if (answer?.has("le") !== true) throw new Error(`without le: ${this.#words(node)}`);
    return without(answer, "le");
  }

  #aggregated(node: SyntaxNode): Labels {
    const body = node.getChild("FunctionCallBody");
    const all = this.labelsOf(body?.lastChild ?? null) ?? new Set();
    const op = this.#words(node.getChild("AggregateOp"));
    const modifier = node.getChild("AggregateModifier");
    if (!modifier) return op === "topk" || op === "bottomk" ? all : new Set();
    if (!modifier.getChild("By")) throw new Error(`only "by" is judged yet: ${this.#text}`);
    return this.#grouping(modifier, all);
  }

  #grouping(clause: SyntaxNode, all: ReadonlySet<string>): ReadonlySet<string> {
    const names = clause.getChild("GroupingLabels")?.getChildren("LabelName") ?? [];
    const labels = names.map((each) => this.#words(each));
    for (const label of labels) {
      if (!all.has(label)) throw new Error(`there is no ${label} to group by: ${this.#text}`);
    }
    return new Set(labels);
  }

  #combined(node: SyntaxNode): Labels {
    const left = this.labelsOf(node.firstChild);
    const right = this.labelsOf(node.lastChild);
    if (left === undefined || right === undefined) return left ?? right;
    const clause = node.getChild("MatchingModifierClause");
    if (clause) {
      this.#grouping(clause, left);
      this.#grouping(clause, right);
      const isSet = ["And", "Or", "Unless"].some((name) => node.getChild(name));
      return isSet ? left : this.#grouping(clause, left);
    }
    const differs = left.size !== right.size || [...left].some((label) => !right.has(label));
    if (differs) throw new Error(`its sides never have the same labels: ${this.#words(node)}`);
    return left;
  }
}

function without(labels: ReadonlySet<string>, label: string): ReadonlySet<string> {
  return new Set([...labels].filter((each) => each !== label));
}
