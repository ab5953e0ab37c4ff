import type { KindName } from "#lab/kubernetes/object.ts";
import type { Kind } from "./kind.ts";

/** The kind that describes kinds. */
export const definitionKind: KindName = "CustomResourceDefinition.apiextensions.k8s.io";

/** What the definition of a kind is called. */
export function definitionName({ plural, group }: Pick<Kind, "plural" | "group">): string {
  return `${plural}.${group}`;
}
