import { sql } from "kysely";
import type { DirectoryPort, KnownServer } from "#drivers/ports.ts";
import type { Database } from "#platform/database.ts";
import { type Fragment, rowsOf } from "./sql.ts";

/** Finds registered machines by what tells one from all others. Each way to find one has its index. */
export const createDirectory = (db: Database): DirectoryPort => ({
  async findServer({ uuid, serial, manufacturer, bmcAddress, except }, { signal }) {
    signal.throwIfAborted();
    const same: Fragment[] = [sql`bmc_address = ${bmcAddress}`];
    if (uuid !== null) same.push(sql`uuid = ${uuid}`);
    if (serial !== null)
      same.push(
        sql`(serial = ${serial} and body->>'manufacturer' is not distinct from ${manufacturer}::text)`,
      );
    const [found] = await rowsOf<KnownServer>(
      db,
      sql`select id, state = 'registering' as registering from servers where (${sql.join(same, sql` or `)})
        and state <> 'decommissioned' and id <> ${except}
        order by state = 'registering', id limit 1`,
    );
    return found ?? null;
  },
});
