import type { CreateClusterBody } from "#contract/cluster-requests.ts";
import type { ClusterDriver, KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { Chosen } from "#domain/cluster/run-inputs.ts";
import type { ManagementClusters } from "./dependencies.ts";
import { type Fields, refusal } from "./refusal.ts";

/** What a request leaves to choose is chosen at the door, from what is configured and what was last offered. */

/** How long a client may wait that tries again by itself: a person has to act first. */
const unconfiguredRetryMs = 60_000;

/** The management clusters; UNAVAILABLE, and how to mend it, when none is configured. */
export function configured(kubernetes: ManagementClusters | null): ManagementClusters {
  if (kubernetes !== null) return kubernetes;
  throw new Failure(
    "UNAVAILABLE",
    "no management cluster is configured: set MILLWRIGHT_KUBECONFIG to the path of a kubeconfig, or to in-cluster, and start again",
    { details: { setting: "MILLWRIGHT_KUBECONFIG" }, retryAfterMs: unconfiguredRetryMs },
  );
}

/** Where the objects of something new are kept. */
export function placeFor(
  { names, current, namespace }: ManagementClusters,
  managementCluster: string = current,
): KubernetesPlace {
  if (!names.includes(managementCluster))
    throw refusal({ managementCluster: `must be one of ${names.join(", ")}` });
  return { managementCluster, namespace };
}

const unique = (texts: readonly (string | null)[]): readonly string[] => [
  ...new Set(texts.filter((text) => text !== null)),
];

const listed = (texts: readonly string[]): string =>
  texts.length === 0 ? "nothing" : texts.join(", ");

/** Place, class and template of a new cluster. Throws VALIDATION_ERROR naming the fields, UNAVAILABLE when the offers are needed and not known. */
export function chooseFor(kubernetes: ManagementClusters, body: CreateClusterBody): Chosen {
  const place = placeFor(kubernetes, body.managementCluster);
  const { driver } = body;
  // A class may take versions that it does not list, so what was asked for by name is left to the first look at it.
  if (driver === "cluster-api" && body.class !== undefined)
    return { place, class: body.class, template: null };
  const { versions } = kubernetes.offers.of(driver, place.managementCluster);
  if (driver === "cluster-api") {
    const classes = unique(versions.map((offered) => offered.class));
    const [only, ...others] = classes;
    if (only === undefined || others.length > 0)
      throw refusal({ class: `must be given: offered is ${listed(classes)}` });
    return { place, class: only, template: null };
  }
  return { place, class: null, template: templateFor(versions, body) };
}

type Offered = ReturnType<ManagementClusters["offers"]["of"]>["versions"];

function templateFor(offered: Offered, body: CreateClusterBody): string {
  const { template, kubernetesVersion } = body;
  const refuse = (fields: Fields): never => {
    throw refusal(fields);
  };
  if (template !== undefined) {
    const given = offered.find((each) => each.template === template);
    if (given === undefined)
      return refuse({
        template: `is not offered: offered is ${listed(unique(offered.map((each) => each.template)))}`,
      });
    return given.version === kubernetesVersion
      ? template
      : refuse({ kubernetesVersion: `must be ${given.version}: that is what ${template} gives` });
  }
  const giving = unique(
    offered.flatMap((each) => (each.version === kubernetesVersion ? [each.template] : [])),
  );
  const [only, ...others] = giving;
  if (only === undefined)
    return refuse({
      kubernetesVersion: `is not offered: offered is ${listed(unique(offered.map(({ version }) => version)))}`,
    });
  return others.length === 0
    ? only
    : refuse({ template: `must be given: ${kubernetesVersion} is what ${listed(giving)} give` });
}

/** Refuses a version that no template gives, where that is known; what is not known is left to the first look at it. */
export function refuseUnoffered(
  kubernetes: ManagementClusters | null,
  { driver, place }: { readonly driver: ClusterDriver; readonly place: KubernetesPlace },
  kubernetesVersion: string,
): void {
  if (driver === "cluster-api" || kubernetes === null) return;
  let offered: Offered;
  try {
    offered = kubernetes.offers.of(driver, place.managementCluster).versions;
  } catch {
    return;
  }
  if (!offered.some(({ version }) => version === kubernetesVersion))
    throw refusal({
      kubernetesVersion: `is not offered: offered is ${listed(unique(offered.map(({ version }) => version)))}`,
    });
}
