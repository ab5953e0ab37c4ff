import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { second, timestamp } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { nodeFor } from "./nodes.ts";
import {
  instanceKind,
  instanceStatus,
  held,
  isDeleting,
  migrationKind,
  sameName,
  withoutFinalizer,
} from "./objects.ts";
import type { InstanceStatus, MigrationState } from "./objects.ts";

const migrationFinalizer = "kubevirt.io/migrationJobFinalize";

interface MigrationStatus {
  readonly phase?: string;
  readonly migrationState?: MigrationState;
  readonly phaseTransitionTimestamps?: readonly object[];
}

/** How long a phase lasts, in ms of life, and what follows it. */
const course: Readonly<Record<string, { readonly ms: number; readonly next: string }>> = {
  Pending: { ms: 1 * second, next: "Scheduling" },
  Scheduling: { ms: 3 * second, next: "Scheduled" },
  Scheduled: { ms: 2 * second, next: "PreparingTarget" },
  PreparingTarget: { ms: 3 * second, next: "TargetReady" },
  TargetReady: { ms: 1 * second, next: "Running" },
  Running: { ms: 15 * second, next: "Succeeded" },
};

/** Moves an instance to another node. One that is deleted on the way is aborted. */
export function reconcileMigration(seen: KubeObject, cluster: ClusterClient): number | null {
  const key = sameName(seen, migrationKind);
  const status = (seen["status"] ?? {}) as MigrationStatus;
  const isOver = status.phase === "Succeeded" || status.phase === "Failed";
  if (isDeleting(seen)) {
    if (!isOver) finish(seen, status, cluster, "the migration was aborted");
    cluster.update(key, (newest) => withoutFinalizer(newest, migrationFinalizer));
    return null;
  }
  if (isOver) return null;
  const migration = held(seen, migrationKind, migrationFinalizer, cluster);
  if (migration === undefined) return null;
  const instance = instanceOf(migration, cluster);
  if (instance === undefined || instanceStatus(instance).phase !== "Running") {
    finish(migration, status, cluster, "the instance does not run any more");
    return null;
  }
  if (status.phase === undefined) {
    enter(migration, status, "Pending", cluster);
    return 0;
  }
  const since = cluster.memory<number>(migration) ?? cluster.now();
  const step = course[status.phase];
  if (step === undefined) return null;
  const leftMs = step.ms - (cluster.now() - since) * cluster.speed;
  if (leftMs > 0) return leftMs;
  if (step.next === "Succeeded") finish(migration, status, cluster, null);
  else if (step.next === "Running") begin(migration, instance, status, cluster);
  else enter(migration, status, step.next, cluster);
  return 0;
}

function instanceOf(migration: KubeObject, cluster: ClusterClient): KubeObject | undefined {
  const { vmiName } = migration["spec"] as { readonly vmiName?: string };
  return cluster.get({ ...sameName(migration, instanceKind), name: vmiName ?? "" });
}

function enter(
  migration: KubeObject,
  status: MigrationStatus,
  phase: string,
  cluster: ClusterClient,
): void {
  cluster.remember(migration, cluster.now());
  cluster.updateStatus(sameName(migration, migrationKind), {
    ...status,
    phase,
    phaseTransitionTimestamps: [
      ...(status.phaseTransitionTimestamps ?? []),
      { phase, phaseTransitionTimestamp: timestamp(cluster) },
    ],
  });
}

function begin(
  migration: KubeObject,
  instance: KubeObject,
  status: MigrationStatus,
  cluster: ClusterClient,
): void {
  const { uid } = migration.metadata;
  const draft = instanceStatus(instance);
  const sourceNode = draft.nodeName ?? "";
  const targetNode = nodeFor(uid, cluster, sourceNode);
  if (targetNode === null) {
    finish(migration, status, cluster, "there is no other node");
    return;
  }
  const migrationState = {
    migrationUid: uid,
    sourceNode,
    targetNode,
    startTimestamp: timestamp(cluster),
  };
  cluster.updateStatus(sameName(instance, instanceKind), { ...draft, migrationState });
  enter(migration, { ...status, migrationState }, "Running", cluster);
}

/** @param problem null: it has succeeded. */
function finish(
  migration: KubeObject,
  status: MigrationStatus,
  cluster: ClusterClient,
  problem: string | null,
): void {
  const instance = instanceOf(migration, cluster);
  const known = status.migrationState;
  const migrationState: MigrationState | undefined =
    known === undefined
      ? undefined
      : {
          ...known,
          endTimestamp: timestamp(cluster),
          ...(problem === null ? { completed: true } : { failed: true, failureReason: problem }),
        };
  if (instance !== undefined && migrationState !== undefined) {
    const draft: InstanceStatus = { ...instanceStatus(instance), migrationState };
    if (problem === null) draft.nodeName = migrationState.targetNode;
    if (!isDeepStrictEqual(draft, instanceStatus(instance))) {
      cluster.updateStatus(sameName(instance, instanceKind), draft);
    }
    if (problem === null) {
      const { sourceNode: from, targetNode: to } = migrationState;
      cluster.effect(instance.metadata.name, "vm-migrated", { from, to }, migration.metadata.uid);
    }
  }
  const next = migrationState === undefined ? status : { ...status, migrationState };
  enter(migration, next, problem === null ? "Succeeded" : "Failed", cluster);
}
