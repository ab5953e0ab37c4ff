import { type FieldError, invalid, tooLong, typeInvalid } from "./field-error.ts";
import { hasFormat } from "./format.ts";
import { isList } from "./json.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** A JSON value's type in the words of JSON Schema. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

export function stringErrors(schema: StructuralSchema, text: string, path: string): FieldError[] {
  const { format, pattern, minLength = 0, maxLength = Infinity } = schema;
  const errors: FieldError[] = [];
  // Lengths are counted in characters, not in UTF-16 units.
  const { length } = Array.from(text);
  if (length < minLength)
    errors.push(invalid(path, text, `${path} in body should be at least ${minLength} chars long`));
  if (length > maxLength) errors.push(tooLong(path, maxLength));
  if (pattern !== undefined && !expression(pattern).test(text))
    errors.push(invalid(path, text, `${path} in body should match '${pattern}'`));
  if (format !== undefined && !hasFormat(format, text)) {
    const detail = `${path} in body must be of type ${format}: ${JSON.stringify(text)}`;
    errors.push(typeInvalid(path, text, detail));
  }
  return errors;
}

/** Upper bounds of the whole number formats; an int64 is only as exact as a JSON number in JavaScript. */
const largest: Readonly<Record<string, number>> = { int32: 2 ** 31 - 1, int64: 2 ** 63 };

export function numberErrors(schema: StructuralSchema, value: number, path: string): FieldError[] {
  const { minimum = -Infinity, maximum = Infinity, multipleOf, format = "" } = schema;
  const errors: FieldError[] = [];
  const refuse = (detail: string): void => {
    errors.push(invalid(path, value, `${path} in body should be ${detail}`));
  };
  const bound = largest[format] ?? Infinity;
  if (value > bound || value < -bound - 1)
    errors.push(
      typeInvalid(path, value, `${path} in body must be of type integer with format ${format}`),
    );
  if (schema.exclusiveMinimum === true) {
    if (value <= minimum) refuse(`greater than ${minimum}`);
  } else if (value < minimum) refuse(`greater than or equal to ${minimum}`);
  if (schema.exclusiveMaximum === true) {
    if (value >= maximum) refuse(`less than ${maximum}`);
  } else if (value > maximum) refuse(`less than or equal to ${maximum}`);
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf))
    refuse(`a multiple of ${multipleOf}`);
  return errors;
}

const expressions = new Map<string, RegExp>();

/**
 * A pattern of a CRD as JavaScript reads it. RE2, in which they are written, has less than JavaScript except for flags at the
 * start: of these CRDs use `(?i)`.
 */
function expression(pattern: string): RegExp {
  const known = expressions.get(pattern);
  if (known !== undefined) return known;
  const made = pattern.startsWith("(?i)")
    ? new RegExp(pattern.slice("(?i)".length), "i")
    : new RegExp(pattern);
  expressions.set(pattern, made);
  return made;
}
