import type { KubeObject } from "#lab/kubernetes/object.ts";
import type {
  Admission,
  AdmissionWrite,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { namespaceOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { isDeleting, specOf, statusOf } from "#lab/kubernetes/behaviours/cluster-api/relations.ts";
import { type ChainSpec, type DeploymentSpec, k0rdentKind, type TemplateStatus } from "./kinds.ts";

/** The webhook of ClusterDeployment: defaults that make a dry run, and what cannot work. */
export function admitDeployment(write: AdmissionWrite, view: ClusterView): Admission {
  const { operation, object, old } = write;
  if (object.kind !== "ClusterDeployment" || operation === "delete" || isDeleting(object)) {
    return { kind: "allowed", object };
  }
  const spec = specOf<DeploymentSpec>(object);
  const namespace = namespaceOf(object);
  const template = view.get({
    kind: k0rdentKind("ClusterTemplate"),
    namespace,
    name: spec.template,
  });
  const before = old === null ? null : specOf<DeploymentSpec>(old);
  const problem =
    templateProblem(spec, template) ??
    upgradeProblem(spec, before, object, view) ??
    dataSourceProblem(spec, before);
  if (problem !== null) {
    const message = `the ClusterDeployment is invalid: ${problem}`;
    return { kind: "refused", reason: "Forbidden", message };
  }
  // Without a config the template's defaults are filled in for the client to look at, and nothing is made of them.
  if (spec.config !== undefined && spec.config !== null) return { kind: "allowed", object };
  const { config } = template === undefined ? {} : statusOf<TemplateStatus>(template);
  if (config === undefined) return { kind: "allowed", object };
  return { kind: "allowed", object: { ...object, spec: { ...spec, config, dryRun: true } } };
}

function templateProblem(spec: DeploymentSpec, template: KubeObject | undefined): string | null {
  if (template === undefined) return `ClusterTemplate "${spec.template}" not found`;
  const { valid, validationError = "" } = statusOf<TemplateStatus>(template);
  if (valid === true) return null;
  return `the template is not valid: ${validationError}`;
}

function upgradeProblem(
  spec: DeploymentSpec,
  before: DeploymentSpec | null,
  object: KubeObject,
  view: ClusterView,
): string | null {
  if (before === null || before.template === spec.template) return null;
  const offered = upgradesOf(before.template, namespaceOf(object), view);
  if (offered.includes(spec.template)) return null;
  return `cluster can't be upgraded from ${before.template} to ${spec.template}. This upgrade sequence is not available`;
}

function dataSourceProblem(spec: DeploymentSpec, before: DeploymentSpec | null): string | null {
  if (before === null) return null;
  const [was, is] = [before.dataSource ?? "", spec.dataSource ?? ""];
  return (was === "") === (is === "")
    ? null
    : "spec.dataSource cannot be set or removed afterwards";
}

/** The templates that the namespace's chains allow after this one. */
export function upgradesOf(template: string, namespace: string, view: ClusterView): string[] {
  const names = view
    .list(k0rdentKind("ClusterTemplateChain"), { namespace })
    .flatMap((chain) => specOf<ChainSpec>(chain).supportedTemplates ?? [])
    .filter(({ name }) => name === template)
    .flatMap(({ availableUpgrades = [] }) => availableUpgrades.map(({ name }) => name));
  return [...new Set(names)].toSorted();
}
