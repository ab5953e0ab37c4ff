import type { Database, Query } from "#platform/database.ts";

/**
 * Dump and restore: the truth of a database as lines of JSON, for a new major version of the embedded database and for
 * the move to a PostgreSQL server. Read models are not in it; a restore is followed by a rebuild.
 */

export const DUMP_FORMAT = "millwright-dump/1";

type Line =
  | { readonly format: typeof DUMP_FORMAT; readonly migrations: number; readonly at: string }
  | { readonly table: TableName; readonly row: Readonly<Record<string, unknown>> }
  | { readonly end: Readonly<Record<string, number>> };

/** Every table that holds truth, with its columns and the key by which it is read in pages. */
const tables = {
  events: {
    columns: "position, stream, version, type, data, meta, occurred_at, digest",
    key: "position",
  },
  secrets: {
    columns: "id, encode(sealed, 'base64') as sealed, run_id, owner, name, created_at, expires_at",
    key: "id",
  },
  api_keys: { columns: "id, name, hash, role, created_at, revoked_at", key: "id" },
  seals: {
    columns: "number, after_position, to_position, events, digest, sealed_at",
    key: "number",
  },
  installation: { columns: "number, key_token, recorded_at", key: "number" },
} as const;

type TableName = keyof typeof tables;
const tableNames = Object.keys(tables) as TableName[];

const PAGE = 1_000;

/**
 * Hands out the dump's lines, the last one with the counts, so that a cut file is noticed. All of them are read in one
 * snapshot: beside writers, pages read one by one would miss what commits late under a low position.
 */
export async function dump(
  database: Database,
  at: Date,
  write: (line: string) => void | Promise<void>,
): Promise<void> {
  await database.transaction(async (query) => {
    await query("set transaction isolation level repeatable read, read only");
    for await (const line of linesOf(query, at)) await write(JSON.stringify(line));
  });
}

async function* linesOf(query: Query, at: Date): AsyncGenerator<Line> {
  const applied = await query<{ newest: number }>(
    "select max(number) as newest from schema_migrations",
  );
  yield { format: DUMP_FORMAT, migrations: applied[0]?.newest ?? 0, at: at.toISOString() };
  const counts: Record<string, number> = {};
  for (const table of tableNames) {
    const { columns, key } = tables[table];
    counts[table] = 0;
    for (let offset: string | number = key === "id" ? "" : 0; ;) {
      const rows: Record<string, unknown>[] = await query(
        `select ${columns} from ${table} where ${key} > $1 order by ${key} limit ${PAGE}`,
        [offset],
      );
      for (const row of rows) yield { table, row };
      counts[table] += rows.length;
      const lastKey = rows.at(-1)?.[key];
      if (rows.length < PAGE || (typeof lastKey !== "string" && typeof lastKey !== "number")) break;
      offset = lastKey;
    }
  }
  yield { end: counts };
}

export class RestoreRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "RestoreRefused";
  }
}

const inserts: Readonly<Record<TableName, string>> = {
  // Transaction ids mean nothing in another database: all restored events get the lowest, and keep their position.
  events: `insert into events (position, tx, stream, version, type, data, meta, occurred_at, digest) overriding system value
    select position, '3'::xid8, stream, version, type, data, meta, occurred_at, digest
    from jsonb_to_recordset($1::jsonb) as r(position bigint, stream text, version integer, type text, data jsonb, meta jsonb, occurred_at timestamptz, digest text)`,
  secrets: `insert into secrets (id, sealed, run_id, owner, name, created_at, expires_at)
    select id, decode(sealed, 'base64'), run_id, owner, name, created_at, expires_at
    from jsonb_to_recordset($1::jsonb) as r(id text, sealed text, run_id text, owner text, name text, created_at timestamptz, expires_at timestamptz)`,
  api_keys: `insert into api_keys (id, name, hash, role, created_at, revoked_at)
    select id, name, hash, role, created_at, revoked_at
    from jsonb_to_recordset($1::jsonb) as r(id text, name text, hash text, role text, created_at timestamptz, revoked_at timestamptz)
    on conflict do nothing`,
  seals: `insert into seals (number, after_position, to_position, events, digest, sealed_at)
    select number, after_position, to_position, events, digest, sealed_at
    from jsonb_to_recordset($1::jsonb) as r(number integer, after_position bigint, to_position bigint, events integer, digest text, sealed_at timestamptz)`,
  installation: `insert into installation (number, key_token, recorded_at)
    select number, key_token, recorded_at
    from jsonb_to_recordset($1::jsonb) as r(number integer, key_token text, recorded_at timestamptz)`,
};

/** The last line of a cut file is half a line. */
function parseLine(text: string): Line {
  try {
    const line = JSON.parse(text) as Line | null;
    if (typeof line === "object" && line !== null) {
      if ("format" in line || "end" in line || tableNames.includes(line.table)) return line;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RestoreRefused("the dump is incomplete or damaged; nothing was restored");
}

/** Restores into a migrated, empty database, all or nothing. Returns the rows per table. Throws RestoreRefused. */
export async function restore(
  database: Database,
  lines: AsyncIterable<string>,
  knownMigrations: number,
): Promise<Readonly<Record<string, number>>> {
  return database.transaction(async (query) => {
    const filled = await query<{ n: number }>(
      "select count(*)::int as n from (select 1 from events limit 1) one",
    );
    if ((filled[0]?.n ?? 0) > 0)
      throw new RestoreRefused("the database is not empty; restore into a new one");
    // Whoever started here before, it is the dump's secrets that the key must open from now on.
    await query("delete from installation");
    const counts: Record<string, number> = {};
    const pending: Record<TableName, unknown[]> = {
      events: [],
      secrets: [],
      api_keys: [],
      seals: [],
      installation: [],
    };
    const flush = async (table: TableName): Promise<void> => {
      if (pending[table].length > 0) await query(inserts[table], [JSON.stringify(pending[table])]);
      pending[table] = [];
    };
    let header = false;
    let end: Readonly<Record<string, number>> | null = null;
    for await (const text of lines) {
      if (text.trim() === "") continue;
      const line = parseLine(text);
      if ("format" in line) {
        if (line.format !== DUMP_FORMAT) throw new RestoreRefused(`not a ${DUMP_FORMAT} file`);
        if (line.migrations > knownMigrations)
          throw new RestoreRefused(
            `the dump is of schema ${line.migrations}, this version knows up to ${knownMigrations}`,
          );
        header = true;
      } else if (!header) {
        throw new RestoreRefused(`not a ${DUMP_FORMAT} file`);
      } else if ("end" in line) {
        end = line.end;
      } else {
        pending[line.table].push(line.row);
        counts[line.table] = (counts[line.table] ?? 0) + 1;
        if (pending[line.table].length >= PAGE) await flush(line.table);
      }
    }
    for (const table of tableNames) await flush(table);
    for (const table of tableNames) {
      if (end === null || (end[table] ?? 0) !== (counts[table] ?? 0))
        throw new RestoreRefused("the dump is incomplete; nothing was restored");
    }
    await afterRestore(query);
    return counts;
  });
}

/** What follows from the events: the streams' versions and the next position. */
async function afterRestore(query: Query): Promise<void> {
  await query(
    "insert into streams (stream, version) select stream, max(version) from events group by stream",
  );
  await query(
    "select setval(pg_get_serial_sequence('events', 'position'), greatest((select coalesce(max(position), 0) from events), 1))",
  );
  await query("delete from checkpoints");
}
