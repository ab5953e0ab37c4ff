import type { MachineGroup, WantedCluster } from "#drivers/cluster-ports.ts";
import { choosesHosts, hostSelector, needsPool } from "#drivers/host-selector.ts";
import { wrongInput } from "#drivers/kubernetes/wrong-input.ts";
import type { Values } from "./kinds.ts";
import { type Template, valueAt } from "./template.ts";

/** The keys by which the templates that k0rdent ships count machines. Not every template has them. */
export const workersKey = "workersNumber";
const controlPlaneKey = "controlPlaneNumber";

/** Where a template may take the labels of hosts for a group of machines, and where for all of them. */
const sections = {
  controlPlane: ["controlPlane", hostSelector],
  workers: ["worker", hostSelector],
};

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Helm's way of putting values over others: objects are merged, everything else is replaced. */
export const merged = (under: Values, over: Values): Values => {
  const result: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = result[name];
    result[name] = isRecord(below) && isRecord(value) ? merged(below, value) : value;
  }
  return result;
};

const at = (path: readonly string[], value: unknown): Values => {
  const [first = "", ...rest] = path;
  return { [first]: rest.length === 0 ? value : at(rest, value) };
};

/** A Metal3 `hostSelector` has its labels under `matchLabels`; a template that does not say so takes the labels themselves. */
const selected = (template: Template, path: readonly string[], labels: object): Values =>
  at(template.knows([...path, "matchLabels"]) ? [...path, "matchLabels"] : path, labels);

export const scalesNot = (template: string): string =>
  `${template} has no value ${workersKey}, so its workers cannot be counted`;

/** What decides on the hosts of a group that comes from no pool; null: its machines are not made of hosts. */
const ownSelector = (template: Template, section: readonly string[]): readonly string[] | null => {
  if (template.knows(section)) return section;
  // One that lets the control plane not be counted runs it elsewhere.
  const hasMachines = section !== sections.controlPlane || template.knows([controlPlaneKey]);
  return hasMachines && template.knows([hostSelector]) ? [hostSelector] : null;
};

/** The labels of both groups as values, or why the template cannot take them. */
const hostValues = (
  wanted: WantedCluster,
  template: Template,
): { readonly values: Values; readonly fields: Readonly<Record<string, string>> } => {
  const groups: readonly (readonly [MachineGroup | undefined, readonly string[], string])[] = [
    [wanted.controlPlane, sections.controlPlane, "controlPlane.pool"],
    [wanted.nodePools[0], sections.workers, "nodePools[0].pool"],
  ];
  const asked = groups.filter(([group]) => (group?.hostLabels ?? null) !== null);
  let values: Values = {};
  const fields: Record<string, string> = {};
  for (const [group, section, field] of asked) {
    const labels = group?.hostLabels ?? {};
    // One selector for all machines serves only one group: the labels of two differ.
    const path = template.knows(section) ? section : asked.length === 1 ? [hostSelector] : section;
    if (template.knows(path)) values = merged(values, selected(template, path, labels));
    else
      fields[field] =
        `${template.name} has no value ${path.join(".")}, so its machines cannot be drawn from servers`;
  }
  for (const [group, section, field] of groups) {
    if (group === undefined || group.hostLabels !== null) continue;
    const path = ownSelector(template, section);
    // One selector for all machines has the labels of the other group by now.
    const selector =
      path && (valueAt(merged(wanted.config ?? {}, values), path) ?? template.defaultAt(path));
    if (path !== null && !choosesHosts(selector)) fields[field] = needsPool(template.name, path);
  }
  return { values, fields };
};

/**
 * The `spec.config`: what was wished for and nothing of the template's defaults, which change with the template, the version of Kubernetes
 * among them. It is sent even when it has no value, because k0rdent's webhook makes a dry run of a ClusterDeployment that lacks it.
 * Throws VALIDATION_ERROR for what the template cannot do.
 */
export const configOf = (wanted: WantedCluster, template: Template): Values => {
  const fields: Record<string, string> = {};
  if (template.kubernetesVersion !== wanted.kubernetesVersion) {
    fields["kubernetesVersion"] =
      `${template.name} gives ${template.kubernetesVersion || "no version that it tells"}`;
  }
  const given = wanted.config ?? {};
  for (const name of template.unknown(given)) {
    fields[`config.${name}`] = `${template.name} has no value of this name`;
  }
  const counts: Record<string, number> = {};
  const [pool, ...others] = wanted.nodePools;
  if (others.length > 0) fields["nodePools"] = `${template.name} knows one group of workers only`;
  if (template.knows([workersKey])) counts[workersKey] = pool?.replicas ?? 0;
  else if (pool !== undefined) fields["nodePools"] = scalesNot(template.name);
  if (template.knows([controlPlaneKey])) counts[controlPlaneKey] = wanted.controlPlane.replicas;
  else if (wanted.controlPlane.replicas !== 1) {
    fields["controlPlane.replicas"] =
      `${template.name} has no value ${controlPlaneKey}: it decides itself, so ask for 1`;
  }
  const hosts = hostValues(wanted, template);
  const wrong = { ...fields, ...hosts.fields };
  if (Object.keys(wrong).length > 0) {
    throw wrongInput("the ClusterTemplate does not allow this cluster", wrong);
  }
  return merged(merged(given, counts), hosts.values);
};

/** How many machines the ClusterDeployment wishes for; null where its template does not count them so. */
export const wishedCounts = (
  config: Values,
): { readonly controlPlane: number | null; readonly workers: number | null } => {
  const count = (name: string): number | null => {
    const value = config[name];
    return typeof value === "number" ? value : null;
  };
  return { controlPlane: count(controlPlaneKey), workers: count(workersKey) };
};
