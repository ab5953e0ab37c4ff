/**
 * The schema of one version of a custom resource: JSONSchemaProps of apiextensions.k8s.io/v1 as far as a structural schema may
 * use it. Also the schema of any part of it.
 */
export interface StructuralSchema extends ValueRules, Extensions {
  readonly type?: SchemaType;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: boolean | StructuralSchema;
  readonly items?: StructuralSchema;
}

export type SchemaType = "object" | "array" | "string" | "integer" | "number" | "boolean";

/** What a value must fulfil beyond its type. In version 1 the exclusive bounds are flags, as in JSON Schema's draft 4. */
interface ValueRules {
  readonly format?: string;
  readonly enum?: readonly unknown[];
  /** A regular expression in Go's syntax (RE2). */
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly allOf?: readonly StructuralSchema[];
  readonly anyOf?: readonly StructuralSchema[];
  readonly oneOf?: readonly StructuralSchema[];
  readonly not?: StructuralSchema;
}

interface Extensions {
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  /** Absent: atomic. */
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  /** Absent: granular. */
  readonly "x-kubernetes-map-type"?: "granular" | "atomic";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** A rule in CEL. It is a transition rule when it names `oldSelf`. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** CEL as well; its text wins over `message`. */
  readonly messageExpression?: string;
  readonly reason?:
    | "FieldValueInvalid"
    | "FieldValueForbidden"
    | "FieldValueRequired"
    | "FieldValueDuplicate";
  /** Where the error is reported, relative to the schema that holds the rule: `.spec.name`. */
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** The schema of the values under keys that `properties` does not name. Undefined: nothing is said of them. */
export function additionalSchema(schema: StructuralSchema): StructuralSchema | undefined {
  const additional = schema.additionalProperties;
  return typeof additional === "object" ? additional : undefined;
}

/** Whether fields that the schema does not name stay in the object. */
export function keepsUnknown(schema: StructuralSchema): boolean {
  return (
    schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true
  );
}

const resourceFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/** What every object has, an embedded one too, without its schema saying so. */
export function isResourceField(schema: StructuralSchema, field: string): boolean {
  return schema["x-kubernetes-embedded-resource"] === true && resourceFields.has(field);
}
