import { z } from "zod";

/**
 * The value with the fields of its objects in the schema's order, so that a resource reads alike whether it was just
 * written or comes from the database, which keeps objects by the length of their fields' names. Checks nothing; maps
 * whose keys the caller chose, and fields that the schema does not know, stay as they are, those at the end.
 */
export function inOrder<Value>(schema: z.ZodType, value: Value): Value {
  return ordered(schema, value) as Value;
}

function ordered(schema: unknown, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return ordered(schema.unwrap(), value);
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => ordered(schema.element, item));
  if (!(schema instanceof z.ZodObject)) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  const known = Object.entries(schema.shape).filter(([name]) => Object.hasOwn(fields, name));
  return {
    ...Object.fromEntries(known.map(([name, field]) => [name, ordered(field, fields[name])])),
    ...Object.fromEntries(
      Object.entries(fields).filter(([name]) => !Object.hasOwn(schema.shape, name)),
    ),
  };
}
