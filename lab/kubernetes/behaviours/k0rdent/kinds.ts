import type { KindName, KubeObject } from "#lab/kubernetes/object.ts";
import { kindOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import type { Behaviour, ClusterView } from "#lab/kubernetes/behaviours/behaviour.ts";

/** The API versions of kcm v1.11 and of the Flux that it brings. */
const apiVersions = {
  ClusterDeployment: "k0rdent.mirantis.com/v1beta1",
  ClusterTemplate: "k0rdent.mirantis.com/v1beta1",
  ClusterTemplateChain: "k0rdent.mirantis.com/v1beta1",
  Credential: "k0rdent.mirantis.com/v1beta1",
  HelmRelease: "helm.toolkit.fluxcd.io/v2",
  HelmChart: "source.toolkit.fluxcd.io/v1",
  ConfigMap: "v1",
  Secret: "v1",
} as const;

type KnownKind = keyof typeof apiVersions;

/** `apiVersion` and `kind`, as an object's head has them. */
export function headOf(kind: KnownKind): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: apiVersions[kind], kind };
}

export function k0rdentKind(kind: KnownKind): KindName {
  return kindOf(headOf(kind));
}

/** Looks at all ClusterDeployments of the namespace that `concerns` says so of, when something of another kind changes. */
export function deploymentsWhere(
  kind: KnownKind,
  concerns: (spec: DeploymentSpec, changed: KubeObject) => boolean,
): Behaviour["watches"][number] {
  return {
    kind: k0rdentKind(kind),
    toKeys: (changed: KubeObject, view: ClusterView) => {
      const namespace = changed.metadata.namespace ?? "";
      return view
        .list(k0rdentKind("ClusterDeployment"), { namespace })
        .filter((deployment) => concerns(deployment["spec"] as DeploymentSpec, changed))
        .map(({ metadata }) => ({
          kind: k0rdentKind("ClusterDeployment"),
          namespace,
          name: metadata.name,
        }));
    },
  };
}

export interface DeploymentSpec {
  readonly template: string;
  readonly credential?: string;
  readonly config?: Values | null;
  readonly dryRun?: boolean;
  readonly dataSource?: string;
  readonly cleanupOnDeletion?: boolean;
}

export type Values = Readonly<Record<string, unknown>>;

export interface TemplateStatus {
  readonly valid: boolean;
  readonly validationError: string;
  readonly config: Values;
  readonly k8sVersion: string;
  readonly chartRef: { readonly kind: string; readonly name: string };
}

export interface ChainSpec {
  readonly supportedTemplates?: readonly {
    readonly name: string;
    readonly availableUpgrades?: readonly { readonly name: string }[];
  }[];
}
