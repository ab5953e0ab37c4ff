import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";

interface Waiting {
  readonly step: string;
  /** ms since 1970. */
  readonly since: number;
}

const second = 1000;

/**
 * How long things take in life, in ms. Together they make a control plane node that joins after about four minutes, a worker
 * after three, and a cluster that is gone after two, which is what small clusters on fast machines commonly show.
 */
export const takes = {
  topology: 5 * second,
  infrastructureCluster: 15 * second,
  bootstrapData: 10 * second,
  virtualMachine: 90 * second,
  firstJoin: 140 * second,
  controlPlaneJoin: 130 * second,
  workerJoin: 80 * second,
  /** Until a kubelet that says nothing is noticed: Kubernetes' `node-monitor-grace-period`. */
  kubeletSilence: 50 * second,
  /** A host's self-test and boot. */
  hostStart: 60 * second,
  drain: 30 * second,
  virtualMachineRemoval: 15 * second,
  infrastructureClusterRemoval: 15 * second,
  /** Until an operator tries again what went wrong. */
  retry: 60 * second,
} as const;

/**
 * How many ms of life are left of a step that takes `ms`, counted from the first time that anybody asked about that step of
 * that object. 0: it is over. An object is in one step at a time; asking about another starts that one.
 */
export function left(step: string, ms: number, object: KubeObject, cluster: ClusterClient): number {
  const waiting = cluster.memory<Waiting>(object);
  if (waiting?.step !== step) {
    const begun: Waiting = { step, since: cluster.now() };
    cluster.remember(object, { ...waiting, ...begun });
    return ms;
  }
  return Math.max(0, ms - (cluster.now() - waiting.since) * cluster.speed);
}

/** Whether that step is the one which was asked about last. */
export function isIn(step: string, object: KubeObject, cluster: ClusterClient): boolean {
  return cluster.memory<Waiting>(object)?.step === step;
}
