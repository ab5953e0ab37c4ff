import { compareVersions } from "#drivers/cluster-api/offered.ts";
import type { OfferedVersion } from "#drivers/cluster-ports.ts";
import type { ClusterTemplate, ClusterTemplateChain } from "./kinds.ts";
import { withV } from "./template.ts";

/** Valid templates that tell their version, by name. */
const versionsOf = (templates: readonly ClusterTemplate[]): ReadonlyMap<string, string> =>
  new Map(
    templates.flatMap(({ metadata, status }) =>
      status.valid && status.k8sVersion !== ""
        ? [[metadata.name, withV(status.k8sVersion)] as const]
        : [],
    ),
  );

/** What valid templates give, and the versions of the templates that the chains let them be upgraded to. */
export const offeredBy = (
  templates: readonly ClusterTemplate[],
  chains: readonly ClusterTemplateChain[],
): readonly OfferedVersion[] => {
  const versions = versionsOf(templates);
  const upgradesOf = (template: string): readonly string[] => {
    const names = chains
      .flatMap(({ spec }) => spec.supportedTemplates)
      .filter(({ name }) => name === template)
      .flatMap(({ availableUpgrades }) => availableUpgrades.map(({ name }) => name));
    const reached = names.flatMap((name) => versions.get(name) ?? []);
    return [...new Set(reached)]
      .filter((version) => version !== versions.get(template))
      .sort(compareVersions);
  };
  return [...versions]
    .map(([template, version]) => ({
      version,
      class: null,
      template,
      upgrades: upgradesOf(template),
      listed: true,
    }))
    .sort((a, b) => compareVersions(a.version, b.version));
};

/** The template among those that gives the version; of several the last by name, whose chart is the newest. */
export const templateFor = (
  version: string,
  among: readonly string[],
  templates: readonly ClusterTemplate[],
): string | null => {
  const versions = versionsOf(templates);
  const giving = among.filter((name) => versions.get(name) === version);
  const byNumber = new Intl.Collator("en", { numeric: true });
  return giving.sort((a, b) => byNumber.compare(a, b)).at(-1) ?? null;
};
