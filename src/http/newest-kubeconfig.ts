import { Failure, toFailure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import type { ApiDependencies } from "./dependencies.ts";

/**
 * The newest kubeconfig of a cluster that can be had (decision 18). Cluster API renews the administrator's certificate before it runs out, so what was
 * stored at the creation ends to work after a year at the latest; the management cluster has the one that holds. Where it cannot be asked, the
 * stored one is better than none.
 */
export interface NewestKubeconfig {
  readonly text: string;
  /** When the management cluster gave it, ms since 1970; null: not known. */
  readonly readAt: number | null;
  /** The management cluster gave it just now. */
  readonly isCurrent: boolean;
  /** It differs from what was stored, and is stored now in its place. */
  readonly isRenewed: boolean;
}

type Dependencies = Pick<ApiDependencies, "kubernetes" | "reveal" | "renewSecret" | "now" | "log">;

type Cluster = Pick<ClusterState, "id" | "spec" | "kubeconfig" | "kubeconfigAt">;

/** Null for a cluster that has none yet. NOT_FOUND, or why the management cluster cannot tell, when neither has it any more. */
export async function newestKubeconfig(
  deps: Dependencies,
  cluster: Cluster,
): Promise<NewestKubeconfig | null> {
  const { kubeconfig: secret } = cluster;
  if (secret === null) return null;
  for (let race = 0; ; race += 1) {
    // In this order: what is stored before the look was read before it, so it may take that one's place and no other's.
    const stored = await revealed(deps, secret);
    const found = await look(deps, cluster);
    if (typeof found !== "string") return asStored(deps, cluster, { stored, found });
    const differs = stored !== null && stored !== found;
    const isRenewed = differs && (await deps.renewSecret(secret, { from: stored, to: found }));
    // Somebody else has stored one meanwhile: only another look tells which of the two is the newer.
    if (!differs || isRenewed || race >= RACES)
      return { text: found, readAt: deps.now(), isCurrent: true, isRenewed };
  }
}

/** How often a download looks again because another one was quicker to store what it had read. */
const RACES = 3;

/** What was stored, where the management cluster has told nothing. */
function asStored(
  deps: Dependencies,
  cluster: Cluster,
  { stored, found }: { readonly stored: string | null; readonly found: Failure },
): NewestKubeconfig {
  if (stored === null)
    throw new Failure(
      found.code === "NOT_FOUND" ? "NOT_FOUND" : "UNAVAILABLE",
      `the kubeconfig of cluster ${cluster.id} is no longer stored, and its management cluster has none to give now: ${found.message}`,
      { cause: found },
    );
  deps.log("info", "the stored kubeconfig was given out, the current one could not be read", {
    cluster: cluster.id,
    error: found,
  });
  return { text: stored, readAt: cluster.kubeconfigAt ?? null, isCurrent: false, isRenewed: false };
}

/** Null when it is gone. */
async function revealed({ reveal }: Dependencies, secret: SecretId): Promise<string | null> {
  try {
    return await reveal(secret);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === "NOT_FOUND") return null;
    throw thrown;
  }
}

/** What the management cluster has; a failure when it has none or cannot be asked. */
async function look(
  { kubernetes }: Dependencies,
  { id, spec }: Cluster,
): Promise<string | Failure> {
  const { driver, place, name } = spec;
  try {
    const found = await kubernetes?.kubeconfigOf(driver, { id, place, name });
    return found ?? new Failure("NOT_FOUND", "there is none on the management cluster");
  } catch (thrown) {
    return toFailure(thrown);
  }
}
