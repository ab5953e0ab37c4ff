import type { Inventory } from "#contract/inventory.ts";
import type { Server } from "#contract/server.ts";
import type { StoredServer } from "#domain/server/row.ts";
import { serverView } from "#domain/server/view.ts";
import type { Database } from "#platform/database.ts";
import type { ListPage, ListQuery } from "./list-query.ts";
import { RowCounter } from "./row-count.ts";
import { type ServerFilter, type ServerKey, type ServerSort, listServers } from "./server-list.ts";

/** Where a server lives: what another region or project asks for is not there. */
export interface ServerPlace {
  readonly region: string;
  readonly project: string;
}

/** Everything that is read about servers. */
export interface ServerReader {
  list(query: ListQuery<ServerFilter, ServerKey, ServerSort>): Promise<ListPage<Server, ServerKey>>;
  get(id: string, place: ServerPlace): Promise<Server | null>;
  /** The folded server, for what has to be decided from it at the door. */
  stored(id: string, place: ServerPlace): Promise<StoredServer | null>;
  /** What the last inspection read; `inventory` is null before the first one. */
  inventory(
    id: string,
    place: ServerPlace,
  ): Promise<{ readonly server: Server; readonly inventory: Inventory | null } | null>;
}

export function createServerReader(db: Database, now: () => number): ServerReader {
  const counter = new RowCounter(db, now);
  const stored = async (id: string, place: ServerPlace): Promise<StoredServer | null> => {
    const [row] = await db.query<{ body: StoredServer }>(
      "select body from servers where id = $1 and region = $2 and project = $3",
      [id, place.region, place.project],
    );
    return row?.body ?? null;
  };
  return {
    async list(query) {
      const page = await listServers(db, counter, query);
      return { ...page, items: page.items.map((server) => serverView(server)) };
    },
    async get(id, place) {
      const server = await stored(id, place);
      return server === null ? null : serverView(server);
    },
    stored,
    async inventory(id, place) {
      const [row] = await db.query<{ body: StoredServer; inventory: Inventory | null }>(
        "select body, inventory from servers where id = $1 and region = $2 and project = $3",
        [id, place.region, place.project],
      );
      return row === undefined ? null : { server: serverView(row.body), inventory: row.inventory };
    },
  };
}
