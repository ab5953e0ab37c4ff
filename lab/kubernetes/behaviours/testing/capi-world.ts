import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type { Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Condition, conditionOf } from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { apiVersionOf, kindName } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { clusterApi } from "#lab/kubernetes/behaviours/cluster-api/operators.ts";
import { seedClusterClasses } from "#lab/kubernetes/behaviours/cluster-api/seed.ts";
import { FakeCluster } from "./fake-cluster.ts";

export const namespace = "lab";
export const second = 1000;
export const minute = 60 * second;

type KnownKind = Parameters<typeof kindName>[0];

export interface Wish {
  readonly name?: string;
  readonly className?: string;
  readonly version?: string;
  readonly controlPlane?: number;
  readonly workers?: number;
  readonly variables?: readonly { readonly name: string; readonly value: unknown }[];
}

/** A fake cluster in which Cluster API runs, and what its tests ask of it again and again. */
export class CapiWorld {
  readonly cluster: FakeCluster;

  constructor(more: readonly Behaviour[] = []) {
    this.cluster = new FakeCluster([...clusterApi, ...more]);
    for (const object of seedClusterClasses(namespace)) this.cluster.create(object);
    this.cluster.settle();
  }

  ask(wish: Wish = {}): KubeObject {
    const { name = "c1", className = "lab-virtual", version = "v1.33.9" } = wish;
    return this.cluster.create({
      apiVersion: apiVersionOf("Cluster"),
      kind: "Cluster",
      metadata: { name, namespace },
      spec: {
        clusterNetwork: { pods: { cidrBlocks: ["10.244.0.0/16"] } },
        topology: {
          classRef: { name: className },
          version,
          controlPlane: { replicas: wish.controlPlane ?? 1 },
          workers: {
            machineDeployments: [{ name: "pool-a", class: "worker", replicas: wish.workers ?? 2 }],
          },
          ...(wish.variables === undefined ? {} : { variables: wish.variables }),
        },
      },
    });
  }

  key(kind: KnownKind, name: string): ObjectKey {
    return { kind: kindName(kind), namespace, name };
  }

  get(kind: KnownKind, name: string): KubeObject {
    return this.cluster.expect(this.key(kind, name));
  }

  of(name = "c1"): KubeObject {
    return this.get("Cluster", name);
  }

  list(kind: KnownKind, clusterName = "c1"): readonly KubeObject[] {
    return this.cluster.list(kindName(kind), {
      namespace,
      labels: { "cluster.x-k8s.io/cluster-name": clusterName },
    });
  }

  /** The first of them that `holds`. */
  one(kind: KnownKind, holds: (object: KubeObject) => boolean = () => true): KubeObject {
    const found = this.list(kind).find(holds);
    if (found === undefined) throw new Error(`no ${kind}`);
    return found;
  }

  condition(type: string, name = "c1"): Condition {
    const condition = conditionOf(this.of(name), type);
    if (condition === undefined) throw new Error(`${name} has no condition ${type}`);
    return condition;
  }

  /** Everything there, nothing on the way. */
  isDone(name = "c1"): boolean {
    const owner = this.cluster.get(this.key("Cluster", name));
    const says = (type: string): string | undefined => owner && conditionOf(owner, type)?.status;
    return (
      says("Available") === "True" &&
      says("TopologyReconciled") !== "False" &&
      says("ScalingUp") === "False" &&
      says("ScalingDown") === "False" &&
      says("RollingOut") === "False" &&
      ["controlPlane", "workers"].every((part) => {
        const status = owner?.["status"] as Record<string, Record<string, number>> | undefined;
        const counts = status?.[part];
        return (
          counts !== undefined &&
          counts["replicas"] === counts["desiredReplicas"] &&
          counts["availableReplicas"] === counts["desiredReplicas"]
        );
      })
    );
  }

  /** Makes a cluster and waits until it is done. */
  ready(wish: Wish = {}): void {
    this.ask(wish);
    this.cluster.advanceUntil(() => this.isDone(wish.name), 60 * minute);
  }

  edit(name: string, change: (topology: Topology) => void): void {
    this.cluster.update(this.key("Cluster", name), (owner) => {
      const next = structuredClone(owner) as KubeObject & { spec: { topology: Topology } };
      change(next.spec.topology);
      return next;
    });
  }

  editPool(name: string, change: (pool: Pool) => void): void {
    this.edit(name, ({ workers }) => workers.machineDeployments.forEach(change));
  }

  /** How often something was done to the world. */
  count(action: string): number {
    return this.cluster.effects.filter((effect) => effect.action === action).length;
  }
}

interface Topology {
  version: string;
  controlPlane: { replicas: number };
  workers: { machineDeployments: Pool[] };
}

interface Pool {
  name: string;
  class: string;
  replicas?: number | null;
  metadata?: object;
}
