import fc from "fast-check";
import type { JsonObject } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";

/** Few names, so that schemas and objects often speak of the same fields. */
const field = fc.constantFrom("a", "b", "c", "name", "constructor");
const scalar = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom("x", "y", ""),
  fc.boolean(),
  fc.constant(null),
);

const { object } = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    tie("object"),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
  object: fc.dictionary(field, tie("value"), { maxKeys: 4 }),
}));

/** Any small JSON object. */
export const objects: fc.Arbitrary<JsonObject> = object;

/** Any small structural schema of an object; its defaults need not fit it. */
export const schemas: fc.Arbitrary<StructuralSchema> = fc.letrec<{
  any: StructuralSchema;
  object: StructuralSchema;
}>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.record(
      {
        type: fc.constantFrom("string" as const, "integer" as const),
        nullable: fc.boolean(),
        default: scalar,
      },
      { requiredKeys: ["type"] },
    ),
    tie("object"),
    fc.record({ type: fc.constant("array" as const), items: tie("any") }),
  ),
  object: fc.record(
    {
      type: fc.constant("object" as const),
      properties: fc.dictionary(field, tie("any"), { maxKeys: 4 }),
      additionalProperties: tie("any"),
      nullable: fc.boolean(),
      default: object,
      "x-kubernetes-preserve-unknown-fields": fc.constant(true),
    },
    { requiredKeys: ["type", "properties"] },
  ),
})).object;
