import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Database } from "#platform/database.ts";

/** Numbered SQL files, forward only. What was released is never edited; a changed file is refused by its digest. */

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly digest: string;
}

const folder = new URL("./migrations/", import.meta.url);

export function readMigrations(): Migration[] {
  return readdirSync(fileURLToPath(folder))
    .filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    .toSorted()
    .map((name) => {
      const sql = readFileSync(new URL(name, folder), "utf8");
      return {
        number: Number(name.slice(0, 4)),
        name,
        sql,
        digest: createHash("sha256").update(sql).digest("hex"),
      };
    });
}

/** The database was written by a newer version of the code; nothing in it has been touched. */
export class SchemaTooNew extends Error {
  constructor(found: number, known: number) {
    super(
      `the database has schema ${found}, this version of Millwright knows up to ${known}; start the newer version, nothing has been changed`,
    );
    this.name = "SchemaTooNew";
  }
}

export class MigrationChanged extends Error {
  constructor(name: string) {
    super(
      `the migration ${name} differs from the one that this database was built with; restore the file as released`,
    );
    this.name = "MigrationChanged";
  }
}

/** Any number that no other program on the same server is likely to lock. */
const MIGRATION_LOCK = 7_140_325_501;

/**
 * Brings the schema up to date and returns the numbers applied. Two processes that start at once take turns.
 * Throws SchemaTooNew or MigrationChanged before anything is written.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = readMigrations(),
): Promise<number[]> {
  const newest = migrations.at(-1)?.number ?? 0;
  return database.transaction(async (query) => {
    await query("select pg_advisory_xact_lock($1::bigint)", [MIGRATION_LOCK]);
    const exists = await query<{ found: string | null }>(
      "select to_regclass('schema_migrations')::text as found",
    );
    const rows =
      (exists[0]?.found ?? null) === null
        ? []
        : await query<{ number: number; digest: string }>(
            "select number, digest from schema_migrations order by number",
          );
    const found = Math.max(0, ...rows.map((row) => row.number));
    if (found > newest) throw new SchemaTooNew(found, newest);
    const applied = new Map(rows.map((row) => [row.number, row.digest]));
    for (const migration of migrations) {
      const digest = applied.get(migration.number);
      if (digest !== undefined && digest !== migration.digest)
        throw new MigrationChanged(migration.name);
    }
    const missing = migrations.filter((migration) => !applied.has(migration.number));
    if (rows.length === 0 && missing.length > 0) {
      await query(
        "create table schema_migrations (number integer primary key, name text not null, digest text not null, applied_at timestamptz not null default now())",
      );
    }
    for (const migration of missing) {
      for (const statement of splitStatements(migration.sql)) await query(statement);
      await query("insert into schema_migrations (number, name, digest) values ($1, $2, $3)", [
        migration.number,
        migration.name,
        migration.digest,
      ]);
    }
    return missing.map((migration) => migration.number);
  });
}

/** Statements of a script: cut at semicolons that end a line, but not inside a `$$` body. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let current: string[] = [];
  let inBody = false;
  for (const line of sql.split("\n")) {
    if (line.trim() === "" || (!inBody && line.trimStart().startsWith("--"))) continue;
    current.push(line);
    if ((line.split("$$").length - 1) % 2 === 1) inBody = !inBody;
    if (!inBody && line.trimEnd().endsWith(";")) {
      statements.push(current.join("\n"));
      current = [];
    }
  }
  if (current.length > 0) statements.push(current.join("\n"));
  return statements;
}
