/**
 * Faults that a cluster has from birth, told by the end of its name, like a machine's (lab/world/traits.ts). All but the last
 * show as Cluster API shows them: conditions that stay bad while the operators go on trying.
 */
export interface ClusterFaults {
  /** No machine ever comes to be: the infrastructure has no room, and says so in its conditions and events. */
  readonly exceedsQuota: boolean;
  /** The first control plane machine boots, but no API server ever answers on it. */
  readonly controlPlaneHangs: boolean;
  /** An upgrade ends after the first control plane machine of the new version. */
  readonly upgradeStalls: boolean;
  /** One worker's node joins, but never becomes ready. */
  readonly workerFails: boolean;
  /** The infrastructure cluster's finalizer is never taken away. */
  readonly deleteHangs: boolean;
}

const endings = {
  quota: "exceedsQuota",
  "control-plane-hangs": "controlPlaneHangs",
  "upgrade-stalls": "upgradeStalls",
  "worker-fails": "workerFails",
  "delete-hangs": "deleteHangs",
} as const satisfies Record<string, keyof ClusterFaults>;

export function clusterFaultsOf(name: string): ClusterFaults {
  const faults: Record<keyof ClusterFaults, boolean> = {
    exceedsQuota: false,
    controlPlaneHangs: false,
    upgradeStalls: false,
    workerFails: false,
    deleteHangs: false,
  };
  for (const [ending, fault] of Object.entries(endings)) {
    if (name.endsWith(`-${ending}`)) faults[fault] = true;
  }
  return faults;
}
