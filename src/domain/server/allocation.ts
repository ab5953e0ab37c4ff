import { Failure } from "#contract/failures.ts";
import type { ClusterId, RunId, ServerId } from "#contract/ids.ts";
import type { Allocation, ServerFact } from "#contract/server.ts";
import type { Allocated, ServerState } from "./state.ts";

/**
 * Clusters draw servers from pools and give them back. Every fact follows from the server's own state, so two clusters that
 * decide from the same one cannot both write: the second one's version is no longer the stream's.
 *
 *   free ── allocated ──▶ reserved ── confirmed ──▶ used
 *     ▲                      │                        │
 *     └──────── released ────┴────────────────────────┘
 */

/** Ready to be drawn: available, not failed, in no run's hands and in no cluster. */
export const isFree = ({
  rest,
  runs,
  health,
  allocation,
}: Pick<ServerState, "rest" | "runs" | "health" | "allocation">): boolean =>
  rest.state === "available" && runs.length === 0 && health !== "failed" && allocation === null;

/** Draws the server, or takes over what an earlier run drew for the same group. Null: it is not to be had (any more). */
export function allocated(
  server: ServerState,
  to: Pick<Allocation, "cluster" | "pool" | "group" | "run">,
): ServerFact | null {
  const { allocation } = server;
  const isOwn =
    allocation?.state === "reserved" &&
    allocation.cluster === to.cluster &&
    allocation.group === to.group;
  return isOwn || isFree(server) ? { type: "server.allocated", data: to } : null;
}

/** Null: there is nothing to be confirmed. */
export const confirmed = ({ allocation }: ServerState, cluster: ClusterId): ServerFact | null =>
  allocation?.cluster === cluster && allocation.state === "reserved"
    ? { type: "server.allocation_confirmed", data: { cluster } }
    : null;

/** Null: the cluster does not have it. */
export const released = (
  { allocation }: ServerState,
  by: { readonly cluster: ClusterId; readonly run: RunId },
): ServerFact | null =>
  allocation?.cluster === by.cluster ? { type: "server.allocation_released", data: by } : null;

/** The refusal of what would take the server away from its cluster. */
export const inCluster = (
  id: ServerId,
  { cluster, group, run }: Allocated,
  refused: string,
): Failure =>
  new Failure(
    "CONFLICT",
    `${refused}: server ${id} belongs to cluster ${cluster} (${group}); scale or delete the cluster to get it back`,
    { details: { serverId: id, clusterId: cluster, group, run } },
  );
