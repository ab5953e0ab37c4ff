import type { NewObject } from "#lab/kubernetes/behaviours/behaviour.ts";
import { apiVersionOf } from "./kinds.ts";

/** The Kubernetes versions that the lab's classes offer, oldest first; a jump over a minor goes through the one between. */
export const offeredVersions: readonly string[] = ["v1.32.13", "v1.33.9", "v1.34.5", "v1.35.2"];

/** The image that the lab's metal classes write, unless a cluster gives its own. Played hosts never fetch it. */
const nodeImage = {
  url: "http://127.0.0.1/images/kubernetes-node.qcow2",
  checksum: "6f1ed002ab5595859014ebf0951522d9f0bb1c1c5a4f0b4a0b6d3f1d7c0e9a55",
  checksumType: "sha256",
  diskFormat: "qcow2",
};

/**
 * What a lab offers for making clusters: the ClusterClasses `lab-virtual`, whose machines are only objects, and `lab-metal3`,
 * whose machines are BareMetalHosts of the namespace. In both, workers are of the class `worker`.
 */
export function seedClusterClasses(namespace: string): readonly NewObject[] {
  return [...virtualClass(namespace), ...metalClass(namespace)];
}

function virtualClass(namespace: string): readonly NewObject[] {
  const name = "lab-virtual";
  return [
    template("DevClusterTemplate", name, namespace, { backend: { inMemory: {} } }),
    template("DevMachineTemplate", name, namespace, { backend: { inMemory: {} } }),
    ...commonTemplates(name, namespace),
    clusterClass(name, namespace, "Dev", {}),
  ];
}

function metalClass(namespace: string): readonly NewObject[] {
  const name = "lab-metal3";
  const machine = {
    image: nodeImage,
    automatedCleaningMode: "metadata",
    hostSelector: { matchLabels: {} },
  };
  return [
    template("Metal3ClusterTemplate", name, namespace, { cloudProviderEnabled: false }),
    template("Metal3MachineTemplate", name, namespace, machine),
    ...commonTemplates(name, namespace),
    clusterClass(name, namespace, "Metal3", {
      variables: [
        {
          name: "hostSelector",
          required: false,
          schema: {
            openAPIV3Schema: {
              type: "object",
              description:
                "Labels that a BareMetalHost must have to be taken. Empty: any available host.",
              additionalProperties: { type: "string" },
              default: {},
            },
          },
        },
        {
          name: "image",
          required: false,
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: "What is written on the disks.",
              required: ["url", "checksum"],
              properties: {
                url: { type: "string" },
                checksum: { type: "string" },
                checksumType: { type: "string", enum: ["md5", "sha256", "sha512"] },
                diskFormat: { type: "string", enum: ["raw", "qcow2", "vdi", "vmdk", "live-iso"] },
              },
              default: nodeImage,
            },
          },
        },
        {
          name: "controlPlaneMaxSurge",
          required: false,
          schema: {
            openAPIV3Schema: {
              type: "integer",
              description:
                "1: an upgrade of the control plane needs a spare host. 0: it goes without, with three or more replicas.",
              minimum: 0,
              maximum: 1,
              default: 1,
            },
          },
        },
      ],
      patches: [
        {
          name: "hosts",
          description: "Which hosts are taken, and what is written on them",
          definitions: [
            {
              selector: selector("Metal3MachineTemplate", {
                controlPlane: true,
                machineDeploymentClass: { names: ["worker"] },
              }),
              jsonPatches: [
                replace("/spec/template/spec/hostSelector/matchLabels", "hostSelector"),
                replace("/spec/template/spec/image", "image"),
              ],
            },
          ],
        },
        {
          name: "controlPlaneRollout",
          definitions: [
            {
              selector: selector("KubeadmControlPlaneTemplate", { controlPlane: true }),
              jsonPatches: [
                replace(
                  "/spec/template/spec/rollout/strategy/rollingUpdate/maxSurge",
                  "controlPlaneMaxSurge",
                ),
              ],
            },
          ],
        },
      ],
    }),
  ];
}

/** Both classes are the same but for their provider. Machines are replaced in the way that Cluster API takes where nothing is said: a new one first. */
function clusterClass(
  name: string,
  namespace: string,
  provider: "Dev" | "Metal3",
  more: object,
): NewObject {
  const ref = (kind: Parameters<typeof apiVersionOf>[0]) => ({
    templateRef: { apiVersion: apiVersionOf(kind), kind, name },
  });
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
  return {
    apiVersion: apiVersionOf("ClusterClass"),
    kind: "ClusterClass",
    metadata: { name, namespace },
    spec: {
      kubernetesVersions: offeredVersions,
      infrastructure: ref(`${provider}ClusterTemplate`),
      controlPlane: {
        ...ref("KubeadmControlPlaneTemplate"),
        machineInfrastructure: ref(`${provider}MachineTemplate`),
      },
      workers: {
        machineDeployments: [
          {
            class: "worker",
            bootstrap: ref("KubeadmConfigTemplate"),
            infrastructure: ref(`${provider}MachineTemplate`),
            rollout: { strategy: { type: "RollingUpdate", rollingUpdate } },
          },
        ],
      },
      ...more,
    },
  };
}

function commonTemplates(name: string, namespace: string): readonly NewObject[] {
  const registration = { nodeRegistration: { name: "{{ ds.meta_data.local_hostname }}" } };
  return [
    template("KubeadmControlPlaneTemplate", name, namespace, {
      kubeadmConfigSpec: { initConfiguration: registration, joinConfiguration: registration },
      rollout: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } },
    }),
    template("KubeadmConfigTemplate", name, namespace, { joinConfiguration: registration }),
  ];
}

function template(
  kind: Parameters<typeof apiVersionOf>[0],
  name: string,
  namespace: string,
  spec: object,
): NewObject {
  return {
    apiVersion: apiVersionOf(kind),
    kind,
    metadata: { name, namespace },
    spec: { template: { spec } },
  };
}

function selector(kind: Parameters<typeof apiVersionOf>[0], matchResources: object): object {
  return { apiVersion: apiVersionOf(kind), kind, matchResources };
}

function replace(path: string, variable: string): object {
  return { op: "replace", path, valueFrom: { variable } };
}
