import { type FieldError, invalid } from "./field-error.ts";
import { isList, isObject } from "./json.ts";

/** What is wrong with the owners that an object names. Whoever follows them relies on each being whole. */
export function ownerErrors(owners: unknown, path: string): FieldError[] {
  if (!isList(owners)) return [];
  const errors = owners.flatMap((owner) => {
    const fields = isObject(owner) ? owner : {};
    return ["apiVersion", "kind", "name", "uid"].flatMap((field) => {
      const isThere = typeof fields[field] === "string" && fields[field] !== "";
      const detail = field === "apiVersion" ? "version must not be empty" : "must not be empty";
      return isThere ? [] : [invalid(`${path}.${field}`, "", detail)];
    });
  });
  const [first, second] = owners.filter(isObject).filter(({ controller }) => controller === true);
  if (first === undefined || second === undefined) return errors;
  const [one, other] = [first, second].map(({ kind, name }) => `${String(kind)}/${String(name)}`);
  const detail = `Only one reference can have Controller set to true. Found "true" in references for ${one} and ${other}`;
  return [...errors, invalid(path, owners, detail)];
}
