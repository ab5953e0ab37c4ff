import type { RunId } from "#contract/ids.ts";
import { ownLabels } from "#drivers/kubernetes/labels.ts";
import { apiVersionOf, type Manifest } from "#drivers/kubernetes/object.ts";
import type { VmRef, WantedVm } from "#drivers/vm-ports.ts";
import { vmKind } from "./kinds.ts";

/** The DataVolume of a disk: named after both, because disks outlive their machine where that is wished. */
export const volumeName = (vm: VmRef, disk: string): string => `${vm.name}-${disk}`;

/** Gives the name of a disk back. */
export const diskName = (vm: VmRef, volume: string): string =>
  volume.startsWith(`${vm.name}-`) ? volume.slice(vm.name.length + 1) : volume;

export const cloudInitName = (vm: VmRef): string => `${vm.name}-cloud-init`;

/** The name of the cloud-init disk within the machine. */
const cloudInitDisk = "millwright-cloud-init";

/** What fills a disk (CDI's DataVolumeSource): an image in a registry, one behind a URL, or nothing. */
const sourceOf = (image: string | null): object => {
  if (image === null) return { blank: {} };
  return /^(docker|oci-archive):\/\//.test(image)
    ? { registry: { url: image } }
    : { http: { url: image } };
};

/** The pod network behind NAT when none is named; otherwise a bridge to each, in this order. */
const networkOf = (networks: readonly string[]): { interfaces: object[]; networks: object[] } =>
  networks.length === 0
    ? {
        interfaces: [{ name: "default", masquerade: {} }],
        networks: [{ name: "default", pod: {} }],
      }
    : {
        interfaces: networks.map((_name, index) => ({ name: `net${index}`, bridge: {} })),
        networks: networks.map((networkName, index) => ({
          name: `net${index}`,
          multus: { networkName },
        })),
      };

/** The VirtualMachine, with a DataVolume for each disk and the cloud-init Secret by its name. */
export const vmManifest = (
  vm: VmRef,
  wanted: WantedVm,
  by: { readonly run: RunId | null },
): Manifest => {
  const labels = ownLabels({ run: by.run, id: vm.id });
  const { interfaces, networks } = networkOf(wanted.networks);
  const cloudInit = wanted.userData !== null;
  // The disk to boot from comes first, the others as they were wished.
  const order = wanted.disks.findIndex(({ boot }) => boot);
  return {
    apiVersion: apiVersionOf(vmKind.group, vmKind.versions[0]),
    kind: vmKind.kind,
    metadata: { name: vm.name, namespace: vm.place.namespace, labels },
    spec: {
      runStrategy: wanted.running ? "Always" : "Halted",
      dataVolumeTemplates: wanted.disks.map(({ name, size, image }) => ({
        metadata: { name: volumeName(vm, name), labels },
        spec: {
          source: sourceOf(image),
          storage: { resources: { requests: { storage: size } } },
        },
      })),
      template: {
        metadata: { labels },
        spec: {
          domain: {
            cpu: { cores: wanted.cpus },
            memory: { guest: wanted.memory },
            devices: {
              disks: [
                ...wanted.disks.map(({ name }, index) => ({
                  name,
                  disk: { bus: "virtio" },
                  ...(index === order ? { bootOrder: 1 } : {}),
                })),
                ...(cloudInit ? [{ name: cloudInitDisk, disk: { bus: "virtio" } }] : []),
              ],
              interfaces,
            },
          },
          networks,
          volumes: [
            ...wanted.disks.map(({ name }) => ({
              name,
              dataVolume: { name: volumeName(vm, name) },
            })),
            ...(cloudInit
              ? [
                  {
                    name: cloudInitDisk,
                    cloudInitNoCloud: { secretRef: { name: cloudInitName(vm) } },
                  },
                ]
              : []),
          ],
        },
      },
    },
  };
};

/** The Secret that KubeVirt gives the guest as cloud-init's user data (key `userdata`). */
export const cloudInitManifest = (
  vm: VmRef,
  userData: string,
  by: { readonly run: RunId },
): Manifest => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: cloudInitName(vm),
    namespace: vm.place.namespace,
    labels: ownLabels({ run: by.run, id: vm.id }),
  },
  type: "Opaque",
  data: { userdata: Buffer.from(userData, "utf8").toString("base64") },
});
