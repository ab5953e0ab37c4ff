import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { Kind, KindVersion } from "./kind.ts";

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) that describes a kind, as a client would post it. */
export function manifestOf(kind: Kind): Pick<KubeObject, "apiVersion" | "kind"> & {
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
} {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${kind.group}` },
    spec: {
      group: kind.group,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: kind.shortNames,
        categories: kind.categories,
      },
      scope: kind.scope,
      conversion: { strategy: "None" },
      versions: kind.versions.map(versionOf),
    },
  };
}

function versionOf(version: KindVersion): Record<string, unknown> {
  const { status, scale } = version.subresources;
  return {
    name: version.name,
    served: version.served,
    storage: version.storage,
    schema: { openAPIV3Schema: version.schema ?? preserved },
    subresources: { ...(status ? { status: {} } : {}), ...(scale === null ? {} : { scale }) },
    additionalPrinterColumns: version.printerColumns,
    selectableFields: version.selectableFields.map((jsonPath) => ({ jsonPath })),
  };
}

const preserved = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
