import type { KubeObject } from "#lab/kubernetes/object.ts";
import { labelKeyProblem, labelValueProblem } from "#lab/kubernetes/schema/metadata-rules.ts";
import { badRequest } from "#lab/kubernetes/status.ts";

type Test = (found: string | undefined) => boolean;

const operators = ["in", "notin", "=", "==", "!=", ">", "<"] as const;
type Operator = (typeof operators)[number];

/** Reads a labelSelector, such as `app=a,tier in (b, c),!old,size>3`. A Refusal (400) when it cannot be read. */
export function labelMatcher(selector: string): (object: KubeObject) => boolean {
  const reader = new Reader(selector);
  const tests: { readonly key: string; readonly test: Test }[] = [];
  if (reader.isAtEnd) return () => true;
  for (;;) {
    tests.push(readRequirement(reader));
    if (reader.isAtEnd) break;
    reader.expect(",", "',' or 'end of string'");
    if (reader.isAtEnd || [",", "(", ")"].includes(reader.peek() ?? ""))
      throw unreadable(reader.peek(), "identifier after ','");
  }
  return ({ metadata }) => tests.every(({ key, test }) => test(metadata.labels?.[key]));
}

function readRequirement(reader: Reader): { readonly key: string; readonly test: Test } {
  const isAbsent = reader.take("!");
  const key = reader.name();
  const wrong = labelKeyProblem(key);
  if (wrong !== null) throw unparsed(`<nil>: Invalid value: "${key}": ${wrong}`);
  if (isAbsent) return { key, test: (found) => found === undefined };
  if (reader.isAtEnd || reader.peek() === ",") return { key, test: (found) => found !== undefined };
  const operator = operators.find((one) => reader.take(one));
  if (operator === undefined) throw unreadable(reader.peek(), "in, notin, =, ==, !=, gt, lt");
  const values = operator === "in" || operator === "notin" ? reader.list() : [reader.value()];
  return { key, test: testOf(operator, values) };
}

function testOf(operator: Operator, values: readonly string[]): Test {
  for (const [index, value] of values.entries()) {
    const wrong = labelValueProblem(value);
    if (wrong !== null) throw unparsed(`values[${index}]: Invalid value: "${value}": ${wrong}`);
  }
  const [first = ""] = values;
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return (found) => found !== undefined && values.includes(found);
    case "notin":
    case "!=":
      return (found) => found === undefined || !values.includes(found);
    case ">":
    case "<": {
      if (!whole.test(first))
        throw unparsed(
          `values[0]: Invalid value: "${first}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      const sign = operator === ">" ? 1 : -1;
      return (found) =>
        found !== undefined && whole.test(found) && sign * (Number(found) - Number(first)) > 0;
    }
  }
}

const whole = /^[-+]?\d+$/;

/** The words of a selector, one after the other. */
class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g) ?? [];
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  take(token: string): boolean {
    const isNext = this.peek() === token;
    if (isNext) this.#at += 1;
    return isNext;
  }

  expect(token: string, wanted: string): void {
    if (!this.take(token)) throw unreadable(this.peek(), wanted);
  }

  name(): string {
    const token = this.peek();
    if (token === undefined || /^[=!<>(),]/.test(token)) throw unreadable(token, "identifier");
    this.#at += 1;
    return token;
  }

  /** What stands behind `=`: nothing at all is the empty value. */
  value(): string {
    const token = this.peek();
    if (token === undefined || token === ",") return "";
    if (/^[=!<>()]/.test(token)) throw unreadable(token, "identifier");
    this.#at += 1;
    return token;
  }

  /** `(a, b)`; nothing between two commas is the empty value. */
  list(): readonly string[] {
    this.expect("(", "'('");
    const values: string[] = [];
    for (;;) {
      const token = this.peek();
      values.push(token === ")" ? "" : this.value());
      if (this.take(")")) return values;
      this.expect(",", "',' or ')'");
    }
  }
}

function unreadable(found: string | undefined, wanted: string): Error {
  return unparsed(`found '${found ?? ""}', expected: ${wanted}`);
}

function unparsed(why: string): Error {
  return badRequest(`unable to parse requirement: ${why}`);
}
