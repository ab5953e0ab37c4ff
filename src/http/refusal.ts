import type { z } from "zod";
import { Failure } from "#contract/failures.ts";

/** Why a request is refused, field by field: what `details.fields` holds. */
export type Fields = Record<string, string>;

/** Without a prototype: callers choose the names, and `__proto__` must be one like any other. */
export const noFields = (): Fields => Object.create(null) as Fields;

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

type Issue = z.core.$ZodIssue;

const nouns: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};

function boundSentence(side: string, bound: unknown, origin: string): string {
  const units: Readonly<Record<string, readonly [string, string]>> = {
    string: ["character", "characters"],
    array: ["entry", "entries"],
  };
  const [one, many] = units[origin] ?? [];
  return one === undefined
    ? `must be ${side} ${String(bound)}`
    : `must have ${side} ${String(bound)} ${bound === 1 ? one : many}`;
}

/** Complaints as they read after a field's name; schemas that have their own words keep them. */
export const sentences: z.core.$ZodErrorMap = (issue) => {
  const { code, input } = issue;
  if ((code === "invalid_type" || code === "invalid_value") && input === undefined)
    return "is required";
  if (code === "invalid_type") return `must be ${nouns[issue.expected] ?? issue.expected}`;
  if (code === "invalid_value")
    return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
  if (code === "too_small") return boundSentence("at least", issue.minimum, issue.origin);
  if (code === "too_big") return boundSentence("at most", issue.maximum, issue.origin);
  return undefined;
};

/** What zod says of a union whose schema has no words of its own. */
const wordless = "Invalid input";

/** Of a union's branches the one that came closest, so that its complaint is about the field and not about the union. */
const closest = (branches: readonly (readonly Issue[])[]): readonly Issue[] =>
  branches.toSorted((a, b) => a.length - b.length)[0] ?? [];

function collect(issues: readonly Issue[], at: readonly PropertyKey[], fields: Fields): void {
  for (const issue of issues) {
    const path = [...at, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) fields[pathText([...path, key])] ??= "is not a known field";
    } else if (
      issue.code === "invalid_union" &&
      issue.errors.length > 0 &&
      issue.message === wordless
    ) {
      collect(closest(issue.errors), path, fields);
    } else {
      fields[pathText(path) || "body"] ??= lowerFirst(issue.message);
    }
  }
}

/** The issues of a zod error as one sentence per field. A complaint about the whole value stands under `body`. */
export function fieldsOf(error: z.core.$ZodError, at: readonly PropertyKey[] = []): Fields {
  const fields = noFields();
  collect(error.issues, at, fields);
  return fields;
}

const SHOWN_IN_MESSAGE = 3;

/** `line`: of the one row of a table that is refused. */
export function refusal(fields: Fields, line?: number): Failure {
  const names = Object.keys(fields);
  const shown = names.slice(0, SHOWN_IN_MESSAGE).map((name) => `${name} ${fields[name]}`);
  const more = names.length - shown.length;
  return new Failure(
    "VALIDATION_ERROR",
    `${line === undefined ? "the request" : `line ${line}`} is not valid: ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`,
    { details: { fields, ...(line !== undefined && { line }) } },
  );
}
