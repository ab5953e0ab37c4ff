/**
 * What a virtual machine suffers from, told by the end of its name as with the lab's machines (lab/world/traits.ts). None is
 * final: KubeVirt tries again for ever.
 */
export interface VmFaults {
  /** No node has room: its instance stays in Scheduling, and it shows ErrorUnschedulable. */
  readonly isUnschedulable: boolean;
  /** What its disks come from is not there: imports fail and are tried again (DataVolumeError), container disks are not pulled (ErrImagePull, ImagePullBackOff). */
  readonly isImageMissing: boolean;
  /** Its instance fails before it runs; started anew it shows CrashLoopBackOff between the tries. */
  readonly crashes: boolean;
  /** Its guest does not stop, and neither is it killed: it stays Stopping until a stop or restart without a grace period. */
  readonly stopHangs: boolean;
  /** It stays Terminating: nobody takes its finalizer away. */
  readonly deleteHangs: boolean;
}

export function vmFaultsOf(name: string): VmFaults {
  return {
    isUnschedulable: name.endsWith("-unschedulable"),
    isImageMissing: name.endsWith("-image-missing"),
    crashes: name.endsWith("-crash-loop"),
    stopHangs: name.endsWith("-stop-hangs"),
    deleteHangs: name.endsWith("-delete-hangs"),
  };
}
