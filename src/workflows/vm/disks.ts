import type { VmDisk } from "#contract/vm.ts";
import type { VmState } from "#drivers/vm-ports.ts";

/** Every disk that was asked for is there and filled. KubeVirt makes them a moment after the machine, so none of them means none yet. */
export const areFilled = (
  wanted: readonly Pick<VmDisk, "name">[],
  seen: VmState["disks"],
): boolean => wanted.every(({ name }) => seen.some((disk) => disk.name === name && isFilled(disk)));

/** A volume that waits for its first consumer is filled when the machine first starts. */
const isFilled = ({ phase }: { readonly phase: string }): boolean =>
  phase === "Succeeded" || phase === "WaitForFirstConsumer" || phase === "PendingPopulation";
