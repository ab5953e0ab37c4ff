import { isObject } from "#lab/kubernetes/schema/json.ts";

/**
 * A set of fields, as a manager owns it. A tree whose branches are FieldsV1's path elements: `f:name` a field, `k:{"name":"x"}` an
 * item of a list map, `v:"x"` an item of a set.
 */
export interface Fields {
  /** Whether this field itself is in the set, or only some below it. */
  readonly owned: boolean;
  readonly children: ReadonlyMap<string, Fields>;
}

export const noFields: Fields = { owned: false, children: new Map() };

/** One field and nothing below it. */
export const oneField: Fields = { owned: true, children: new Map() };

/** Branches in which nothing is owned are left out, so that equal sets are equal trees. */
export function fieldsOf(owned: boolean, children: Iterable<readonly [string, Fields]>): Fields {
  return { owned, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

export function isEmpty(fields: Fields): boolean {
  return !fields.owned && fields.children.size === 0;
}

/** What is in one or both. */
export function union(a: Fields, b: Fields): Fields {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const onlyB = [...b.children].filter(([element]) => !a.children.has(element));
  const ofA = [...a.children].map(([element, child]): [string, Fields] => [
    element,
    union(child, b.children.get(element) ?? noFields),
  ]);
  return fieldsOf(a.owned || b.owned, [...ofA, ...onlyB]);
}

/** What is in `a` but not in `b`: `a` itself when nothing of it is. A field of `b` takes nothing away below it. */
export function difference(a: Fields, b: Fields): Fields {
  if (isEmpty(b)) return a;
  const children = [...a.children].map(([element, child]): [string, Fields] => [
    element,
    difference(child, b.children.get(element) ?? noFields),
  ]);
  const isWhole = children.every(([element, child]) => child === a.children.get(element));
  return isWhole && !(a.owned && b.owned) ? a : fieldsOf(a.owned && !b.owned, children);
}

/** What is in both. */
export function intersection(a: Fields, b: Fields): Fields {
  return fieldsOf(
    a.owned && b.owned,
    [...a.children].map(([element, child]) => [
      element,
      intersection(child, b.children.get(element) ?? noFields),
    ]),
  );
}

export function sameFields(a: Fields, b: Fields): boolean {
  if (a.owned !== b.owned || a.children.size !== b.children.size) return false;
  return [...a.children].every(([element, child]) => {
    const other = b.children.get(element);
    return other !== undefined && sameFields(child, other);
  });
}

/** FieldsV1 of meta.k8s.io/v1: `{}` is a field, `.` one that has others of the set below it. */
export function fieldsToJson(fields: Fields): object {
  const entries = [...fields.children]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([element, child]): [string, object] => [
      element,
      child.children.size === 0 ? {} : fieldsToJson(child),
    ]);
  return Object.fromEntries(fields.owned ? [[".", {}], ...entries] : entries);
}

/** The opposite. What is no FieldsV1 is an empty set. */
export function fieldsFromJson(json: unknown): Fields {
  if (!isObject(json)) return noFields;
  return fieldsOf(
    Object.hasOwn(json, "."),
    Object.entries(json)
      .filter(([element]) => element !== ".")
      .map(([element, child]) => [
        element,
        isObject(child) && Object.keys(child).length === 0 ? oneField : fieldsFromJson(child),
      ]),
  );
}

/**
 * The path of each field, in the words and the order of conflicts: `.spec.ports[port=80,protocol="TCP"].name`. What is owned itself comes
 * before what is below.
 */
export function fieldPaths(fields: Fields, path = ""): readonly string[] {
  const children = [...fields.children].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const owned = children.filter(([, child]) => child.owned);
  return [
    ...(path === "" && fields.owned ? [path] : []),
    ...owned.map(([element]) => `${path}${elementText(element)}`),
    ...children.flatMap(([element, child]) => fieldPaths(child, `${path}${elementText(element)}`)),
  ];
}

export function elementText(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("v:")) return `[=${text}]`;
  if (!element.startsWith("k:")) return `.${text}`;
  const keys: unknown = JSON.parse(text);
  if (!isObject(keys)) return `[${text}]`;
  const pairs = Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${pairs.join(",")}]`;
}
