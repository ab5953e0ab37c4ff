import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from "kysely";
import type { Database, Param } from "#platform/database.ts";

/**
 * SQL composed of fragments. Kysely is used as the compiler that numbers the parameters of nested fragments,
 * and for nothing else: the `Database` port executes, on either backend.
 */
const compiler = new Kysely<object>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export type Fragment = RawBuilder<unknown>;

export interface Statement {
  readonly sql: string;
  readonly params: readonly Param[];
}

export function compiled(fragment: Fragment): Statement {
  const query = fragment.compile(compiler);
  return { sql: query.sql, params: query.parameters as readonly Param[] };
}

/** All of the conditions; none at all is true. */
export const allOf = (conditions: readonly Fragment[]): Fragment =>
  conditions.length === 0 ? sql`true` : sql.join([...conditions], sql` and `);

export const rowsOf = <Row extends object>(db: Database, fragment: Fragment): Promise<Row[]> => {
  const statement = compiled(fragment);
  return db.query<Row>(statement.sql, statement.params);
};
