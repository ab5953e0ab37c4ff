import { shownState } from "#domain/at-work.ts";
import { serverModel } from "./model.ts";
import type { ServerState } from "./state.ts";

/** The folded server without its inventory: what the column `servers.body` holds and `serverView` reads. */
export type StoredServer = Omit<ServerState, "inventory">;

/**
 * How servers are kept in the table `servers`: functions of the folded stream and nothing else, so that a rebuild
 * gives the same rows. The inventory stands beside the body because it is large and changes rarely.
 */
export const serverTable = {
  model: serverModel,
  table: "servers",
  smallColumns: ["body"],
  largeColumns: ["inventory"],
  /** All columns but `id` and `stream_version`; without `inventory` when it has not changed. */
  toColumns: (server: ServerState, previous: ServerState | null) => {
    const { inventory, ...body } = server;
    return {
      region: server.region,
      project: server.project,
      state: shownState(server),
      power: server.power,
      health: server.health,
      pool: server.pool,
      uuid: server.uuid,
      serial: server.serial,
      bmc_address: server.bmc.address,
      tags: server.tags,
      created_at: new Date(server.createdAt),
      allocation: server.allocation?.state ?? null,
      allocated_to: server.allocation?.cluster ?? null,
      allocated_from: server.allocation?.pool ?? null,
      free_since: server.freeSince === null ? null : new Date(server.freeSince),
      body,
      ...((previous === null || previous.inventory !== inventory) && { inventory }),
    };
  },
  /** The state from a row; without its inventory when that column was not read. */
  fromRow: (row: Readonly<Record<string, unknown>>): ServerState => ({
    ...(row["body"] as StoredServer),
    inventory: (row["inventory"] ?? null) as ServerState["inventory"],
  }),
} as const;
