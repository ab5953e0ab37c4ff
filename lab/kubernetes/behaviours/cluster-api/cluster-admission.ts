import type { KubeObject } from "#lab/kubernetes/object.ts";
import type {
  Admission,
  AdmissionWrite,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { classOf } from "./cluster-class.ts";
import { namespaceOf } from "./kinds.ts";
import type {
  ClusterClassSpec,
  ClusterSpec,
  ControlPlaneSpec,
  ControlPlaneStatus,
  DeploymentSpec,
  Topology,
} from "./model.ts";
import { follow, isDeleting, labels, listOf, specOf, statusOf } from "./relations.ts";
import { compareVersions, parseVersion } from "./versions.ts";

interface Problem {
  readonly reason: "Invalid" | "Forbidden";
  readonly field: string;
  readonly message: string;
}

/** The webhook of Cluster: gives a version its `v`, and refuses what the topology controller could only fail at. */
export function admitCluster(write: AdmissionWrite, view: ClusterView): Admission {
  const { operation, object, old } = write;
  if (object.kind !== "Cluster" || !object.apiVersion.startsWith("cluster.x-k8s.io/")) {
    return { kind: "allowed", object };
  }
  if (operation === "delete" || isDeleting(object)) return { kind: "allowed", object };
  const defaulted = withDefaults(object);
  const { topology } = specOf<ClusterSpec>(defaulted);
  const before = old === null ? undefined : specOf<ClusterSpec>(old).topology;
  const problem =
    topology === undefined
      ? before && forbidden("spec.topology", "cannot be removed from an existing Cluster")
      : (topologyProblem(topology, defaulted, view) ??
        changeProblem(topology, before, defaulted, old, view));
  return problem === null || problem === undefined
    ? { kind: "allowed", object: defaulted }
    : { kind: "refused", ...problem };
}

function withDefaults(object: KubeObject): KubeObject {
  const spec = specOf<ClusterSpec>(object);
  const version = spec.topology?.version;
  if (spec.topology === undefined || version === undefined || version.startsWith("v"))
    return object;
  return { ...object, spec: { ...spec, topology: { ...spec.topology, version: `v${version}` } } };
}

function changeProblem(
  topology: Topology,
  before: Topology | undefined,
  owner: KubeObject,
  old: KubeObject | null,
  view: ClusterView,
): Problem | null {
  if (old === null) return offerProblem(topology, owner, view);
  if (before === undefined) {
    return forbidden("spec.topology.classRef", "class cannot be set on an existing Cluster");
  }
  if (before.version === topology.version) return null;
  return versionProblem(topology, before, old, view) ?? offerProblem(topology, owner, view);
}

function topologyProblem(topology: Topology, owner: KubeObject, view: ClusterView): Problem | null {
  if (parseVersion(topology.version) === undefined) {
    return invalid(
      "spec.topology.version",
      topology.version,
      "version must be a valid semantic version",
    );
  }
  // A class that does not exist yet is only warned of: it may follow.
  const clusterClass = classOf(owner, view);
  if (clusterClass === undefined) return null;
  const spec = specOf<ClusterClassSpec>(clusterClass);
  const deployments = topology.workers?.machineDeployments ?? [];
  const classes = new Set((spec.workers?.machineDeployments ?? []).map((given) => given.class));
  for (const [index, given] of deployments.entries()) {
    const field = `spec.topology.workers.machineDeployments[${given.name}]`;
    if (!classes.has(given.class)) {
      const name = clusterClass.metadata.name;
      return invalid(
        `${field}.class`,
        given.class,
        `MachineDeploymentClass with name "${given.class}" does not exist in ClusterClass "${name}"`,
      );
    }
    if (deployments.findIndex(({ name }) => name === given.name) !== index) {
      return invalid(field, given.name, "names of MachineDeployment topologies must be unique");
    }
  }
  return variablesProblem(topology, spec);
}

/** A class that lists versions is asked for no other; what a cluster has already stays. */
function offerProblem(topology: Topology, owner: KubeObject, view: ClusterView): Problem | null {
  const clusterClass = classOf(owner, view);
  const offered = clusterClass && specOf<ClusterClassSpec>(clusterClass).kubernetesVersions;
  const { version } = topology;
  if (offered === undefined || offered.includes(version)) return null;
  const detail = `version must be one of the ClusterClass's kubernetesVersions: ${offered.join(", ")}`;
  return invalid("spec.topology.version", version, detail);
}

function variablesProblem(topology: Topology, spec: ClusterClassSpec): Problem | null {
  const defined = new Map((spec.variables ?? []).map((variable) => [variable.name, variable]));
  const given = new Set((topology.variables ?? []).map(({ name }) => name));
  const overrides = [
    ...(topology.controlPlane?.variables?.overrides ?? []),
    ...(topology.workers?.machineDeployments ?? []).flatMap(
      (deployment) => deployment.variables?.overrides ?? [],
    ),
  ].map(({ name }) => name);
  const unknown = [...given, ...overrides].find((name) => !defined.has(name));
  if (unknown !== undefined) {
    return invalid(
      "spec.topology.variables",
      unknown,
      "variable is not defined in the ClusterClass",
    );
  }
  const missing = [...defined.values()].find(
    ({ name, required, schema }) =>
      required && !given.has(name) && schema.openAPIV3Schema.default === undefined,
  );
  return missing === undefined
    ? null
    : {
        reason: "Invalid",
        field: "spec.topology.variables",
        message: `Required value: required variable with name "${missing.name}" must be defined`,
      };
}

/** Up only, one minor at a time unless the class lists the versions in between, and one upgrade at a time. */
function versionProblem(
  topology: Topology,
  before: Topology,
  old: KubeObject,
  view: ClusterView,
): Problem | null {
  const field = "spec.topology.version";
  const { version } = topology;
  const order = compareVersions(version, before.version);
  if (order === 0) return null;
  const [from, to] = [before.version.slice(1), version.slice(1)];
  if (order < 0) {
    return invalid(field, version, `version cannot be decreased from "${from}" to "${to}"`);
  }
  const [major, minor] = parseVersion(version) ?? [0, 0];
  const [oldMajor, oldMinor] = parseVersion(before.version) ?? [0, 0];
  const clusterClass = classOf(old, view);
  const offered = clusterClass && specOf<ClusterClassSpec>(clusterClass).kubernetesVersions;
  if (offered === undefined && (major !== oldMajor || minor > oldMinor + 1)) {
    return invalid(field, version, `version cannot be increased from "${from}" to "${to}"`);
  }
  const busy = [planeProblem(old, before.version, view), workersProblem(old, before.version, view)]
    .filter((text) => text !== null)
    .join(", ");
  return busy === "" ? null : invalid(field, version, `version cannot be changed: ${busy}`);
}

function planeProblem(owner: KubeObject, version: string, view: ClusterView): string | null {
  const plane = follow(specOf<ClusterSpec>(owner).controlPlaneRef, owner, view);
  if (plane === undefined)
    return "failed to check if control plane is upgrading: failed to get control plane object";
  const wanted = specOf<ControlPlaneSpec>(plane).version;
  if (wanted !== version) {
    return `Cluster.spec.topology.version ${version} was not propagated to control plane yet (control plane version ${wanted})`;
  }
  const has = statusOf<ControlPlaneStatus>(plane).version;
  if (has === undefined) return "control plane is currently provisioning";
  return has === wanted ? null : "control plane is still completing a previous upgrade";
}

function workersProblem(owner: KubeObject, version: string, view: ClusterView): string | null {
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  const behind = listOf(view, "MachineDeployment", of, { [labels.topologyOwned]: "" }).filter(
    (deployment) => {
      const { versions = [] } = statusOf<{ versions: readonly { version: string }[] }>(deployment);
      return (
        specOf<DeploymentSpec>(deployment).template.spec.version !== version ||
        versions.some((count) => count.version !== version)
      );
    },
  );
  if (behind.length === 0) return null;
  const names = behind.map(({ metadata }) => metadata.name).join(", ");
  return `there are still MachineDeployments completing a previous upgrade: [${names}]`;
}

function invalid(field: string, value: string, detail: string): Problem {
  return { reason: "Invalid", field, message: `Invalid value: "${value}": ${detail}` };
}

/** A field that may not be written is refused as invalid, with this word in its message. */
function forbidden(field: string, detail: string): Problem {
  return { reason: "Invalid", field, message: `Forbidden: ${detail}` };
}
