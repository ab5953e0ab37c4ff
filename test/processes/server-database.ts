import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database of its own on a PostgreSQL server. */
export interface ServerDatabase {
  readonly url: string;
  /** Ends every connection to it, as a restart of the server would. */
  cutOff(): Promise<void>;
  drop(): Promise<void>;
}

export async function createServerDatabase(serverUrl: string): Promise<ServerDatabase> {
  const name = `millwright_test_${randomBytes(6).toString("hex")}`;
  const ask = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await ask(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    cutOff: () =>
      ask(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
      ),
    drop: () => ask(`drop database if exists ${name} with (force)`),
  };
}
