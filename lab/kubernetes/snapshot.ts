import { kindOfObject } from "./kinds/kind.ts";
import type { KubeObject } from "./object.ts";
import { pathOf } from "./store/change.ts";

/** Kinds that tell what happened rather than what is. */
const diaries = new Set(["Event", "Lease.coordination.k8s.io"]);

/** Fields that count or name an instance: two equal clusters differ in them. */
const counters = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "observedGeneration",
  "managedFields",
]);

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * The cluster in a form in which two equal clusters are equal: every object by kind, namespace and name, without uids,
 * versions, times and managed fields. Events and leases are left out.
 */
export function clusterSnapshot(objects: Iterable<KubeObject>): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const object of objects) {
    const kind = kindOfObject(object);
    if (!diaries.has(kind))
      entries.push([`${kind} ${pathOf(object.metadata)}`, withoutCounters(object)]);
  }
  return Object.fromEntries(entries);
}

function withoutCounters(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCounters);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, inner]) => !counters.has(name) && !(typeof inner === "string" && time.test(inner)),
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutCounters(inner)]));
}
