import type {
  AggregatedPath,
  AggregatedReply,
  ClusterClient,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { timestamp } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { findCondition, withCondition, withoutCondition } from "./conditions.ts";
import { paused } from "./instance.ts";
import { instanceKind, instanceSpec, instanceStatus, isMigrating } from "./objects.ts";
import type { InstanceStatus } from "./objects.ts";
import { accepted, conflict, forbidden, notFound } from "./replies.ts";

/** What a verb does to an instance: its new status, or why not. */
type Change =
  | { readonly kind: "done"; readonly status: InstanceStatus; readonly action: string }
  | { readonly kind: "refused"; readonly code: 403 | 409; readonly why: string };

type Verb = (status: InstanceStatus, instance: KubeObject, cluster: ClusterClient) => Change;

/** pause, unpause, softreboot, reset, freeze and unfreeze of a running instance; `dryRun` only asks. */
export function instanceSubresources(groupVersion: string): readonly AggregatedPath[] {
  const verbs: Readonly<Record<string, Verb>> = {
    pause,
    unpause,
    softreboot,
    reset,
    freeze,
    unfreeze,
  };
  return Object.entries(verbs).map(([name, verb]) => ({
    groupVersion,
    resource: `virtualmachineinstances/${name}`,
    put: (target, body, cluster) =>
      change({ kind: instanceKind, ...target }, verb, isDryRun(body), cluster),
  }));
}

function change(
  key: ObjectKey,
  verb: Verb,
  isDry: boolean,
  cluster: ClusterClient,
): AggregatedReply {
  const instance = cluster.get(key);
  if (instance === undefined) return notFound("virtualmachineinstance", key.name);
  const changed = verb(instanceStatus(instance), instance, cluster);
  if (changed.kind === "refused") {
    const refuse = changed.code === 403 ? forbidden : conflict;
    return refuse("virtualmachineinstance", key.name, changed.why);
  }
  if (isDry) return accepted;
  cluster.updateStatus(key, changed.status);
  cluster.effect(key.name, changed.action, {});
  return accepted;
}

function isDryRun(body: unknown): boolean {
  const { dryRun } = (body ?? {}) as { readonly dryRun?: unknown };
  return Array.isArray(dryRun) && dryRun[0] === "All";
}

function pause(status: InstanceStatus, instance: KubeObject, cluster: ClusterClient): Change {
  if (status.phase !== "Running") return refused("VM is not running");
  if (instanceSpec(instance).livenessProbe !== undefined) {
    const why = "Pausing VMIs with LivenessProbe is currently not supported";
    return { kind: "refused", code: 403, why };
  }
  if (isPaused(status)) return refused("VMI is already paused");
  if (isMigrating(status)) {
    return refused(
      `Cannot pause VM '${instance.metadata.name}' because it is currently being migrated`,
    );
  }
  const conditions = withCondition(status.conditions ?? [], paused, timestamp(cluster));
  return { kind: "done", status: { ...status, conditions }, action: "vm-paused" };
}

function unpause(status: InstanceStatus): Change {
  if (status.phase !== "Running") return refused("VMI is not running");
  if (!isPaused(status)) return refused("VMI is not paused");
  const conditions = withoutCondition(status.conditions ?? [], "Paused");
  return { kind: "done", status: { ...status, conditions }, action: "vm-unpaused" };
}

function softreboot(status: InstanceStatus, instance: KubeObject): Change {
  if (status.phase !== "Running") return refused("VM is not running");
  if (isPaused(status)) return refused("VMI is paused");
  if (instanceSpec(instance).domain.features?.acpi?.enabled === false) {
    return refused("VMI neither have the agent connected nor the ACPI feature enabled");
  }
  return { kind: "done", status, action: "vm-rebooted" };
}

function reset(status: InstanceStatus): Change {
  if (status.phase !== "Running") {
    return refused(`Failed to reset non-running VMI with phase ${status.phase ?? ""}`);
  }
  return { kind: "done", status, action: "vm-reset" };
}

function freeze(status: InstanceStatus): Change {
  if (status.phase !== "Running") return refused("VM is not running");
  return { kind: "done", status: { ...status, fsFreezeStatus: "frozen" }, action: "vm-frozen" };
}

function unfreeze({ fsFreezeStatus: _frozen, ...status }: InstanceStatus): Change {
  if (status.phase !== "Running") return refused("VMI is not running");
  return { kind: "done", status, action: "vm-unfrozen" };
}

function isPaused(status: InstanceStatus): boolean {
  return findCondition(status.conditions, "Paused") !== undefined;
}

function refused(why: string): Change {
  return { kind: "refused", code: 409, why };
}
