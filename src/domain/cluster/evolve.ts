import type { ClusterFact, ClusterServer } from "#contract/cluster.ts";
import { withRun, withoutRun } from "#domain/at-work.ts";
import type { Happened } from "#domain/resource-model.ts";
import type { ClusterState, ClusterTrouble, ClusterWork } from "./state.ts";

/** A cluster after a fact. Total: a fact that does not fit, or that a later version wrote, changes nothing. */
export function evolve(
  cluster: ClusterState | null,
  fact: Happened<ClusterFact>,
): ClusterState | null {
  if (fact.type === "cluster.requested") return requested(cluster, fact);
  if (cluster === null) return null;
  // What is deleted has its place in the record for good.
  if (fact.type === "cluster.creation_undone")
    return cluster.rest.state === "deleted" ? cluster : null;
  return { ...cluster, ...change(cluster, fact), updatedAt: fact.at };
}

type Requested = Extract<Happened<ClusterFact>, { type: "cluster.requested" }>;
type Other = Exclude<
  Happened<ClusterFact>,
  { type: "cluster.requested" | "cluster.creation_undone" }
>;

/** A new cluster, or the same one asked for again by a retry: what it has already stays. */
function requested(cluster: ClusterState | null, { data, at }: Requested): ClusterState {
  const { cluster: id, region, project, spec } = data;
  return { ...(cluster ?? { ...bare, createdAt: at }), id, region, project, spec, updatedAt: at };
}

const bare = {
  rest: { state: "creating" },
  runs: [],
  endpoint: null,
  kubeconfig: null,
  kubeconfigAt: null,
  servers: [],
  problems: [],
  problemsAt: null,
} as const satisfies Partial<ClusterState>;

const noKubeconfig = { kubeconfig: null, kubeconfigAt: null } as const;

function change(cluster: ClusterState, fact: Other): Partial<ClusterState> {
  const { spec } = cluster;
  switch (fact.type) {
    case "cluster.run_began": {
      const { run, workflow, state: shows } = fact.data;
      return withRun(cluster, { run, workflow, shows });
    }
    case "cluster.run_ended": {
      // What is deleted stays so, however the run that did it ends.
      const error = cluster.rest.state === "deleted" ? null : fact.data.error;
      return withoutRun(cluster, { run: fact.data.run, error }, troubleFrom);
    }
    case "cluster.servers_allocated":
      return { servers: [...without(cluster, fact.data.servers), ...fact.data.servers] };
    case "cluster.servers_released": {
      const gone = fact.data.servers.map((server) => ({ server }));
      return { servers: without(cluster, gone) };
    }
    case "cluster.problems_seen":
      return { problems: fact.data.problems, problemsAt: fact.at };
    case "cluster.kubeconfig_stored":
      return { kubeconfig: fact.data.secret, kubeconfigAt: fact.at };
    case "cluster.kubeconfig_removed":
      return noKubeconfig;
    case "cluster.kubeconfig_read":
      return {};
    case "cluster.created":
      return { ...runs(cluster), endpoint: fact.data.endpoint };
    case "cluster.scaled": {
      const { nodePool, nodeCount } = fact.data;
      const nodePools = spec.nodePools.map((pool) =>
        pool.name === nodePool ? { ...pool, nodeCount } : pool,
      );
      return { ...runs(cluster), spec: { ...spec, nodePools } };
    }
    case "cluster.upgraded":
      return { ...runs(cluster), spec: { ...spec, ...fact.data } };
    case "cluster.updated":
      return { spec: { ...spec, protected: fact.data.protected } };
    case "cluster.deleted":
      // Servers that an abandoned deletion left to it are given back as those of a cluster that is no more.
      return {
        rest: { state: "deleted" },
        ...noKubeconfig,
        endpoint: null,
        problems: [],
        servers: [],
      };
    default:
      return unchanged(fact);
  }
}

/** Reached only by facts that a later version wrote; the type says that this version's are all handled. */
const unchanged = (_fact: never): Partial<ClusterState> => ({});

/** A change that came to its end has shown that the cluster obeys. Only a deletion is final. */
const runs = ({ rest }: ClusterState): Pick<ClusterState, "rest"> => ({
  rest: rest.state === "deleted" ? rest : { state: "running" },
});

const without = (
  { servers }: ClusterState,
  named: readonly Pick<ClusterServer, "server">[],
): readonly ClusterServer[] =>
  servers.filter(({ server }) => !named.some((each) => each.server === server));

export function troubleFrom({ workflow }: ClusterWork): ClusterTrouble {
  if (workflow === "cluster.create") return "creation";
  if (workflow === "cluster.delete") return "deletion";
  return workflow === "cluster.upgrade" ? "upgrade" : "scaling";
}
