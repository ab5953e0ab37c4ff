import type { KubernetesPlace, Problem } from "#contract/cluster.ts";
import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { Inventory, PowerState } from "#contract/inventory.ts";
import type { ProvisionedImage } from "#contract/server.ts";
import type { KubernetesWrite } from "./cluster-ports.ts";
import type { BmcRef, PowerIntent, ReadOptions } from "./ports.ts";

/** What Millwright asks of Metal3's baremetal-operator. Manners and failures are those of `cluster-ports.ts`. */

export interface HostRef {
  readonly id: ServerId;
  readonly place: KubernetesPlace;
  readonly name: string;
}

export interface HostState {
  readonly uid: string;
  readonly deleting: boolean;
  /** `status.provisioning.state` (registering, inspecting, available, provisioning, provisioned, deprovisioning …); empty before the operator's first look. */
  readonly state: string;
  /** OK, delayed (waits for a free slot: not an error), error, detached … */
  readonly operationalStatus: string;
  readonly power: PowerState;
  /** The wish: `spec.online`, and not held off by us. */
  readonly online: boolean;
  /** The wish and what is on the disk; equal when it is written. */
  readonly image: { readonly wanted: string | null; readonly written: string | null };
  /** Metal3's provisioning errors are seen for a minute or two only, so each is worth a fact. Null: none now. */
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly count: number;
  } | null;
  /** The run whose wish the image is; null when it is nobody's or another's. */
  readonly imageOf: RunId | null;
  /** An asked inspection has not begun. */
  readonly inspectionPending: boolean;
  /** The run that asked for an inspection last; null when none did. */
  readonly inspectionOf: RunId | null;
  /** End of the last deprovisioning by Metal3's clock, ISO 8601, whether it cleaned or not (`cleaning`); null before the first and during one. */
  readonly cleanedAt: string | null;
  /** How disks are cleaned when an image is taken back (`spec.automatedCleaningMode`). */
  readonly cleaning: "metadata" | "disabled";
  /** Name of the object that has taken the host (`spec.consumerRef`); such a host must not be written. */
  readonly consumer: string | null;
  readonly paused: boolean;
  readonly summary: string;
  readonly problems: readonly Problem[];
}

/** Configuration that a run has put beside the host. */
export interface StagedConfig {
  readonly run: RunId;
  readonly userData: boolean;
  readonly networkData: boolean;
}

export interface HostPort {
  /** Creates the credentials' Secret and the BareMetalHost. `already` when they are there and ours. Repeating is safe. CONFLICT: another's. */
  enroll(
    host: HostRef,
    wanted: {
      readonly bmc: BmcRef;
      /** Redfish path of the ComputerSystem. */
      readonly systemPath: string;
      /** The BMC's vendor, normalised as `identify` gives it: it decides Metal3's driver. */
      readonly vendor: string | null;
      readonly bootMacAddress: string | null;
      readonly bootMode: "UEFI" | "legacy";
      readonly online: boolean;
      readonly labels: Readonly<Record<string, string>>;
    },
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /** Null when there is no such host. Read-only. */
  read(host: HostRef, options: ReadOptions): Promise<HostState | null>;
  /** What the last inspection found (HardwareData), in Millwright's form; null before the first. Read-only. */
  readInventory(host: HostRef, options: ReadOptions): Promise<Inventory | null>;
  /** Asks for an inspection (annotation). `already` when this run has asked, whatever has become of it. */
  inspect(host: HostRef, options: KubernetesWrite): Promise<"asked" | "already">;
  /** Writes the user data and network data as Secrets of this run. Repeating is safe. */
  stageConfig(
    host: HostRef,
    config: { readonly userData: SecretId | null; readonly networkData: SecretId | null },
    options: KubernetesWrite,
  ): Promise<void>;
  /** Removes the Secrets that this run staged. Nothing there: success. */
  unstageConfig(host: HostRef, options: KubernetesWrite): Promise<void>;
  /**
   * Wishes the image on the disk, with the configuration that `config.run` staged, and the host online. `already` when this run's image
   * is wished. CONFLICT when a consumer has the host.
   */
  setImage(
    host: HostRef,
    wanted: { readonly image: ProvisionedImage; readonly config: StagedConfig | null },
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /**
   * Takes the image's wish back, and all Secrets that were ever staged but those of the run `keep`; the operator then cleans the disks.
   * `already` when there is no wish. Repeating is safe. CONFLICT when a consumer has the host.
   */
  clearImage(
    host: HostRef,
    keep: RunId | null,
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /**
   * Wishes power on or off. `already` when wished. Where a consumer owns `spec.online`, off is an annotation that holds the host off
   * (`reboot.metal3.io/<key>`) and on takes it away. `force-off` of a host with an image is always such an annotation, of the mode `hard`: no
   * operating system is asked; `off` afterwards makes a wish of it and takes the force away. Of other hosts it is an `off`: there Metal3 asks nobody.
   */
  setPower(
    host: HostRef,
    intent: PowerIntent,
    options: KubernetesWrite,
  ): Promise<"asked" | "already">;
  /** Asks for deletion, uid as precondition; the operator cleans and powers off. `gone` when neither host nor Secret are there. */
  unenroll(host: HostRef, options: KubernetesWrite): Promise<"asked" | "gone">;
}
