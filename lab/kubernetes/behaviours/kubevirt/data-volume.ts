import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { second, timestamp } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { vmFaultsOf } from "./faults.ts";
import { claimKind, controllerReference, isDeleting, sameName, volumeKind } from "./objects.ts";

export interface VolumeSpec {
  readonly source?: Readonly<Record<string, { readonly [field: string]: unknown }>>;
  readonly sourceRef?: object;
  readonly pvc?: ClaimSpec;
  readonly storage?: ClaimSpec;
}

interface ClaimSpec {
  readonly accessModes?: readonly string[];
  readonly resources?: { readonly requests?: { readonly storage?: string } };
  readonly [field: string]: unknown;
}

export interface VolumeStatus {
  claimName?: string;
  conditions?: readonly VolumeCondition[];
  phase?: string;
  progress?: string;
  restartCount?: number;
}

interface VolumeCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastHeartbeatTime: string;
  readonly lastTransitionTime: string;
}

interface Memory {
  /** When the population began, in ms since 1970. */
  readonly since: number;
}

/** What one moment of a population looks like. */
interface Moment {
  readonly phase: string;
  readonly progress: string;
  readonly running: readonly [status: "True" | "False", reason: string, message: string];
  readonly restartCount: number;
  /** ms of life until it looks otherwise; null: it stays so. */
  readonly againInMs: number | null;
}

export function volumeStatus(volume: KubeObject): VolumeStatus {
  return volume["status"] ?? {};
}

/** Fills a DataVolume from its source into a claim of the same name. */
export function reconcileVolume(volume: KubeObject, cluster: ClusterClient): number | null {
  if (isDeleting(volume)) return null;
  const status = volumeStatus(volume);
  if (status.phase === "Succeeded") return null;
  const memory = cluster.memory<Memory>(volume) ?? { since: cluster.now() };
  if (cluster.memory(volume) === undefined) cluster.remember(volume, memory);
  const elapsedMs = (cluster.now() - memory.since) * cluster.speed;
  const moment = momentOf(volume, elapsedMs, cluster);
  const isBound = moment.phase !== "Pending";
  if (isBound) bindClaim(volume, cluster);
  const next: VolumeStatus = {
    claimName: volume.metadata.name,
    phase: moment.phase,
    progress: moment.progress,
    ...(moment.restartCount === 0 ? {} : { restartCount: moment.restartCount }),
    conditions: conditionsOf(status, moment, timestamp(cluster)),
  };
  if (!isDeepStrictEqual(next, status)) {
    cluster.updateStatus(sameName(volume, volumeKind), next);
    if (moment.phase === "Succeeded") {
      const source = Object.keys(specOf(volume).source ?? { reference: {} })[0] ?? "reference";
      cluster.effect(volume.metadata.name, "volume-filled", { source }, volume.metadata.uid);
    }
  }
  return moment.againInMs;
}

function momentOf(volume: KubeObject, elapsedMs: number, cluster: ClusterClient): Moment {
  const { source = {} } = specOf(volume);
  if (source["upload"] !== undefined) return follow(uploadSteps, elapsedMs);
  if (source["blank"] !== undefined) return follow(blankSteps, elapsedMs);
  const from = source["pvc"];
  if (from !== undefined) {
    const { namespace = volume.metadata.namespace, name } = from;
    const key = { kind: claimKind, namespace: String(namespace), name: String(name) };
    return cluster.get(key) === undefined ? waiting : follow(cloneSteps, elapsedMs);
  }
  if (source["snapshot"] !== undefined) return follow(cloneSteps, elapsedMs);
  return isImageMissing(volume) ? failingImport(elapsedMs) : follow(importSteps, elapsedMs);
}

/** The volume's own name says so, or that of the virtual machine it belongs to. */
function isImageMissing(volume: KubeObject): boolean {
  const owners = (volume.metadata.ownerReferences ?? []).map(({ name }) => name);
  return [volume.metadata.name, ...owners].some((name) => vmFaultsOf(name).isImageMissing);
}

/** A phase, from when on it is, in ms of life, and how far it has come. */
type Step = readonly [fromMs: number, phase: string, progress: string];

const importSteps: readonly Step[] = [
  [0, "Pending", "N/A"],
  [2 * second, "ImportScheduled", "N/A"],
  [6 * second, "ImportInProgress", "N/A"],
  ...Array.from({ length: 9 }, (_, index): Step => {
    const percent = (index + 1) * 10;
    return [(8 + index * 3.5) * second, "ImportInProgress", `${percent.toFixed(2)}%`];
  }),
  [40 * second, "Succeeded", "100.0%"],
];

