import { describe } from "vitest";
import type { Database } from "#platform/database.ts";
import { openPostgres } from "#platform/postgres.ts";
import { openMemoryDatabase } from "./memory-database.ts";
import { createServerDatabase } from "./processes/server-database.ts";

/**
 * The two databases on which the same suites run. PGlite is always there. A PostgreSQL server is used when
 * TEST_DATABASE_URL names one (a user who may create databases); each `open` then makes a database of its own.
 */

export interface Backend {
  readonly kind: Database["kind"];
  /** A new, empty database. */
  open(): Promise<TestDatabase>;
}

export interface TestDatabase {
  readonly database: Database;
  /** For PostgreSQL: the URL by which another process or connection reaches the same database. */
  readonly url: string | null;
  /** Another connection to the same database; PGlite has only one, so it gives the same again. */
  another(): Promise<Database>;
  drop(): Promise<void>;
}

const serverUrl = process.env["TEST_DATABASE_URL"];

const pglite: Backend = {
  kind: "pglite",
  async open() {
    const database = await openMemoryDatabase();
    return { database, url: null, another: async () => database, drop: () => database.close() };
  },
};

const postgres = (server: string): Backend => ({
  kind: "postgres",
  async open() {
    const { url, drop } = await createServerDatabase(server);
    const opened: Database[] = [];
    const another = async (): Promise<Database> => {
      const database = await openPostgres(url, { maxConnections: 10 });
      opened.push(database);
      return database;
    };
    return {
      database: await another(),
      url,
      another,
      async drop() {
        await Promise.all(opened.map((database) => database.close()));
        await drop();
      },
    };
  },
});

export const backends: readonly Backend[] =
  serverUrl === undefined ? [pglite] : [pglite, postgres(serverUrl)];

export const postgresBackend: Backend | null = serverUrl === undefined ? null : postgres(serverUrl);

/** Runs a suite once per database; without a server the second one is reported as skipped, with the reason. */
export function describeEachBackend(name: string, suite: (backend: Backend) => void): void {
  for (const backend of backends) describe(`${name} on ${backend.kind}`, () => suite(backend));
  if (postgresBackend === null) {
    describe.skip(`${name} on postgres (TEST_DATABASE_URL names no server)`, () => suite(pglite));
  }
}
