/**
 * What a BareMetalHost suffers from, told by the end of its own or its machine's name as with the lab's machines
 * (lab/world/traits.ts), which have their own faults besides. None is final: like the real operator this one tries again for ever.
 */
export interface HostFaults {
  /** Every deployment ends with a `provisioning error`, is deprovisioned and started again. */
  readonly provisionFails: boolean;
  /** The inspection ramdisk never reports; after Ironic's timeout it is an `inspection error`, then the same again. */
  readonly inspectHangs: boolean;
  /** Cleaning never ends; after Ironic's timeout it is a `provisioning error`, then the same again. A deletion gives up after three. */
  readonly deprovisionHangs: boolean;
}

/** @param names of the host, which may be an id, and of its machine. */
export function hostFaultsOf(names: readonly string[]): HostFaults {
  const has = (ending: string): boolean => names.some((name) => name.endsWith(ending));
  return {
    provisionFails: has("-provision-fails"),
    inspectHangs: has("-inspect-hangs"),
    deprovisionHangs: has("-deprovision-hangs"),
  };
}
