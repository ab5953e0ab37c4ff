import type { ClusterView } from "#lab/kubernetes/behaviours/behaviour.ts";
import { hash } from "#lab/profiles/seed.ts";

/** Where virtual machines run when the cluster has no Node objects. */
const unlisted = ["lab-node-1", "lab-node-2", "lab-node-3"];

/** A node for this instance, the same at every look; another one than `except`. Null: there is none. */
export function nodeFor(uid: string, cluster: ClusterView, except?: string): string | null {
  const listed = cluster.list("Node").map(({ metadata }) => metadata.name);
  const nodes = (listed.length === 0 ? unlisted : listed).filter((node) => node !== except);
  return nodes[hash(uid) % nodes.length] ?? null;
}

/** An address in the pods' network of most clusters, told by the instance's uid. */
export function addressFor(uid: string, index: number): string {
  const value = hash(`${uid}/${index}`);
  return `10.244.${value % 200}.${(Math.floor(value / 256) % 250) + 2}`;
}

export function macFor(uid: string, index: number): string {
  const digits = hash(`${uid}/mac/${index}`).toString(16).padStart(8, "0");
  return `02:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}:${digits.slice(6, 8)}`;
}
