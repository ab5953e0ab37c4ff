/**
 * What a BareMetalHost suffers from, told by the end of its name as with the lab's machines (lab/world/traits.ts), which
 * have their own faults besides. None is final: like the real operator this one tries again for ever.
 */
export interface HostFaults {
  /** Every deployment ends with a `provisioning error`, is deprovisioned and started again. */
  readonly provisionFails: boolean;
  /** The inspection ramdisk never reports; after Ironic's timeout it is an `inspection error`, then the same again. */
  readonly inspectHangs: boolean;
  /** Cleaning never ends; after Ironic's timeout it is a `provisioning error`, then the same again. A deletion gives up after three. */
  readonly deprovisionHangs: boolean;
}

export function hostFaultsOf(name: string): HostFaults {
  return {
    provisionFails: name.endsWith("-provision-fails"),
    inspectHangs: name.endsWith("-inspect-hangs"),
    deprovisionHangs: name.endsWith("-deprovision-hangs"),
  };
}
