import { type FieldError, invalid, required } from "./field-error.ts";
import { isList, isObject, type JsonObject, own } from "./json.ts";
import { metadataErrors } from "./metadata-rules.ts";
import { hasRules, ruleErrors } from "./rules.ts";
import { additionalSchema, type StructuralSchema } from "./structural-schema.ts";
import { fieldPath, structureErrors } from "./structure.ts";

/** While one of these stands the API server does not ask the rules, which rely on a sound object. */
const blocking: ReadonlySet<FieldError["reason"]> = new Set([
  "FieldValueRequired",
  "FieldValueNotSupported",
  "FieldValueTypeInvalid",
  "FieldValueTooLong",
  "FieldValueTooMany",
]);

/**
 * What is wrong with a custom resource, as the causes of the API server's 422 say it; empty when it may be stored. Checks what
 * the schema says, the metadata of the object and of embedded resources, and the rules in CEL. The object is pruned and has
 * its defaults already. `old` is the stored object that is overwritten: without it (a create) rules that compare with the old
 * value are left out, with it whatever was wrong before and did not change is let through.
 */
export function validate(
  schema: StructuralSchema,
  object: JsonObject,
  old?: JsonObject,
): readonly FieldError[] {
  const errors = [
    ...metadataErrors(object["metadata"], "metadata"),
    ...structureErrors(schema, object, "", old),
    ...embeddedErrors(schema, object, ""),
  ];
  if (!hasRules(schema)) return errors;
  if (!errors.some((error) => blocking.has(error.reason)))
    return [...errors, ...ruleErrors(schema, object, old, "")];
  const unchecked =
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
  return [...errors, invalid("<nil>", null, unchecked)];
}

/** Objects inside an object are whole objects with a kind and, if they have any, metadata. */
function embeddedErrors(
  schema: StructuralSchema | undefined,
  value: unknown,
  path: string,
): FieldError[] {
  if (schema === undefined) return [];
  if (isList(value))
    return value.flatMap((item, index) => embeddedErrors(schema.items, item, `${path}[${index}]`));
  if (!isObject(value)) return [];
  const errors: FieldError[] = [];
  if (schema["x-kubernetes-embedded-resource"] === true) {
    for (const field of ["apiVersion", "kind"])
      if (typeof value[field] !== "string" || value[field] === "")
        errors.push(required(fieldPath(path, field), "must not be empty"));
    if (value["metadata"] !== undefined) {
      // An embedded object may have no name yet: whoever makes it of this gives it one.
      const metadata = metadataErrors(value["metadata"], fieldPath(path, "metadata"));
      errors.push(...metadata.filter((error) => error.reason !== "FieldValueRequired"));
    }
  }
  for (const [field, one] of Object.entries(value)) {
    const known = own(schema.properties, field) ?? additionalSchema(schema);
    errors.push(...embeddedErrors(known, one, fieldPath(path, field)));
  }
  return errors;
}
