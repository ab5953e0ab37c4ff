/** The machines behind the BMC addresses of BareMetalHosts. */
export interface Machines {
  /** The machine whose BMC has this address (`redfish-virtualmedia+https://…`); null when the lab has none there. */
  find(bmcAddress: string): Machine | null;
}

/**
 * One machine as Ironic meets it through its BMC. Every verb returns at once; power changes take their time and are seen
 * in `power`. Asking for what is so changes nothing and logs no effect.
 */
export interface Machine {
  /** As the effect log names it. */
  readonly name: string;
  /** What an inspection finds, in the shape of `status.hardware`. */
  hardware(): HardwareDetails;
  checkAccess(username: string, password: string): "ok" | "refused" | "unreachable";
  /** As the BMC tells it. */
  power(): "on" | "off";
  /**
   * @param how `soft` asks the operating system, which may not listen; `hard` cuts the power.
   * @param key noted with the effect.
   */
  setPower(power: "on" | "off", how: "soft" | "hard", key: string): void;
  /** Restarts a machine that must not be powered off. */
  restart(how: "soft" | "hard", key: string): void;
  /** Writes the image to the first disk and starts it when the machine is on. Returns what went wrong, or null. */
  writeImage(url: string, key: string): string | null;
  /** Erases partition tables and boot records of all disks (Ironic's metadata cleaning). Returns what went wrong, or null. */
  wipe(key: string): string | null;
}

/** `status.hardware` of a BareMetalHost, `spec.hardware` of a HardwareData. */
export interface HardwareDetails {
  readonly cpu: {
    /** As `uname -m` says it. */
    readonly arch: string;
    readonly clockMegahertz: number;
    /** Threads of all sockets. */
    readonly count: number;
    readonly flags: readonly string[];
    readonly model: string;
  };
  readonly firmware: {
    readonly bios: { readonly date: string; readonly vendor: string; readonly version: string };
  };
  readonly hostname: string;
  readonly nics: readonly {
    readonly ip?: string;
    readonly mac: string;
    readonly model: string;
    readonly name: string;
    readonly pxe?: boolean;
    readonly speedGbps: number;
  }[];
  readonly ramMebibytes: number;
  readonly storage: readonly {
    readonly name: string;
    readonly alternateNames: readonly string[];
    readonly model: string;
    readonly rotational: boolean;
    readonly serialNumber: string;
    readonly sizeBytes: number;
    readonly type: "HDD" | "SSD" | "NVME";
    readonly vendor: string;
  }[];
  readonly systemVendor: {
    readonly manufacturer: string;
    readonly productName: string;
    readonly serialNumber: string;
  };
}
