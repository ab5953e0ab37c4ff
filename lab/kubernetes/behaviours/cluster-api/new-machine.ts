import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import {
  apiVersionOf,
  type ContractRef,
  keyOf,
  keyOfRef,
  kindOf,
  namespaceOf,
  ownedBy,
  refTo,
} from "./kinds.ts";
import type { Template } from "./model.ts";
import { endingFor } from "./names.ts";
import { annotations, clusterNameOf, labels, specOf } from "./relations.ts";

export interface MachineWish {
  /** The control plane or set that it is for. */
  readonly owner: KubeObject;
  readonly version: string;
  readonly infrastructureTemplate: ContractRef;
  /** What its node is told at first boot. */
  readonly bootstrap: { readonly template: ContractRef } | { readonly config: object };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Makes a Machine and what it consists of: an infrastructure machine cloned from its template, and a KubeadmConfig. Answers
 * the message of what is missing, or null when they are made. Every call makes another machine.
 */
export function makeMachine(wish: MachineWish, cluster: ClusterClient): string | null {
  const { owner } = wish;
  const namespace = namespaceOf(owner);
  const template = cluster.get(keyOfRef(wish.infrastructureTemplate, namespace));
  if (template === undefined) return missing(wish.infrastructureTemplate);
  const config = bootstrapConfig(wish, cluster);
  if (typeof config === "string") return config;

  const name = nextName(owner, cluster);
  const own = { [labels.clusterName]: clusterNameOf(owner), ...wish.labels };
  const kind = template.kind.replace(/Template$/, "");
  const machine = cluster.create({
    apiVersion: apiVersionOf("Machine"),
    kind: "Machine",
    metadata: {
      name,
      namespace,
      labels: own,
      annotations: { ...wish.annotations },
      finalizers: ["machine.cluster.x-k8s.io"],
      ownerReferences: [ownedBy(owner)],
    },
    spec: {
      clusterName: clusterNameOf(owner),
      version: wish.version,
      bootstrap: {
        configRef: refTo({
          apiVersion: apiVersionOf("KubeadmConfig"),
          kind: "KubeadmConfig",
          metadata: { name },
        }),
      },
      infrastructureRef: refTo({ apiVersion: template.apiVersion, kind, metadata: { name } }),
    },
  });
  const parts = { namespace, name, labels: own, ownerReferences: [ownedBy(machine)] };
  cluster.create({
    apiVersion: template.apiVersion,
    kind,
    metadata: {
      ...parts,
      annotations: {
        [annotations.clonedFrom]: template.metadata.name,
        [annotations.clonedFromKind]: kindOf(template),
      },
    },
    spec: specOf<Template>(template).template.spec,
  });
  cluster.create({
    apiVersion: apiVersionOf("KubeadmConfig"),
    kind: "KubeadmConfig",
    metadata: parts,
    spec: config,
  });
  cluster.event(owner, "Normal", "SuccessfulCreate", `Created Machine ${name}`);
  return null;
}

/** Asks for a machine's end; its own operators take it apart. */
export function removeMachine(
  machine: KubeObject,
  owner: KubeObject,
  cluster: ClusterClient,
): void {
  cluster.delete(keyOf(machine));
  cluster.event(owner, "Normal", "SuccessfulDelete", `Deleted Machine ${machine.metadata.name}`);
}

function bootstrapConfig(wish: MachineWish, cluster: ClusterClient): object | string {
  if ("config" in wish.bootstrap) return wish.bootstrap.config;
  const template = cluster.get(keyOfRef(wish.bootstrap.template, namespaceOf(wish.owner)));
  if (template === undefined) return missing(wish.bootstrap.template);
  return specOf<Template>(template).template.spec;
}

function missing(ref: ContractRef): string {
  return `failed to clone: ${ref.kind}.${ref.apiGroup} "${ref.name}" not found`;
}

/** Names are not used twice: the owner remembers how many it has made. */
function nextName(owner: KubeObject, cluster: ClusterClient): string {
  const memory = cluster.memory<{ readonly made?: number }>(owner);
  const made = (memory?.made ?? 0) + 1;
  cluster.remember(owner, { ...memory, made });
  return `${owner.metadata.name}-${endingFor(owner.metadata.uid, String(made))}`;
}
