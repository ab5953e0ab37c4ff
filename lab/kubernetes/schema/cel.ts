import { Environment } from "@marcbachmann/cel-js";
import { isList, isObject, type JsonObject, own } from "./json.ts";
import {
  additionalSchema,
  type StructuralSchema,
  type ValidationRule,
} from "./structural-schema.ts";

/**
 * CEL as CRDs use it: `self`, `oldSelf`, the language's own functions and, of what Kubernetes adds, those on URLs. Values are
 * dynamically typed here, so a rule that the API server would refuse when the CRD is created may only fail when it is evaluated.
 * Two lists that are sets are compared in their order, unlike on the API server.
 */
const environment = new Environment({ homogeneousAggregateLiterals: false })
  .registerVariable("self", "dyn")
  .registerVariable("oldSelf", "dyn")
  .registerType("kubernetesUrl", URL)
  .registerFunction("isURL(string): bool", (text: string) => URL.canParse(text))
  .registerFunction("url(string): kubernetesUrl", (text: string) => new URL(text))
  .registerFunction("kubernetesUrl.getScheme(): string", (url: URL) => url.protocol.slice(0, -1))
  .registerFunction("kubernetesUrl.getHost(): string", (url: URL) => url.host)
  .registerFunction("kubernetesUrl.getHostname(): string", (url: URL) => url.hostname)
  .registerFunction("kubernetesUrl.getPort(): string", (url: URL) => url.port)
  .registerFunction("kubernetesUrl.getEscapedPath(): string", (url: URL) => url.pathname);

/** A transition rule: it compares with the value before the write and is not asked when there is none. */
export function comparesWithOld(rule: ValidationRule): boolean {
  return /\boldSelf\b/.test(rule.rule);
}

/** Null: the rule holds. Otherwise the message for the client. Undefined `old`: there was no value before. */
export function ruleProblem(
  rule: ValidationRule,
  schema: StructuralSchema,
  self: unknown,
  old: unknown,
): string | null {
  const context = {
    self: toCel(schema, self),
    ...(old === undefined ? {} : { oldSelf: toCel(schema, old) }),
  };
  try {
    if (evaluate(rule.rule, context) === true) return null;
  } catch (error) {
    return `rule evaluation error: ${error instanceof Error ? error.message : String(error)}`;
  }
  return ruleMessage(rule, context);
}

function ruleMessage(rule: ValidationRule, context: JsonObject): string {
  const fixed = rule.message?.trim() ?? `failed rule: ${rule.rule.trim()}`;
  if (rule.messageExpression === undefined) return fixed;
  try {
    const text = evaluate(rule.messageExpression, context);
    return typeof text === "string" && text.trim() !== "" ? text : fixed;
  } catch {
    // The API server falls back to the fixed message as well.
    return fixed;
  }
}

const programs = new Map<string, (context: JsonObject) => unknown>();

function evaluate(expression: string, context: JsonObject): unknown {
  const known = programs.get(expression) ?? environment.parse(expression);
  programs.set(expression, known);
  return known(context);
}

/** JSON has one kind of number, CEL has two: the schema tells them apart. */
function toCel(schema: StructuralSchema | undefined, value: unknown): unknown {
  if (typeof value === "number") {
    const whole = schema?.type === "integer" || schema?.["x-kubernetes-int-or-string"] === true;
    return whole && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === "string" && schema?.format === "date-time") return new Date(value);
  if (isList(value)) return value.map((item) => toCel(schema?.items, item));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([field, one]): [string, unknown][] => {
    const known = own(schema?.properties, field);
    const inside = known ?? (schema === undefined ? undefined : additionalSchema(schema));
    const converted = toCel(inside, one);
    const escaped = known === undefined ? field : escapeField(field);
    return escaped === field
      ? [[field, converted]]
      : [
          [field, converted],
          [escaped, converted],
        ];
  });
  return Object.fromEntries(entries);
}

const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** Fields whose names CEL cannot say are known to rules by another one (Kubernetes, validation rules, escaping). */
function escapeField(field: string): string {
  if (reserved.has(field)) return `__${field}__`;
  return field
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}
