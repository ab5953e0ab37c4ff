import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "#journal/migrate.ts";
import type { Database } from "#platform/database.ts";
import { openPglite } from "#platform/pglite.ts";
import { openPostgres } from "#platform/postgres.ts";
import { createServerDatabase } from "#test/processes/server-database.ts";

/**
 * The databases on which everything is measured: PGlite in a real directory, with fsync as in production, and, when
 * TEST_DATABASE_URL names a server, a database of its own there.
 */

/** Where a database is: plain data, so that a child process can be told. */
export type Place =
  | { readonly kind: "pglite"; readonly dir: string }
  | { readonly kind: "postgres"; readonly dir: string; readonly url: string };

interface Site {
  readonly place: Place;
  /** Removes the database and the directory; nothing may be using them any more. */
  remove(): Promise<void>;
}

/** As many connections as a control plane opens. */
const CONNECTIONS = 12;

export const openPlace = (place: Place): Promise<Database> =>
  place.kind === "pglite"
    ? openPglite(join(place.dir, "database"))
    : openPostgres(place.url, { maxConnections: CONNECTIONS });

/** The same with the schema in it. */
export async function openMigrated(place: Place): Promise<Database> {
  const database = await openPlace(place);
  await migrate(database);
  return database;
}

const serverUrl = process.env["TEST_DATABASE_URL"];

const kinds: readonly Database["kind"][] =
  serverUrl === undefined ? ["pglite"] : ["pglite", "postgres"];

/** A new, empty database. On PostgreSQL the directory is there too: a control plane keeps its keys in one. */
async function makeSite(kind: Database["kind"]): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), "millwright-bench-"));
  const removeDir = (): Promise<void> => rm(dir, { recursive: true, force: true });
  if (kind === "pglite" || serverUrl === undefined)
    return { place: { kind: "pglite", dir }, remove: removeDir };
  const { url, drop } = await createServerDatabase(serverUrl);
  return {
    place: { kind, dir, url },
    async remove() {
      await drop();
      await removeDir();
    },
  };
}

/** Runs `work` on a new database, which is gone afterwards. */
export async function onDatabase<Result>(
  kind: Database["kind"],
  work: (place: Place) => Promise<Result>,
): Promise<Result> {
  const site = await makeSite(kind);
  try {
    return await work(site.place);
  } finally {
    await site.remove();
  }
}

/** The same on each kind of database, one after the other. */
export async function onEachDatabase<Result>(
  work: (place: Place) => Promise<Result>,
): Promise<{ readonly kind: Database["kind"]; readonly result: Result }[]> {
  const results: { readonly kind: Database["kind"]; readonly result: Result }[] = [];
  for (const kind of kinds) results.push({ kind, result: await onDatabase(kind, work) });
  return results;
}
