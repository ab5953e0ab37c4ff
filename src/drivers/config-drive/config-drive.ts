import type { RunId } from "#contract/ids.ts";
import type { ConfigDrivePort } from "#drivers/ports.ts";
import { buildVolume } from "./iso9660.ts";

/** What a machine is told at its first boot. */
export interface ConfigDrive {
  /** Changes with every installation, so that cloud-init runs again: the run's id. */
  readonly instanceId: string;
  readonly hostName: string;
  /** Where the installer reports its end. */
  readonly callbackUrl: string;
  /** How the run will know that the installation is over. */
  readonly completion: string;
  readonly userData: string | null;
  /** cloud-init's network-config, version 1 or 2; null leaves the network to the image. */
  readonly networkData: string | null;
  readonly at: Date;
}

/**
 * A NoCloud config drive (cloud-init, "NoCloud" data source): an ISO 9660 volume `cidata` with `meta-data`,
 * `user-data` and, if there is any, `network-config`. The meta-data is JSON, which is YAML as well; what is ours
 * stands under `millwright`. The same input gives the same bytes.
 */
export const configDriveImage = (drive: ConfigDrive): Uint8Array =>
  buildVolume({
    label: "cidata",
    at: drive.at,
    files: [
      {
        name: "meta-data",
        content: `${JSON.stringify(
          {
            "instance-id": drive.instanceId,
            "local-hostname": drive.hostName,
            millwright: { callbackUrl: drive.callbackUrl, completion: drive.completion },
          },
          null,
          2,
        )}\n`,
      },
      // NoCloud takes a volume without user-data for a broken one.
      { name: "user-data", content: drive.userData ?? "#cloud-config\n{}\n" },
      ...(drive.networkData === null
        ? []
        : [{ name: "network-config", content: drive.networkData }]),
    ],
  });

/** See `ConfigDrivePort`; `urlOf` holds the key that makes the address unguessable. */
export const createConfigDrivePort = (urlOf: (run: RunId) => string): ConfigDrivePort => ({
  url: urlOf,
});
