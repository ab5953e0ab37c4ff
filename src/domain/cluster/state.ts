import type {
  ClusterLifecycleState,
  ClusterServer,
  ClusterSpec,
  Problem,
} from "#contract/cluster.ts";
import type { ClusterId, SecretId } from "#contract/ids.ts";
import type { AtWork, Worked } from "#domain/at-work.ts";

/**
 * A cluster folded from its facts: plain data, times in ms since 1970. The spec is what stands: what was asked for
 * at the creation, and every change since that came to its end.
 *
 *   creating ─▶ running ⇄ scaling, upgrading ─▶ deleting ─▶ deleted
 *                   any of these but deleted ⇄ error
 */
export interface ClusterState extends Worked<ClusterSound, ClusterTrouble, ClusterWork> {
  readonly id: ClusterId;
  readonly region: string;
  readonly project: string;
  readonly spec: ClusterSpec;
  readonly endpoint: string | null;
  readonly kubeconfig: SecretId | null;
  /** When the stored kubeconfig was read at the management cluster; null without one, absent in rows that were written before this was kept. */
  readonly kubeconfigAt?: number | null;
  readonly servers: readonly ClusterServer[];
  readonly problems: readonly Problem[];
  /** When they were last told, ms since 1970; null: never. */
  readonly problemsAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a cluster is when nobody works on it and nothing is wrong. `creating`: its creation has not come to its end. */
export interface ClusterSound {
  readonly state: "creating" | "running" | "deleted";
}

export type ClusterTrouble = "creation" | "scaling" | "upgrade" | "deletion";
export type ClusterWork = AtWork<ClusterLifecycleState>;
