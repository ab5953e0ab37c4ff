import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { apiVersionOf, keyOf, kindName, namespaceOf } from "./kinds.ts";
import { annotations, clusterNameOf, isDeleting, labels, specOf, statusOf } from "./relations.ts";

export interface Metal3MachineSpec {
  readonly image?: {
    readonly url: string;
    readonly checksum: string;
    readonly checksumType?: string;
    readonly diskFormat?: string;
  };
  readonly hostSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly automatedCleaningMode?: string;
  readonly userData?: { readonly name?: string };
}

interface HostSpec {
  readonly consumerRef?: { readonly name?: string; readonly kind?: string };
  readonly image?: { readonly url: string };
  readonly [field: string]: unknown;
}

interface HostStatus {
  readonly provisioning: { readonly state?: string; readonly image?: { readonly url?: string } };
  readonly errorMessage: string;
}

/** Annotations that keep a host out of every choice. */
const leftAlone = ["baremetalhost.metal3.io/paused", "baremetalhost.metal3.io/detached"];

/** The host that the machine has taken, by its annotation `<namespace>/<name>`. */
export function hostOf(machine: KubeObject, cluster: ClusterClient): KubeObject | undefined {
  const [namespace, name] =
    machine.metadata.annotations?.[annotations.bareMetalHost]?.split("/") ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return cluster.get({ kind: kindName("BareMetalHost"), namespace, name });
}

/** The first free host by name, or the message that says why there is none. */
export function chooseHost(machine: KubeObject, cluster: ClusterClient): KubeObject | string {
  const wanted = specOf<Metal3MachineSpec>(machine).hostSelector?.matchLabels ?? {};
  const hosts = cluster.list(kindName("BareMetalHost"), { namespace: namespaceOf(machine) });
  const mine = hosts.find((host) => isTakenBy(host, machine));
  if (mine !== undefined) return mine;
  const free = hosts.filter((host) => isFree(host) && hasLabels(host, wanted));
  const [first] = free.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return first ?? "no available host found";
}

function isFree(host: KubeObject): boolean {
  const { consumerRef } = specOf<HostSpec>(host);
  return (
    consumerRef === undefined &&
    !isDeleting(host) &&
    statusOf<HostStatus>(host).provisioning?.state === "available" &&
    (statusOf<HostStatus>(host).errorMessage ?? "") === "" &&
    leftAlone.every((name) => host.metadata.annotations?.[name] === undefined)
  );
}

function hasLabels(host: KubeObject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => host.metadata.labels?.[name] === value);
}

function isTakenBy(host: KubeObject, machine: KubeObject): boolean {
  const { consumerRef } = specOf<HostSpec>(host);
  return consumerRef?.kind === "Metal3Machine" && consumerRef.name === machine.metadata.name;
}

/** Marks the host as the machine's and says what is to be written on it; the Bare Metal Operator does the rest. */
export function takeHost(
  host: KubeObject,
  machine: KubeObject,
  secret: string,
  cluster: ClusterClient,
): KubeObject {
  const { image, automatedCleaningMode } = specOf<Metal3MachineSpec>(machine);
  const namespace = namespaceOf(machine);
  const { diskFormat, ...rest } = image ?? { url: "", checksum: "" };
  cluster.update(keyOf(machine), (newest) => ({
    ...newest,
    metadata: {
      ...newest.metadata,
      annotations: {
        ...newest.metadata.annotations,
        [annotations.bareMetalHost]: `${namespaceOf(host)}/${host.metadata.name}`,
      },
    },
  }));
  const taken = cluster.update(keyOf(host), (newest) => ({
    ...newest,
    metadata: {
      ...newest.metadata,
      labels: { ...newest.metadata.labels, [labels.clusterName]: clusterNameOf(machine) },
    },
    spec: {
      ...specOf<HostSpec>(newest),
      consumerRef: {
        apiVersion: apiVersionOf("Metal3Machine"),
        kind: "Metal3Machine",
        name: machine.metadata.name,
        namespace,
      },
      image: { ...rest, ...(diskFormat === undefined ? {} : { format: diskFormat }) },
      userData: { name: secret, namespace },
      ...(automatedCleaningMode === undefined ? {} : { automatedCleaningMode }),
      online: true,
    },
  }));
  return taken ?? host;
}

/** Whether the machine's image is on it. */
export function isHostProvisioned(host: KubeObject, machine: KubeObject): boolean {
  const { provisioning } = statusOf<HostStatus>(host);
  return (
    provisioning?.state === "provisioned" &&
    provisioning.image?.url === specOf<Metal3MachineSpec>(machine).image?.url
  );
}

/** Takes image and data off the host, so that it is deprovisioned. A second call changes nothing. */
export function freeHost(host: KubeObject, machine: KubeObject, cluster: ClusterClient): void {
  if (!isTakenBy(host, machine)) return;
  cluster.update(keyOf(host), (newest) => {
    const { image: _image, userData: _data, ...rest } = specOf<HostSpec>(newest);
    const { [labels.clusterName]: _cluster, ...kept } = newest.metadata.labels ?? {};
    return {
      ...newest,
      metadata: { ...newest.metadata, labels: kept },
      spec: { ...rest, online: rest["automatedCleaningMode"] !== "disabled" },
    };
  });
}

/** Whether nothing of the machine is left on it. */
export function isReleased(host: KubeObject): boolean {
  const state = statusOf<HostStatus>(host).provisioning?.state;
  return state !== "provisioned" && state !== "provisioning" && state !== "deprovisioning";
}
