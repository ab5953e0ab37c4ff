/** One entry of `details.causes` in the Status with which the API server refuses an object (422 Invalid). */
export interface FieldError {
  /** Such as `spec.hosts[0].name`; `<nil>` when it is about the whole object. */
  readonly field: string;
  readonly reason: FieldErrorReason;
  readonly message: string;
}

/** CauseType of metav1, as far as a schema can cause it. */
export type FieldErrorReason =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueTypeInvalid"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany";

/*
 * The words are those of the API server (k8s.io/apimachinery, util/validation/field), because clients show them and some
 * read them.
 */

export function required(field: string, detail = ""): FieldError {
  const message = detail === "" ? "Required value" : `Required value: ${detail}`;
  return { field, reason: "FieldValueRequired", message };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return {
    field,
    reason: "FieldValueInvalid",
    message: `Invalid value: ${show(value)}: ${detail}`,
  };
}

export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return { ...invalid(field, value, detail), reason: "FieldValueTypeInvalid" };
}

export function notSupported(
  field: string,
  value: unknown,
  allowed: readonly unknown[],
): FieldError {
  const supported = allowed.map((one) => (typeof one === "string" ? `"${one}"` : show(one)));
  const message = `Unsupported value: ${show(value)}: supported values: ${supported.join(", ")}`;
  return { field, reason: "FieldValueNotSupported", message };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { field, reason: "FieldValueDuplicate", message: `Duplicate value: ${show(value)}` };
}

export function forbidden(field: string, detail: string): FieldError {
  return { field, reason: "FieldValueForbidden", message: `Forbidden: ${detail}` };
}

export function tooLong(field: string, most: number): FieldError {
  const message = `Too long: may not be more than ${most} bytes`;
  return { field, reason: "FieldValueTooLong", message };
}

export function tooMany(field: string, count: number, most: number): FieldError {
  const message = `Too many: ${count}: must have at most ${most} items`;
  return { field, reason: "FieldValueTooMany", message };
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
