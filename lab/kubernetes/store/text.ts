import type { KubeObject } from "#lab/kubernetes/object.ts";

const texts = new WeakMap<object, string>();

/**
 * The object as JSON. Stored objects never change, so each is written out once for the journal, every list and every
 * watcher together.
 */
export function textOf(object: KubeObject): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  texts.set(object, text);
  return text;
}