const blankSteps: readonly Step[] = [
  [0, "Pending", "N/A"],
  [1 * second, "ImportScheduled", "N/A"],
  [5 * second, "Succeeded", "100.0%"],
];

const cloneSteps: readonly Step[] = [
  [0, "CloneScheduled", "N/A"],
  [3 * second, "CloneInProgress", "N/A"],
  [12 * second, "CloneInProgress", "50.00%"],
  [20 * second, "Succeeded", "100.0%"],
];

const uploadSteps: readonly Step[] = [
  [0, "UploadScheduled", "N/A"],
  [5 * second, "UploadReady", "N/A"],
];

const waiting: Moment = {
  phase: "Pending",
  progress: "N/A",
  running: ["False", "", "the claim to be cloned does not exist"],
  restartCount: 0,
  againInMs: 10 * second,
};

function follow(steps: readonly Step[], elapsedMs: number): Moment {
  const at = steps.findLastIndex(([fromMs]) => fromMs <= elapsedMs);
  const [, phase, progress] = steps[Math.max(0, at)] ?? [0, "Pending", "N/A"];
  const next = steps[at + 1];
  const isRunning = phase.endsWith("InProgress") || phase === "UploadReady";
  return {
    phase,
    progress,
    running: isRunning
      ? ["True", "Pod is running", ""]
      : phase === "Succeeded"
        ? ["False", "Completed", "Import Complete"]
        : ["False", "ContainerCreating", ""],
    restartCount: 0,
    againInMs: next === undefined ? null : Math.max(1, next[0] - elapsedMs),
  };
}

const attemptMs = 10 * second;
const pauseMs = 20 * second;

/** An importer that finds nothing ends, and is started again for ever. */
function failingImport(elapsedMs: number): Moment {
  const beginMs = 6 * second;
  if (elapsedMs < beginMs) return follow(importSteps, elapsedMs);
  const cycleMs = attemptMs + pauseMs;
  const sinceMs = (elapsedMs - beginMs) % cycleMs;
  const failures = Math.floor((elapsedMs - beginMs) / cycleMs) + (sinceMs >= attemptMs ? 1 : 0);
  const isTrying = sinceMs < attemptMs;
  return {
    phase: "ImportInProgress",
    progress: "N/A",
    running: isTrying
      ? ["True", "Pod is running", ""]
      : [
          "False",
          "Error",
          "Unable to process data: expected status code 200, got 404. Status: 404 Not Found",
        ],
    restartCount: failures,
    againInMs: Math.max(1, (isTrying ? attemptMs : cycleMs) - sinceMs),
  };
}

function conditionsOf(
  before: VolumeStatus,
  moment: Moment,
  now: string,
): readonly VolumeCondition[] {
  const [running, reason, message] = moment.running;
  const isBound = moment.phase !== "Pending";
  const isReady = moment.phase === "Succeeded";
  const wanted = [
    isBound
      ? (["Bound", "True", "Bound", "PVC is bound"] as const)
      : (["Bound", "False", "Pending", "PVC is pending"] as const),
    ["Ready", isReady ? "True" : "False", isReady ? "" : "TransferRunning", ""] as const,
    ["Running", running, reason, message] as const,
  ];
  return wanted.map(([type, status, why, text]) => {
    const old = before.conditions?.find((condition) => condition.type === type);
    const isSame = old?.status === status && old.reason === why && old.message === text;
    if (isSame) return old;
    return {
      type,
      status,
      reason: why,
      message: text,
      lastHeartbeatTime: now,
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
    };
  });
}

function bindClaim(volume: KubeObject, cluster: ClusterClient): void {
  const key = sameName(volume, claimKind);
  if (cluster.get(key) !== undefined) return;
  const { pvc, storage } = specOf(volume);
  const { accessModes = ["ReadWriteOnce"], ...asked } = pvc ?? storage ?? {};
  const { name, namespace = "" } = volume.metadata;
  cluster.create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace,
      labels: { app: "containerized-data-importer" },
      ownerReferences: [controllerReference(volume)],
    },
    spec: {
      volumeMode: "Filesystem",
      ...asked,
      accessModes,
      volumeName: `pvc-${volume.metadata.uid}`,
    },
  });
  const capacity = asked.resources?.requests ?? {};
  cluster.updateStatus(key, { phase: "Bound", accessModes, capacity });
}

function specOf(volume: KubeObject): VolumeSpec {
  return volume["spec"] as VolumeSpec;
}
