import type { RunId } from "#contract/ids.ts";
import type {
  AnyHostClass,
  ClusterRef,
  MachineGroup,
  WantedCluster,
} from "#drivers/cluster-ports.ts";
import { ownLabels } from "#drivers/kubernetes/labels.ts";
import { apiVersionOf, type Manifest } from "#drivers/kubernetes/object.ts";
import { wrongInput } from "#drivers/kubernetes/wrong-input.ts";
import { choosesHosts, hostSelector, needsPool } from "#drivers/host-selector.ts";
import { type ClassVariable, type ClusterClass, clusterKind } from "./kinds.ts";

/** A key of `config` that is no variable, unless the class has one of this name: `spec.clusterNetwork` of the Cluster. */
const clusterNetwork = "clusterNetwork";

const variablesOf = (
  wanted: WantedCluster,
  { variables }: ClusterClass,
): Readonly<Record<string, unknown>> => {
  const { [clusterNetwork]: network, ...others } = wanted.config ?? {};
  const isVariable = variables.some(({ name }) => name === clusterNetwork);
  return isVariable && network !== undefined ? { ...others, [clusterNetwork]: network } : others;
};

const networkOf = (wanted: WantedCluster, { variables }: ClusterClass): unknown =>
  variables.some(({ name }) => name === clusterNetwork)
    ? undefined
    : wanted.config?.[clusterNetwork];

/** Whether a group that says nothing of hosts gets any that is free. */
const takesAnyHost = ({ variables }: ClusterClass): boolean => {
  const variable = variables.find(({ name }) => name === hostSelector);
  return variable !== undefined && !choosesHosts(variable.schema.openAPIV3Schema["default"]);
};

/** Whether, and of which groups, the class makes machines of any host where nothing says which. */
export const anyHostOf = (clusterClass: ClusterClass): readonly AnyHostClass[] => {
  const { name } = clusterClass.metadata;
  const controlPlane = clusterClass.controlPlaneOfMachines;
  return takesAnyHost(clusterClass) ? [{ class: name, controlPlane, why: needsPool(name) }] : [];
};

const fieldOf = (index: number | null): string =>
  index === null ? "controlPlane" : `nodePools[${index}]`;

/**
 * What the class does not allow, by field; empty when everything is well. What only the API server can judge (the values of
 * variables) is not looked at.
 */
export const refusedFields = (
  wanted: WantedCluster,
  clusterClass: ClusterClass,
): Readonly<Record<string, string>> => {
  const { kubernetesVersions, variables, workerClass, controlPlaneOfMachines } = clusterClass;
  const className = clusterClass.metadata.name;
  const fields: Record<string, string> = {};
  if (kubernetesVersions.length > 0 && !kubernetesVersions.includes(wanted.kubernetesVersion)) {
    fields["kubernetesVersion"] =
      `is not offered: ${className} offers ${kubernetesVersions.join(", ")}`;
  }
  const given = variablesOf(wanted, clusterClass);
  const known = new Set(variables.map(({ name }) => name));
  for (const name of Object.keys(given)) {
    if (!known.has(name)) fields[`config.${name}`] = `${className} has no variable of this name`;
  }
  for (const { name, required, schema } of variables) {
    if (required && given[name] === undefined && schema.openAPIV3Schema["default"] === undefined) {
      fields[`config.${name}`] = `${className} requires this variable`;
    }
  }
  if (workerClass === null && wanted.nodePools.length > 0) {
    fields["nodePools"] = `${className} has no class of workers`;
  }
  const own = given[hostSelector];
  const meansAny = own === undefined ? takesAnyHost(clusterClass) : !choosesHosts(own);
  for (const [index, { hostLabels }] of [wanted.controlPlane, ...wanted.nodePools].entries()) {
    const field = `${fieldOf(index === 0 ? null : index - 1)}.pool`;
    const isOfMachines = index > 0 || controlPlaneOfMachines;
    if (hostLabels !== null && !known.has(hostSelector))
      fields[field] =
        `${className} has no variable ${hostSelector}, so its machines cannot be drawn from servers`;
    if (hostLabels === null && known.has(hostSelector) && meansAny && isOfMachines)
      fields[field] = needsPool(className);
  }
  return fields;
};

/** The labels in the form that the variable has: a Metal3 `hostSelector` (with `matchLabels`) or the labels themselves. */
const selectorFor = (variable: ClassVariable | undefined, labels: object): object =>
  variable?.schema.openAPIV3Schema.properties?.["matchLabels"] === undefined
    ? labels
    : { matchLabels: labels };

/** `hostLabels` as an override of the class's variable, for one group only. */
const overridesOf = ({ hostLabels }: MachineGroup, { variables }: ClusterClass): object => {
  if (hostLabels === null) return {};
  const variable = variables.find(({ name }) => name === hostSelector);
  const value = selectorFor(variable, hostLabels);
  return { variables: { overrides: [{ name: hostSelector, value }] } };
};

/**
 * The Cluster that is written: a topology of the class, in the given version of the API. Throws VALIDATION_ERROR for what the class
 * does not allow.
 */
export const clusterManifest = (
  cluster: ClusterRef,
  wanted: WantedCluster,
  clusterClass: ClusterClass,
  by: { readonly run: RunId | null; readonly version: string },
): Manifest => {
  const fields = refusedFields(wanted, clusterClass);
  if (Object.keys(fields).length > 0) {
    throw wrongInput("the ClusterClass does not allow this cluster", fields);
  }
  const className = clusterClass.metadata.name;
  const variables = Object.entries(variablesOf(wanted, clusterClass)).map(([name, value]) => ({
    name,
    value,
  }));
  const network = networkOf(wanted, clusterClass);
  return {
    apiVersion: apiVersionOf(clusterKind.group, by.version),
    kind: clusterKind.kind,
    metadata: {
      name: cluster.name,
      namespace: cluster.place.namespace,
      labels: ownLabels({ run: by.run, id: cluster.id }),
    },
    spec: {
      ...(network === undefined ? {} : { clusterNetwork: network }),
      topology: {
        ...(by.version === "v1beta1" ? { class: className } : { classRef: { name: className } }),
        version: wanted.kubernetesVersion,
        controlPlane: {
          replicas: wanted.controlPlane.replicas,
          ...overridesOf(wanted.controlPlane, clusterClass),
        },
        ...(variables.length === 0 ? {} : { variables }),
        workers: {
          machineDeployments: wanted.nodePools.map((pool) => ({
            name: pool.name,
            class: clusterClass.workerClass,
            replicas: pool.replicas,
            ...overridesOf(pool, clusterClass),
          })),
        },
      },
    },
  };
};
