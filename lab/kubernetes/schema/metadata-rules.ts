import { type FieldError, invalid, required, typeInvalid } from "./field-error.ts";
import { isList, isObject, type JsonObject } from "./json.ts";
import { ownerErrors } from "./owner-rules.ts";
import { typeName } from "./value-rules.ts";

/** The rules for names, labels and annotations: k8s.io/apimachinery, util/validation, whose words the details are. */

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const annotationBytes = 256 * 1024;

const details = {
  subdomain: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${goSource(subdomain)}')`,
  label: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${goSource(labelName)}')`,
  qualified: `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
  value: `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
};

/** The API server prints its expressions without the anchors. */
function goSource(expression: RegExp): string {
  return expression.source.slice(1, -1);
}

/** What is wrong with the metadata of a custom resource, whose name must be a DNS subdomain. */
export function metadataErrors(metadata: unknown, path: string): FieldError[] {
  if (!isObject(metadata)) {
    if (metadata === undefined)
      return [required(`${path}.name`, "name or generateName is required")];
    const detail = `${path} in body must be of type object: "${typeName(metadata)}"`;
    return [typeInvalid(path, typeName(metadata), detail)];
  }
  return [
    ...nameErrors(metadata, path),
    ...namespaceErrors(metadata["namespace"], `${path}.namespace`),
    ...labelErrors(metadata["labels"], `${path}.labels`),
    ...annotationErrors(metadata["annotations"], `${path}.annotations`),
    ...ownerErrors(metadata["ownerReferences"], `${path}.ownerReferences`),
    ...finalizerErrors(metadata["finalizers"], `${path}.finalizers`),
  ];
}

/** What a name must look like, as the API server says it. */
export const subdomainDetail = details.subdomain;

function nameErrors(metadata: JsonObject, path: string): FieldError[] {
  const { name } = metadata;
  if (typeof name !== "string" || name === "")
    return [required(`${path}.name`, "name or generateName is required")];
  const field = `${path}.name`;
  if (name.length > 253) return [invalid(field, name, "must be no more than 253 characters")];
  return subdomain.test(name) ? [] : [invalid(field, name, details.subdomain)];
}

function namespaceErrors(namespace: unknown, path: string): FieldError[] {
  if (namespace === undefined || namespace === "") return [];
  if (typeof namespace === "string" && namespace.length <= 63 && labelName.test(namespace))
    return [];
  return [invalid(path, namespace, details.label)];
}

function labelErrors(labels: unknown, path: string): FieldError[] {
  return textEntries(labels, path).flatMap(([key, value]) => {
    if (typeof value !== "string") return [notText(`${path}.${key}`, value)];
    const wrong = labelKeyProblem(key);
    const errors = wrong === null ? [] : [invalid(path, key, wrong)];
    const wrongValue = labelValueProblem(value);
    return wrongValue === null ? errors : [...errors, invalid(path, value, wrongValue)];
  });
}

function annotationErrors(annotations: unknown, path: string): FieldError[] {
  const entries = textEntries(annotations, path);
  const errors = entries.flatMap(([key, value]) => {
    if (typeof value !== "string") return [notText(`${path}.${key}`, value)];
    // Keys of annotations may have capitals before the slash as well.
    const wrong = labelKeyProblem(key.toLowerCase());
    return wrong === null ? [] : [invalid(path, key, wrong)];
  });
  const bytes = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (bytes > annotationBytes)
    errors.push({
      field: path,
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${annotationBytes} bytes`,
    });
  return errors;
}

function finalizerErrors(finalizers: unknown, path: string): FieldError[] {
  if (!isList(finalizers)) return [];
  const errors = finalizers.flatMap((name) => {
    const wrong = labelKeyProblem(String(name));
    return wrong === null ? [] : [invalid(path, name, wrong)];
  });
  if (!finalizers.includes("orphan") || !finalizers.includes("foregroundDeletion")) return errors;
  const both = "finalizer orphan and foregroundDeletion cannot be both set";
  return [...errors, invalid(path, finalizers, both)];
}

function textEntries(map: unknown, path: string): [string, unknown][] {
  if (map === undefined || map === null) return [];
  return isObject(map) ? Object.entries(map) : [[path, map]];
}

function notText(field: string, value: unknown): FieldError {
  const type = typeName(value);
  return typeInvalid(field, type, `${field} in body must be of type string: "${type}"`);
}

function byteLength(value: unknown): number {
  return typeof value === "string" ? Buffer.byteLength(value) : 0;
}

/** What a label's value may not be. Null: nothing is wrong with it. */
export function labelValueProblem(value: string): string | null {
  if (value.length > 63) return "must be no more than 63 bytes";
  return value === "" || qualifiedName.test(value) ? null : details.value;
}

/** A key is `name` or `prefix/name`. Null: nothing is wrong with it. */
export function labelKeyProblem(key: string): string | null {
  const parts = key.split("/");
  const name = parts.at(-1) ?? "";
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (parts.length > 2) return details.qualified;
  if (prefix !== undefined && (prefix.length > 253 || !subdomain.test(prefix)))
    return `prefix part ${details.subdomain}`;
  if (name === "") return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 bytes";
  return qualifiedName.test(name) ? null : details.qualified;
}
