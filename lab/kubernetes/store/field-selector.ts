import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { findFirst } from "#lab/kubernetes/kinds/json-path.ts";
import { badRequest } from "#lab/kubernetes/status.ts";

/** Reads a fieldSelector. A Refusal (400) when it cannot be read, or for a field that this kind cannot be selected by. */
export function fieldMatcher(
  selector: string,
  { kind, version }: Served,
): (object: KubeObject) => boolean {
  // A backslash takes its meaning from a comma, an equals sign or another backslash.
  const terms = (selector.match(/(?:\\.|[^,\\])+/g) ?? []).map((term) => {
    const [, name, operator, value = ""] = /^((?:\\.|[^=!\\])*?)(!=|==|=)(.*)$/.exec(term) ?? [];
    if (name === undefined || operator === undefined)
      throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
    return { name, isEqual: operator !== "!=", value: unescaped(value) };
  });
  for (const { name } of terms) {
    const isKnown =
      name === "metadata.name" ||
      (name === "metadata.namespace" && kind.scope === "Namespaced") ||
      version.selectableFields.includes(`.${name}`);
    if (!isKnown) throw badRequest(`field label not supported: ${name}`);
  }
  return (object) =>
    terms.every(({ name, isEqual, value }) => (textAt(`.${name}`, object) === value) === isEqual);
}

function unescaped(value: string): string {
  const [bare] = /(?<!\\)(?:\\\\)*[=,]/.exec(value) ?? [];
  if (bare !== undefined)
    throw badRequest(
      `invalid field selector: unescaped character in value: ${bare.at(-1)?.codePointAt(0)}`,
    );
  return value.replaceAll(/\\(.)/g, "$1");
}

function textAt(path: string, object: KubeObject): string {
  const found = findFirst(path, object);
  return found === undefined || found === null ? "" : String(found);
}
