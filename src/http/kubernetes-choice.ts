import type { CreateClusterBody } from "#contract/cluster-requests.ts";
import type { ClusterDriver, ClusterSpec, KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { Chosen } from "#domain/cluster/run-inputs.ts";
import type { Offers } from "#projections/cluster-offers.ts";
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

/** Why a management cluster offers nothing by a driver. */
export const notServed = (driver: ClusterDriver, managementCluster: string): string =>
  `${managementCluster} serves none of the kinds of ${driver}: its operator is not installed there`;

/** What is asked by what is offered: its driver, and where. */
interface Asked {
  readonly driver: ClusterDriver;
  readonly place: KubernetesPlace;
}

/** What `judge` says by what is offered; before it refuses, by what another look shows, because what it misses may be new. */
async function judgedAnew<T>(
  { offers }: ManagementClusters,
  { driver, place }: Asked,
  judge: () => T,
): Promise<T> {
  try {
    return judge();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== "VALIDATION_ERROR") throw thrown;
  }
  await offers.lookAgain(driver, place.managementCluster);
  return judge();
}

/** Place, class and template of a new cluster. Throws VALIDATION_ERROR naming the fields, UNAVAILABLE when the offers are needed and not known. */
export async function chooseFor(
  kubernetes: ManagementClusters,
  body: CreateClusterBody,
): Promise<Chosen> {
  const place = placeFor(kubernetes, body.managementCluster);
  return judgedAnew(kubernetes, { ...body, place }, () => chooseAt(kubernetes, body, place));
}

function chooseAt(
  kubernetes: ManagementClusters,
  body: CreateClusterBody,
  place: KubernetesPlace,
): Chosen {
  const { driver } = body;
  if (driver === "cluster-api" && body.class !== undefined) {
    refuseUnofferedClass(kubernetes, { ...body, class: body.class, place });
    refuseAnyHost(kubernetes, { ...body, class: body.class, place });
    return { place, class: body.class, template: null };
  }
  const { managementCluster } = place;
  const { versions, classes, isServed } = kubernetes.offers.of(driver, managementCluster);
  if (!isServed) throw refusal({ driver: notServed(driver, managementCluster) });
  if (driver === "cluster-api") {
    const [only, ...others] = classes;
    if (only === undefined || others.length > 0)
      throw refusal({ class: `must be given: offered is ${listed(classes)}` });
    refuseAnyHost(kubernetes, { ...body, class: only, place });
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

/** What is offered there, as far as something can be refused by it; null where no look has told, or none of late. */
function freshOffers({ offers }: ManagementClusters, { driver, place }: Asked): Offers | null {
  try {
    const found = offers.of(driver, place.managementCluster);
    return found.isFresh ? found : null;
  } catch {
    return null;
  }
}

const isNot = (offered: readonly (string | null)[], seenAt: number): string =>
  `is not offered: offered is ${listed(unique(offered))}, as of ${new Date(seenAt).toISOString()}`;

/**
 * Refuses what can be told to be wrong with a class and a version that were asked for by name. A class that lists no versions takes any;
 * what no fresh look tells is left to the run's own.
 */
function refuseUnofferedClass(
  kubernetes: ManagementClusters,
  asked: Asked & { readonly class: string; readonly kubernetesVersion: string },
): void {
  const { driver, place, kubernetesVersion } = asked;
  const offers = freshOffers(kubernetes, asked);
  if (offers === null) return;
  const { versions, classes, isServed, seenAt } = offers;
  if (!isServed) throw refusal({ driver: notServed(driver, place.managementCluster) });
  if (!classes.includes(asked.class)) throw refusal({ class: isNot(classes, seenAt) });
  const own = versions.filter((each) => each.class === asked.class && each.listed);
  if (own.length === 0 || own.some(({ version }) => version === kubernetesVersion)) return;
  const known = own.map(({ version }) => version);
  throw refusal({ kubernetesVersion: isNot(known, seenAt) });
}

/**
 * Refuses a group that names no pool where the class would make its machines of any free host, also of pools' servers. One who says by
 * `config` which hosts are meant is left to the run's own look.
 */
function refuseAnyHost(
  kubernetes: ManagementClusters,
  asked: CreateClusterBody & { readonly class: string; readonly place: KubernetesPlace },
): void {
  if (asked.config?.["hostSelector"] !== undefined) return;
  const offers = freshOffers(kubernetes, asked);
  const greedy = offers?.anyHost.find((each) => each.class === asked.class);
  if (greedy === undefined) return;
  const groups = [
    ...(greedy.controlPlane ? [["controlPlane.pool", asked.controlPlane] as const] : []),
    ...asked.nodePools.map((group, n) => [`nodePools[${n}].pool`, group] as const),
  ];
  const poolless = groups.filter(([, { pool }]) => pool === undefined);
  if (poolless.length > 0)
    throw refusal(Object.fromEntries(poolless.map(([field]) => [field, greedy.why])));
}

/** Refuses a version to upgrade to that is not offered, where that is known; what is not known is left to the run's own look. */
export async function refuseUnoffered(
  kubernetes: ManagementClusters | null,
  cluster: Pick<ClusterSpec, "driver" | "place" | "class">,
  kubernetesVersion: string,
): Promise<void> {
  if (kubernetes === null) return;
  await judgedAnew(kubernetes, cluster, () => {
    if (cluster.class !== null)
      return refuseUnofferedClass(kubernetes, {
        ...cluster,
        class: cluster.class,
        kubernetesVersion,
      });
    const offers = freshOffers(kubernetes, cluster);
    if (offers === null) return;
    const known = offers.versions.map(({ version }) => version);
    if (!known.includes(kubernetesVersion))
      throw refusal({ kubernetesVersion: isNot(known, offers.seenAt) });
  });
}
