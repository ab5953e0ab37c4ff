import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { findFirst } from "#lab/kubernetes/kinds/json-path.ts";
import { badRequest } from "#lab/kubernetes/status.ts";

export type Matches = (object: KubeObject) => boolean;

const requirement =
  /^\s*(?:!\s*([^\s=!,()]+)|([^\s=!,()]+)\s+(in|notin)\s+\(([^)]*)\)|([^\s=!,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)|([^\s=!,()]+))\s*(?:,|$)/;

/** Reads a labelSelector, such as `app=a,tier in (b, c),!old`. A Refusal (400) when it cannot be read. */
export function labelMatcher(selector: string): Matches {
  const tests: Matches[] = [];
  let rest = selector;
  while (rest.trim() !== "") {
    const match = requirement.exec(rest);
    if (match === null)
      throw badRequest(`unable to parse requirement: found '${rest}', expected: a label selector`);
    rest = rest.slice(match[0].length);
    const [, absent, member, relation, list, equal, operator, value, present] = match;
    if (absent !== undefined) tests.push(label(absent, (found) => found === undefined));
    else if (present !== undefined) tests.push(label(present, (found) => found !== undefined));
    else if (member !== undefined) {
      const values = (list ?? "").split(",").map((each) => each.trim());
      const isIn = relation === "in";
      tests.push(
        label(member, (found) => (found !== undefined && values.includes(found)) === isIn),
      );
    } else if (equal !== undefined) {
      const isEqual = operator !== "!=";
      tests.push(label(equal, (found) => (found === value) === isEqual));
    }
  }
  return (object) => tests.every((test) => test(object));
}

function label(name: string, test: (found: string | undefined) => boolean): Matches {
  return ({ metadata }) => test(metadata.labels?.[name]);
}

/** Reads a fieldSelector. A Refusal (400) for a field that this kind cannot be selected by. */
export function fieldMatcher(selector: string, { kind, version }: Served): Matches {
  const tests = selector
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part): Matches => {
      const [, name = "", operator, value = ""] = /^\s*([^=!]+?)\s*(==|=|!=)(.*)$/.exec(part) ?? [];
      if (operator === undefined)
        throw badRequest(`invalid field selector: ${part}; a field, = or != and a value`);
      const isKnown =
        name === "metadata.name" ||
        (name === "metadata.namespace" && kind.scope === "Namespaced") ||
        version.selectableFields.includes(`.${name}`);
      if (!isKnown) throw badRequest(`field label not supported: ${name}`);
      const isEqual = operator !== "!=";
      return (object) => (textAt(`.${name}`, object) === value.trim()) === isEqual;
    });
  return (object) => tests.every((test) => test(object));
}

function textAt(path: string, object: KubeObject): string {
  const found = findFirst(path, object);
  return found === undefined || found === null ? "" : String(found);
}
