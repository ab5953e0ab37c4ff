import type { ContractRef } from "./kinds.ts";

/** The fields of Cluster API's v1beta2 kinds that these operators act on; the CRDs have more. */

export interface ClusterSpec {
  readonly paused?: boolean;
  readonly controlPlaneEndpoint?: Endpoint;
  readonly infrastructureRef?: ContractRef;
  readonly controlPlaneRef?: ContractRef;
  readonly topology?: Topology;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface Topology {
  readonly classRef: { readonly name: string; readonly namespace?: string };
  readonly version: string;
  readonly controlPlane?: {
    readonly replicas?: number | null;
    readonly variables?: { readonly overrides?: readonly Variable[] };
  };
  readonly workers?: { readonly machineDeployments?: readonly DeploymentTopology[] };
  readonly variables?: readonly Variable[];
}

export interface DeploymentTopology {
  readonly name: string;
  readonly class: string;
  readonly replicas?: number | null;
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly variables?: { readonly overrides?: readonly Variable[] };
  readonly deletion?: Deletion;
  readonly rollout?: { readonly strategy?: RolloutStrategy };
}

export interface Variable {
  readonly name: string;
  readonly value: unknown;
}

interface Deletion {
  readonly order?: "Random" | "Newest" | "Oldest";
}

export interface RolloutStrategy {
  readonly type?: "RollingUpdate" | "OnDelete";
  readonly rollingUpdate?: {
    readonly maxSurge?: number | string;
    readonly maxUnavailable?: number | string;
  };
}

export interface ClusterStatus {
  readonly phase: string;
  readonly initialization: {
    readonly infrastructureProvisioned?: boolean;
    readonly controlPlaneInitialized?: boolean;
  };
}

interface TemplateRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

export interface ClusterClassSpec {
  readonly infrastructure: { readonly templateRef: TemplateRef };
  readonly controlPlane: {
    readonly templateRef: TemplateRef;
    readonly machineInfrastructure?: { readonly templateRef: TemplateRef };
  };
  readonly workers?: { readonly machineDeployments?: readonly DeploymentClass[] };
  readonly variables?: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: { readonly openAPIV3Schema: { readonly default?: unknown } };
  }[];
  readonly patches?: readonly ClassPatch[];
  readonly kubernetesVersions?: readonly string[];
}

export interface DeploymentClass {
  readonly class: string;
  readonly bootstrap: { readonly templateRef: TemplateRef };
  readonly infrastructure: { readonly templateRef: TemplateRef };
  readonly deletion?: Deletion;
  readonly rollout?: { readonly strategy?: RolloutStrategy };
}

export interface ClassPatch {
  readonly name: string;
  readonly definitions?: readonly {
    readonly selector: {
      readonly kind: string;
      readonly matchResources: {
        readonly controlPlane?: boolean;
        readonly infrastructureCluster?: boolean;
        readonly machineDeploymentClass?: { readonly names?: readonly string[] };
      };
    };
    readonly jsonPatches: readonly JsonPatch[];
  }[];
}

export interface JsonPatch {
  readonly op: "add" | "replace" | "remove";
  readonly path: string;
  readonly value?: unknown;
  readonly valueFrom?: { readonly variable?: string };
}

export interface Template {
  readonly template: { readonly spec: Readonly<Record<string, unknown>> };
}

export interface ControlPlaneSpec {
  readonly replicas?: number;
  readonly version: string;
  readonly kubeadmConfigSpec?: object;
  readonly machineTemplate: { readonly spec: { readonly infrastructureRef: ContractRef } };
  readonly rollout?: { readonly strategy?: RolloutStrategy };
}

export interface ControlPlaneStatus extends Replicas {
  readonly initialization: { readonly controlPlaneInitialized?: boolean };
  readonly version: string;
  readonly versions: readonly VersionCount[];
}

export interface VersionCount {
  readonly version: string;
  readonly replicas: number;
}

/** The counters that control planes, deployments and sets of machines share. */
export interface Replicas {
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly upToDateReplicas: number;
}

/** Of a MachineDeployment, and of the MachineSets that it makes. */
export interface DeploymentSpec {
  readonly clusterName: string;
  readonly replicas?: number;
  readonly paused?: boolean;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly deletion?: Deletion;
  readonly rollout?: { readonly strategy?: RolloutStrategy };
  readonly template: {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec: MachineSpec;
  };
}

export interface MachineSpec {
  readonly clusterName: string;
  readonly version?: string;
  readonly providerID?: string;
  readonly bootstrap: { readonly configRef?: ContractRef; readonly dataSecretName?: string };
  readonly infrastructureRef: ContractRef;
}

export interface MachineStatus {
  readonly phase: string;
  readonly nodeRef: { readonly name: string };
  readonly nodeInfo: object;
  readonly addresses: readonly MachineAddress[];
  readonly initialization: {
    readonly bootstrapDataSecretCreated?: boolean;
    readonly infrastructureProvisioned?: boolean;
  };
  readonly deletion: { readonly nodeDrainStartTime?: string };
}

export interface MachineAddress {
  readonly type: "InternalIP" | "Hostname";
  readonly address: string;
}

/** What Cluster API's contract asks of every provider's machine. */
export interface InfraMachineSpec {
  readonly providerID?: string;
}

export interface InfraMachineStatus {
  readonly initialization: { readonly provisioned?: boolean };
  readonly addresses: readonly MachineAddress[];
}

/** What Cluster API's contract asks of every provider's cluster. */
export interface InfraClusterSpec {
  readonly controlPlaneEndpoint?: Endpoint;
}
