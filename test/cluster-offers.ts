import type { ClusterDriver } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { OfferedVersion } from "#drivers/cluster-ports.ts";
import type { ManagementClusters } from "#http/dependencies.ts";
import type { Offers } from "#projections/cluster-offers.ts";

const seenAt = Date.parse("2026-03-02T08:05:00.000Z");

const offer = (
  from: Pick<OfferedVersion, "class" | "template">,
  version: string,
  upgrades: readonly string[] = [],
): OfferedVersion => ({ ...from, version, upgrades, listed: true });

const ofClass = { class: "metal", template: null };
const ofTemplate = (template: string) => ({ class: null, template });

const metal: Offers = {
  versions: [
    offer(ofClass, "v1.34.2", ["v1.34.3", "v1.35.0"]),
    offer(ofClass, "v1.34.3", ["v1.35.0"]),
    offer(ofClass, "v1.35.0"),
  ],
  classes: ["metal"],
  anyHost: [],
  isServed: true,
  seenAt,
  problem: null,
  isFresh: true,
};

const templates: Offers = {
  ...metal,
  versions: [
    offer(ofTemplate("a-1-34"), "v1.34.2", ["v1.35.0"]),
    offer(ofTemplate("a-1-35"), "v1.35.0"),
    offer(ofTemplate("b-1-34"), "v1.34.2", ["v1.35.0"]),
  ],
  classes: [],
  anyHost: [],
};

let looks = 0;

/** How often another look at `growing` was asked for. */
export const looksAgain = (): number => looks;

export const forgetLooks = (): void => {
  looks = 0;
};

const grown = (driver: ClusterDriver): Offers => {
  const isClass = driver === "cluster-api";
  const from = isClass ? { class: "marble", template: null } : ofTemplate("a-1-36");
  const before = isClass ? metal : templates;
  return {
    ...before,
    versions: [...before.versions, offer(from, "v1.36.0")],
    classes: isClass ? [...before.classes, "marble"] : [],
  };
};

/** By management cluster; of those that are not named here nothing is known yet. */
const known: Readonly<Record<string, (driver: ClusterDriver) => Offers>> = {
  mgmt: (driver) => (driver === "cluster-api" ? metal : templates),
  /** Its only class lists no versions. */
  loose: () => ({ ...metal, versions: [], classes: ["loose"] }),
  /** Its only class makes machines of whatever host is free. */
  greedy: () => ({
    ...metal,
    anyHost: [{ class: "metal", controlPlane: true, why: "metal takes any host" }],
  }),
  /** So it does here, with a control plane that needs no machines. */
  hosted: () => ({
    ...metal,
    anyHost: [{ class: "metal", controlPlane: false, why: "metal takes any host" }],
  }),
  stale: () => ({ ...metal, problem: "no answer", isFresh: false }),
  /** It gets a class and a template more, of a version more, which only another look shows. */
  growing: (driver) =>
    looks === 0 ? (driver === "cluster-api" ? metal : templates) : grown(driver),
  /** It has no operator of clusters. */
  bare: () => ({ ...metal, versions: [], classes: [], isServed: false }),
};

/** Management clusters of which the API has heard this and that. */
export const heardOf: ManagementClusters = {
  names: ["mgmt", "edge", ...Object.keys(known).filter((name) => name !== "mgmt")],
  current: "mgmt",
  namespace: "default",
  kubeconfigOf: async () => null,
  offers: {
    of(driver, managementCluster) {
      const found = known[managementCluster];
      if (found !== undefined) return found(driver);
      const unknown = `what ${driver} offers at ${managementCluster} is not known`;
      throw new Failure("UNAVAILABLE", unknown);
    },
    async lookAgain(_driver, managementCluster) {
      if (managementCluster === "growing") looks += 1;
    },
  },
};
