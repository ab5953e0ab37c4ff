import { isList } from "#lab/kubernetes/schema/json.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import type { Fields } from "./fields.ts";
import { byElement, listKeys, type Part, partsOf } from "./parts.ts";

/**
 * Puts what was applied over what is there: maps and lists whose items can be told apart are united, everything else is
 * replaced. Items come in the applied order; those that only stood there before keep their place before the next that both have.
 */
export function merge(schema: StructuralSchema | null, live: unknown, applied: unknown): unknown {
  const old = partsOf(schema, live);
  const said = partsOf(schema, applied);
  if (old === null || said === null || isList(live) !== isList(applied)) return applied;
  const merged = isList(live) ? mergedItems(old, said) : mergedFields(old, said);
  return build(isList(live), merged);
}

function mergedFields(old: readonly Part[], said: readonly Part[]): readonly Part[] {
  const saidBy = byElement(said);
  const oldBy = byElement(old);
  return [
    ...old.map((part) => over(part, saidBy.get(part.element))),
    ...said.filter(({ element }) => !oldBy.has(element)),
  ];
}

function mergedItems(old: readonly Part[], said: readonly Part[]): readonly Part[] {
  const saidBy = byElement(said);
  const oldBy = byElement(old);
  const waiting = [...old];
  const merged: Part[] = [];
  const done = new Set<string>();
  /** Moves on past items that were only there before, up to the next that is still to come in the applied order. */
  const passOld = (): void => {
    for (let next = waiting[0]; next !== undefined; [next] = waiting) {
      if (saidBy.has(next.element) && !done.has(next.element)) return;
      if (!saidBy.has(next.element)) merged.push(next);
      waiting.shift();
    }
  };
  for (const part of said) {
    passOld();
    const before = oldBy.get(part.element);
    merged.push(before === undefined ? part : over(before, part));
    done.add(part.element);
  }
  passOld();
  return merged;
}

function over(part: Part, said: Part | undefined): Part {
  return said === undefined ? part : { ...part, value: merge(part.schema, part.value, said.value) };
}

/**
 * Takes away the fields of `gone` that are not in `kept`. What holds others goes with the last of them; the keys of an item
 * stay as long as anything of it does. Undefined: nothing is left.
 */
export function takeAway(
  schema: StructuralSchema | null,
  value: unknown,
  { gone, kept }: { readonly gone: Fields; readonly kept: Fields | undefined },
  keys: readonly string[] = [],
): unknown {
  const parts = partsOf(schema, value);
  if (parts === null || parts.length === 0)
    return gone.owned && kept === undefined ? undefined : value;
  const isKey = (part: Part): boolean => keys.includes(part.element.slice("f:".length));
  const left = parts.flatMap((part) => {
    const lost = gone.children.get(part.element);
    if (lost === undefined || isKey(part)) return [part];
    const ends = { gone: lost, kept: kept?.children.get(part.element) };
    const rest = takeAway(part.schema, part.value, ends, listKeys(schema));
    return rest === undefined ? [] : [{ ...part, value: rest }];
  });
  if (left.length === parts.length && keys.length === 0) return build(isList(value), left);
  const isBare = left.every(isKey) && (keys.length === 0 || gone.owned);
  return isBare && kept === undefined ? undefined : build(isList(value), left);
}

function build(isOfItems: boolean, parts: readonly Part[]): unknown {
  if (isOfItems) return parts.map(({ value }) => value);
  return Object.fromEntries(parts.map(({ element, value }) => [element.slice("f:".length), value]));
}
