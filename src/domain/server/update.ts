import { Failure } from "#contract/failures.ts";
import type { ServerId } from "#contract/ids.ts";
import type { UpdateServerBody } from "#contract/server-requests.ts";
import type { ServerFact } from "#contract/server.ts";
import { inCluster } from "./allocation.ts";
import type { ServerState } from "./state.ts";

/** What people change of a server without a run: its names, its tags, the list that it is on. */
export function updated(
  server: ServerState | null,
  id: ServerId,
  change: UpdateServerBody,
): readonly ServerFact[] | Failure {
  if (server === null)
    return new Failure("NOT_FOUND", `there is no server ${id}`, { details: { serverId: id } });
  if (server.rest.state === "decommissioned")
    return new Failure("INVALID_STATE_TRANSITION", `server ${id} is decommissioned`, {
      details: { state: server.rest.state, serverId: id },
    });
  const { allocation } = server;
  if (allocation !== null && change.pool !== undefined && change.pool !== server.pool)
    return inCluster(id, allocation, "it cannot leave its pool");
  return [{ type: "server.updated", data: change }];
}
